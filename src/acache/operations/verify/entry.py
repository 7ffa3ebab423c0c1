"""Checking one entry without loading it: complete, readable, harmless to load."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Literal, NamedTuple

from acache.operations.verify.fixes import Fixes
from acache.pickles import DamagedError, Likeness, describe_file
from acache.pickles.safety import Judge
from acache.store.format import METADATA
from acache.store.model import Entry
from acache.store.store import Store

Kind = Literal[
    "missing-output",
    "truncated",
    "unreadable",
    "unsafe-pickle",
    "missing-source",
    "bad-metadata",
    "foreign",
    "unknown-global",
]
Severity = Literal["problem", "note"]
# In the order of the report.
KINDS: tuple[Kind, ...] = (
    *("unsafe-pickle", "truncated", "unreadable", "missing-output", "missing-source"),
    *("unknown-global", "bad-metadata", "foreign"),
)
_NOTES = ("bad-metadata", "foreign", "unknown-global")
_MOST_FIELDS = 1000  # of a structure, that are kept to be judged


class Finding(NamedTuple):
    """A problem, or a note, about one thing in a store."""

    id: str  # of an entry; of a function, dotted; or a path below the store
    kind: Kind
    severity: Severity
    message: str
    fix: str | None = None  # the command line that fixes it


class Verdict(NamedTuple):
    """What is wrong with an entry's result, and whether that makes it useless."""

    kind: Kind
    message: str
    damaged: bool = False


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
        self._sound = Likeness()
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
        judge = self._judge
        judge.begin()
        verdict = None
        try:
            if self._before_access is not None and self.store.reading_changes_access(
                entry.function, entry.hash, entry.place
            ):
                self._before_access()
            verdict = self._followed(entry)
        except FileNotFoundError:
            raise
        except OSError as error:  # it may be sound for a user who can read it
            verdict = Verdict("unreadable", f"cannot be read: {error.strerror or error}")
        except DamagedError as error:
            kind: Kind = "truncated" if error.truncated else "unreadable"
            verdict = Verdict(kind, str(error), damaged=not error.limited)
        if judge.unsafe:  # loading would run that, even if it fails later
            return Verdict("unsafe-pickle", f"loading it may run code: it {judge.unsafe_text()}")
        if verdict is None and judge.doubts:
            return Verdict("unreadable", f"too large to be judged: it {judge.doubts_text()}")
        if verdict is None and judge.unknown:
            return Verdict(
                "unknown-global", f"names what is not listed as harmless: {judge.unknown_text()}"
            )
        return verdict

    def fix(self, entry: Entry, verdict: Verdict) -> str | None:
        """Write the command line that fixes what was found last, if there is one."""
        if verdict.damaged:
            return self.fixes.delete(entry.function, entry.hash)
        if verdict.kind == "unsafe-pickle":
            return self.fixes.delete(entry.function, entry.hash, "--delete-unsafe")
        if verdict.kind == "unknown-global" and self._strict:
            return self.fixes.allow(self._judge.unknown)
        return None

    def _followed(self, entry: Entry) -> Verdict | None:
        judge = self._judge
        with self.store.open_output(entry.function, entry.hash, entry.place) as file:
            whole = file.getvalue() if isinstance(file, io.BytesIO) else None  # a small one
            if whole is not None and self._sound.knows(whole):
                return None
            described = describe_file(file, most_items=_MOST_FIELDS, watcher=judge, contents=False)
        if described.outside:
            message = "refers to objects outside of it, which joblib cannot load"
            return Verdict("unreadable", message, damaged=True)
        if described.trailing:
            message = f"goes on after its end, at byte {described.bytes_read}"
            return Verdict("unreadable", message, damaged=True)
        if whole is not None and not (judge.unsafe or judge.doubts or judge.unknown):
            self._sound.remember(whole, () if described.compression else described.passed)
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
