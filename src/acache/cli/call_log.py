"""What commands that read the call log share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from acache.cli.selection import AGE
from acache.store.ids import functions_named, matches_function, or_nearest
from acache.store.store import Store
from acache.system.errors import AcacheError, UsageError

if TYPE_CHECKING:
    from acache.store.call_log import Call

C = TypeVar("C", bound=Callable[..., Any])

_HOW = (
    "acache run SCRIPT writes one, and so do functions cached by acache, unless ACACHE_CALL_LOG=0"
)


def since_option(function: C) -> C:
    """Add ``--since``."""
    return click.option(
        "--since", type=AGE, metavar="AGE", help="Only calls of the last: 90s, 12h, 7d, 1d12h."
    )(function)


def logged_calls(store: Store, since: float | None = None) -> Iterator[Call]:
    """Read the call log of a store.

    Parameters
    ----------
    store : Store
    since : float, optional
        Unix seconds.

    Raises
    ------
    AcacheError
        If there is none.
    """
    from acache.store.call_log import has_calls, read_calls

    if not has_calls(store.path):
        raise AcacheError(f"{store.location} has no call log; {_HOW}")
    return read_calls(store.path, since=since)


class WantedCalls:
    """Which calls are meant by the names of functions and entries; found while the log is read.

    Parameters
    ----------
    names : sequence of str
        Function ids, patterns, or entry ids; no names mean all calls.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._found: set[str] = set()
        self._prefixes: dict[str, list[tuple[str, str]]] = {}  # by function: names, and of hashes

    def __call__(self, function: str, argument_hash: str) -> bool:
        """Return whether a call, given by its function id and argument hash, is meant."""
        if not self._names:
            return True
        prefixes = self._prefixes.get(function)
        if prefixes is None:
            prefixes = self._prefixes[function] = list(self._of_function(function))
        meant = [name for name, prefix in prefixes if argument_hash.startswith(prefix)]
        self._found.update(meant)
        return bool(meant)

    def _of_function(self, function: str) -> Iterator[tuple[str, str]]:
        for name in self._names:
            named, _, prefix = name.rpartition("/")
            if matches_function(function, name):
                yield name, ""
            elif prefix and functions_named(named, [function]):
                yield name, prefix

    def require_found(self) -> None:
        """Check that each name means a call.

        Raises
        ------
        UsageError
            If no logged call has such a name.
        """
        for name in self._names:
            if name not in self._found:
                raise UsageError(f"no logged call of {or_nearest(name, self._prefixes)}")
