"""The command lines that fix what a check finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from acache.sources.integrity import SourceTrouble
from acache.store.ids import exactly
from acache.store.store import Store
from acache.system.text import quoted

CommandLine = Callable[..., str]  # of words without "acache"; adds the options that name the store


class Fixes:
    """Writes the command lines of fixes.

    Parameters
    ----------
    store : Store
    allowed : iterable of str
        What is trusted already.
    narrow : bool
        Whether only a selection is checked: then a fix names the entry.
    command_line : callable, optional
        Writes a command of acache; by default with ``--cache-dir``.
    """

    def __init__(
        self,
        store: Store,
        *,
        allowed: Iterable[str],
        narrow: bool,
        command_line: CommandLine | None,
    ) -> None:
        self._store = store
        self._allow = [word for name in allowed for word in ("--allow", name)]
        self._narrow = narrow
        self._line = command_line or self._with_location

    def delete(self, function: str, argument_hash: str, option: str = "--delete") -> str:
        """Return what deletes an entry; unless narrow, with it all that have the same problem."""
        entry = [f"{function}/{argument_hash}"] if self._narrow else []
        return self._line("verify", *self._allow, option, *entry)

    def allow(self, names: Iterable[str]) -> str:
        """Return what checks again, trusting more classes and functions."""
        more = [word for name in names for word in ("--allow", name)]
        return self._line("verify", "--strict", *self._allow, *more)

    def clear(self, function: str, trouble: SourceTrouble) -> str:
        """Return what clears a function that has no whole source."""
        line = self._line("clear", "--function", exactly(function))
        if trouble.joblib == "raises":
            line += f" && {remove(trouble.address)}"
        return line

    def _with_location(self, *words: str) -> str:
        return " ".join(map(quoted, ("acache", *words, "--cache-dir", self._store.location)))


def remove(path: str, *, link: bool = False) -> str:
    """Return what removes something that acache never deletes."""
    return f"rm {'' if link else '-r '}{quoted(path)}"
