"""Checking one entry without loading it: complete, readable, harmless to load."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Literal, NamedTuple

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
# In the order in which they are told.
KINDS: tuple[Kind, ...] = (
    *("unsafe-pickle", "truncated", "unreadable", "missing-output", "missing-source"),
    *("unknown-global", "bad-metadata", "foreign"),
)
_NOTES = ("bad-metadata", "foreign", "unknown-global")
_MOST_FIELDS = 1000  # of a structure, that are kept to be judged


class Finding(NamedTuple):
    """What is wrong, or remarkable, with one thing in a store.

    Attributes
    ----------
    id : str
        Of an entry; of a function, dotted; or a path below the store.
    kind : str
        One of `KINDS`.
    severity : {"problem", "note"}
    message : str
        One line.
    """

    id: str
    kind: Kind
    severity: Severity
    message: str


class Verdict(NamedTuple):
    """What an entry's result is: what is wrong with it, and whether it is broken by that."""

    kind: Kind
    message: str
    damaged: bool = False


class EntryCheck:
    """How entries are checked, one at a time."""

    def __init__(
        self, store: Store, judge: Judge, *, strict: bool, noticed: Callable[[], None] | None
    ) -> None:
        self.store = store
        self._judge = judge
        self._sound = Likeness()
        self._strict = strict
        # Only whoever owns a file, or root, can read it unnoticed.
        self._noticed = noticed if hasattr(os, "geteuid") and os.geteuid() != 0 else None

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
            if self._noticed is not None and self.store.reading_changes_access(
                entry.function, entry.hash
            ):
                self._noticed()
            verdict = self._followed(entry)
        except FileNotFoundError:
            raise
        except OSError as error:  # it may be sound, for whoever can read it
            verdict = Verdict("unreadable", f"cannot be read: {error.strerror or error}")
        except DamagedError as error:
            kind: Kind = "truncated" if error.truncated else "unreadable"
            verdict = Verdict(kind, str(error), damaged=not error.limited)
        if judge.unsafe:  # loading would run that, before it fails perhaps
            return Verdict("unsafe-pickle", f"loading it may run code: it {judge.told()}")
        if verdict is None and judge.doubts:
            return Verdict("unreadable", f"too large to be judged: it {judge.told_doubts()}")
        if verdict is None and judge.unknown:
            return Verdict("unknown-global", f"of a package not known here: {judge.told_unknown()}")
        return verdict

    def _followed(self, entry: Entry) -> Verdict | None:
        judge = self._judge
        with self.store.open_output(entry.function, entry.hash) as file:
            whole = file.getvalue() if isinstance(file, io.BytesIO) else None  # a small one
            if whole is not None and self._sound.knows(whole):
                return None
            described = describe_file(file, most_items=_MOST_FIELDS, watcher=judge, contents=False)
        if described.outside:
            message = "refers to what is outside of it, which joblib cannot load"
            return Verdict("unreadable", message, damaged=True)
        if described.trailing:
            message = f"more follows where it should end, at byte {described.bytes_read}"
            return Verdict("unreadable", message, damaged=True)
        if whole is not None and not (judge.unsafe or judge.doubts or judge.unknown):
            self._sound.remember(whole, () if described.compression else described.passed)
        return None

    def metadata(self, entry: Entry) -> tuple[float | None, str | None]:
        """Read the recorded compute time; or tell what is wrong with ``metadata.json``."""
        try:
            metadata = self.store.metadata(entry.function, entry.hash)
        except ValueError as error:
            return None, f"{METADATA} is damaged: {error}"
        except OSError as error:
            return None, f"{METADATA} cannot be read: {error.strerror or error}"
        if metadata is not None and metadata.duration is None:
            return None, f"{METADATA} has no duration"
        return (None if metadata is None else metadata.duration), None

    def severity(self, kind: Kind) -> Severity:
        """Tell how much a kind of finding matters."""
        if kind == "unknown-global":
            return "problem" if self._strict else "note"
        return "note" if kind in _NOTES else "problem"
