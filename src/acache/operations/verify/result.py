"""Checking one result without loading it: whole, readable, harmless to load."""

from __future__ import annotations

import io
from typing import BinaryIO, Literal, NamedTuple

from acache.pickles import DamagedError, Likeness, describe_file
from acache.pickles.safety import Judge

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
_MOST_FIELDS = 1000  # of a structure, that are kept to be judged


class Verdict(NamedTuple):
    """What is wrong with an entry's result, and whether that makes it useless."""

    kind: Kind
    message: str
    damaged: bool = False


class ResultCheck:
    """Checks results, one at a time.

    Parameters
    ----------
    judge : Judge
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._sound = Likeness()

    def __call__(self, file: BinaryIO) -> Verdict | None:
        """Return what is wrong with a result; None if nothing is.

        Parameters
        ----------
        file : binary file
            Seekable, at its beginning.

        Raises
        ------
        MissingPackageError
            If what decompresses it is not installed.
        """
        judge = self._judge
        judge.begin()
        verdict = None
        try:
            verdict = self._followed(file)
        except OSError as error:  # it may be sound for a user who can read it
            verdict = cannot_be_read(error)
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

    def _followed(self, file: BinaryIO) -> Verdict | None:
        judge = self._judge
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


def cannot_be_read(error: OSError) -> Verdict:
    """Return the verdict on a result that the system does not let this user read."""
    return Verdict("unreadable", f"cannot be read: {error.strerror or error}")
