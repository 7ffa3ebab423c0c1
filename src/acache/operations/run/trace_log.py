"""The lines of a trace, added up per function.

A line is ``hit`` or ``miss``, the store's path, the function id, the argument hash, seconds of
hashing, loading, computing and storing, bytes loaded and stored, with tabs between; or the single
word ``python`` or ``joblib``, for a process that started, or imported joblib.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

# Entries whose hits are counted one by one, 200 bytes each.
_MOST_ENTRIES = 100_000
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r"}


class FunctionCalls(NamedTuple):
    """The traced calls of one function into one store."""

    store: str  # absolute path
    function: str  # function id, ``/`` between its parts
    hits: int
    misses: int  # also where computing raised
    hash_seconds: float
    load_seconds: float  # looking up and reading: everything that is not one of the others
    compute_seconds: float  # cached calls inside included
    store_seconds: float  # writing results and their metadata
    hit_seconds: float  # hashing and loading of hits only
    bytes_loaded: int  # sizes of the ``output.pkl`` read and written
    bytes_stored: int
    hit_entries: Mapping[str, int]  # hits of each of the first 100,000 entries, by argument hash


class Trace(NamedTuple):
    """All traced calls."""

    functions: tuple[FunctionCalls, ...]  # one for each function and store, the first to end first
    pythons: int  # processes that were traced, without those that `os.fork` makes
    joblibs: int  # how many of them imported joblib
    without_engine: int = 0  # how many of those cannot import the fast engine, which was asked for

    def hits_and_misses(self, store: str) -> tuple[int, int]:
        """Count the calls into one store.

        Parameters
        ----------
        store : str
            Path of the store: ``LOCATION/joblib``.

        Returns
        -------
        hits, misses : int >= 0
        """
        path = os.path.realpath(store)
        found = [row for row in self.functions if os.path.realpath(row.store) == path]
        return sum(row.hits for row in found), sum(row.misses for row in found)


class _Sum:
    """The calls of one function so far."""

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.seconds = [0.0] * 4
        self.hit_seconds = 0.0
        self.loaded = 0
        self.stored = 0
        self.entries: dict[str, int] = {}

    def add(self, outcome: bytes, seconds: list[float], loaded: int, stored: int) -> None:
        self.seconds = [sum(pair) for pair in zip(self.seconds, seconds, strict=True)]
        self.loaded += loaded
        self.stored += stored
        if outcome == b"hit":
            self.hits += 1
            self.hit_seconds += sum(seconds)
        else:
            self.misses += 1


def add_up(lines: Iterable[bytes]) -> Trace:
    """Add up the lines of a trace; incomplete ones are left out.

    Parameters
    ----------
    lines : iterable of bytes
        Each with its line break, which an incomplete line lacks.
    """
    sums: dict[tuple[bytes, bytes], _Sum] = {}
    marks = {b"python\n": 0, b"joblib\n": 0, b"no engine\n": 0}
    entries = 0
    for line in lines:
        if line in marks:
            marks[line] += 1
            continue
        call = _parsed(line)
        if call is None:
            continue
        outcome, store, function, arguments, seconds, loaded, stored = call
        total = sums.setdefault((store, function), _Sum())
        total.add(outcome, seconds, loaded, stored)
        entry = arguments.decode("ascii", "replace")
        if outcome == b"hit" and (entry in total.entries or entries < _MOST_ENTRIES):
            entries += entry not in total.entries
            total.entries[entry] = total.entries.get(entry, 0) + 1
    functions = [_frozen(*names, total) for names, total in sums.items()]
    return Trace(tuple(functions), *marks.values())


def _parsed(line: bytes) -> tuple[bytes, bytes, bytes, bytes, list[float], int, int] | None:
    parts = line.split(b"\t")
    if len(parts) != 10 or not line.endswith(b"\n"):
        return None
    outcome, store, function, arguments, *numbers = parts
    try:
        seconds = [float(number) for number in numbers[:4]]
        return outcome, store, function, arguments, seconds, int(numbers[4]), int(numbers[5])
    except ValueError:
        return None


def _frozen(store: bytes, function: bytes, total: _Sum) -> FunctionCalls:
    hashing, loading, computing, storing = total.seconds
    return FunctionCalls(
        store=_name(store),
        function=_name(function),
        hits=total.hits,
        misses=total.misses,
        hash_seconds=hashing,
        load_seconds=loading,
        compute_seconds=computing,
        store_seconds=storing,
        hit_seconds=total.hit_seconds,
        bytes_loaded=total.loaded,
        bytes_stored=total.stored,
        hit_entries=total.entries,
    )


def _name(escaped: bytes) -> str:
    text = os.fsdecode(escaped)
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
