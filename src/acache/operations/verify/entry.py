"""Checking one entry without loading it: complete, readable, harmless to load."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, NamedTuple

from acache.operations.verify.fixes import Fixes
from acache.operations.verify.result import Kind, ResultCheck, Verdict, cannot_be_read
from acache.pickles.safety import Judge
from acache.store.format import METADATA
from acache.store.model import Entry
from acache.store.store import Store

Severity = Literal["problem", "note"]
# In the order of the report.
KINDS: tuple[Kind, ...] = (
    *("unsafe-pickle", "truncated", "unreadable", "missing-output", "missing-source"),
    *("unknown-global", "bad-metadata", "foreign"),
)
_NOTES = ("bad-metadata", "foreign", "unknown-global")


class Finding(NamedTuple):
    """A problem, or a note, about one thing in a store."""

    id: str  # of an entry; of a function, dotted; or a path below the store
    kind: Kind
    severity: Severity
    message: str
    fix: str | None = None  # the command line that fixes it


class EntryCheck:
    """Checks entries, one at a time."""

    def __init__(
        self,
        store: Store,
        judge: Judge,
        fixes: Fixes,
        *,
        strict: bool,
        before_access: Callable[[], None] | None,
    ) -> None:
        self.store = store
        self.fixes = fixes
        self._judge = judge
        self._check = ResultCheck(judge)
        self._strict = strict
        # Only the owner of a file, or root, can read it without changing its last access.
        is_root = not hasattr(os, "geteuid") or os.geteuid() == 0
        self._before_access = None if is_root else before_access

    def output(self, entry: Entry) -> Verdict | None:
        """Check an entry's result.

        Raises
        ------
        FileNotFoundError
            If the entry vanished.
        MissingPackageError
            If what decompresses it is not installed.
        """
        at = entry.function, entry.hash, entry.place
        try:
            if self._before_access is not None and self.store.reading_changes_access(*at):
                self._before_access()
            with self.store.open_output(*at) as file:
                return self._check(file)
        except FileNotFoundError:
            raise
        except OSError as error:
            return cannot_be_read(error)

    def fix(self, entry: Entry, verdict: Verdict) -> str | None:
        """Write the command line that fixes what was found last, if there is one."""
        if verdict.damaged:
            return self.fixes.delete(entry.function, entry.hash)
        if verdict.kind == "unsafe-pickle":
            return self.fixes.delete(entry.function, entry.hash, "--delete-unsafe")
        if verdict.kind == "unknown-global" and self._strict:
            return self.fixes.allow(self._judge.unknown)
        return None

    def metadata(self, entry: Entry) -> tuple[float | None, str | None]:
        """Return the recorded compute time, and what is wrong with ``metadata.json``."""
        try:
            metadata = self.store.metadata(entry.function, entry.hash, entry.place)
        except ValueError as error:
            return None, f"{METADATA} is damaged: {error}"
        except OSError as error:
            return None, f"{METADATA} cannot be read: {error.strerror or error}"
        if metadata is not None and metadata.duration is None:
            return None, f"{METADATA} has no duration"
        return (None if metadata is None else metadata.duration), None

    def severity(self, kind: Kind) -> Severity:
        """Return how much a kind of finding matters."""
        if kind == "unknown-global":
            return "problem" if self._strict else "note"
        return "note" if kind in _NOTES else "problem"
