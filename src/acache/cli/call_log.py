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


def wanted_calls(names: Sequence[str], store: Store) -> Callable[[str, str], bool] | None:
    """Return which calls are meant by the names of functions and entries.

    Parameters
    ----------
    names : sequence of str
        Function ids, patterns, or entry ids; no names mean all calls.

    Returns
    -------
    wanted : callable or None
        Takes a function id and an argument hash; None: all are wanted.

    Raises
    ------
    UsageError
        If no logged call has such a name.
    """
    if not names:
        return None
    from acache.store.call_log import read_calls

    logged: dict[str, set[str]] = {}
    for call in read_calls(store.path):
        logged.setdefault(call.function, set()).add(call.hash)
    chosen: set[tuple[str, str]] = set()
    for name in names:
        function, _, prefix = name.rpartition("/")
        found = {
            (one, hash_)
            for one, hashes in logged.items()
            for hash_ in hashes
            if matches_function(one, name)
        }
        if not found and prefix:
            found = {
                (one, hash_)
                for one in functions_named(function, logged)
                for hash_ in logged[one]
                if hash_.startswith(prefix)
            }
        if not found:
            raise UsageError(f"no logged call of {or_nearest(name, logged)}")
        chosen |= found
    return lambda function, hash_: (function, hash_) in chosen
