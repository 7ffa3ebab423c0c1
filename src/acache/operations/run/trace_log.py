"""The lines of a trace, added up per function.

A line has its fields between tabs, and is one of

    hit or miss  STORE  FUNCTION  HASH, seconds of hashing, loading, computing and storing,
                 bytes loaded and stored
    dropped      STORE  FUNCTION  entries, bytes: joblib removed them, as the source had changed
    failed       STORE  FUNCTION  joblib's warning: a result was not stored
    python       a process has started
    joblib       a process has imported joblib
    loaded       the packages that a process has imported
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from acache.store.call_writer import location_of

# Entries that are counted one by one, 200 bytes each.
_MOST_ENTRIES = 100_000
_FIELDS = {b"hit": 9, b"miss": 9, b"dropped": 4, b"failed": 3, b"loaded": 1}
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
    missed_entries: Mapping[str, int] = {}  # misses, in the same way
    drops: int = 0  # times that joblib removed entries because the source had changed
    dropped_entries: int = 0
    dropped_bytes: int = 0
    failures: int = 0  # results that were not stored
    failure: str = ""  # joblib's warning about the first of them


class Trace(NamedTuple):
    """All traced calls."""

    functions: tuple[FunctionCalls, ...]  # one per function and location, the first to end first
    pythons: int  # processes that were traced, without those that `os.fork` makes
    joblibs: int  # how many of them imported joblib
    packages: frozenset[str] = frozenset()  # that these had imported when they ended
    without_engine: int = 0  # how many cannot import the fast engine, which was asked for

    def hits_and_misses(self, store: str) -> tuple[int, int]:
        """Count the calls into the stores of one location.

        Parameters
        ----------
        store : str
            Path of a store: ``LOCATION/joblib``, or the location itself.

        Returns
        -------
        hits, misses : int >= 0
        """
        location = location_of(os.path.realpath(store))
        found = [
            row for row in self.functions if location_of(os.path.realpath(row.store)) == location
        ]
        return sum(row.hits for row in found), sum(row.misses for row in found)


class _Sum:
    """The calls of one function so far."""

    def __init__(self, store: bytes) -> None:
        self.store = store
        self.seconds = [0.0] * 4
        self.hit_seconds = 0.0
        self.loaded = self.stored = 0
        self.hits: dict[str, int] = {}
        self.misses: dict[str, int] = {}
        self.others = [0, 0]  # hits and misses of entries that are not counted one by one
        self.drops = self.dropped_entries = self.dropped_bytes = 0
        self.failures = 0
        self.failure = ""

    def add(
        self, entry: str, seconds: list[float], sizes: list[int], *, hit: bool, new: bool
    ) -> bool:
        """Add a call; `new` allows to count one entry more. Return whether that was done."""
        self.seconds = [sum(pair) for pair in zip(self.seconds, seconds, strict=True)]
        self.loaded += sizes[0]
        self.stored += sizes[1]
        if hit:
            self.hit_seconds += sum(seconds)
        counts = self.hits if hit else self.misses
        if entry not in counts and not new:
            self.others[not hit] += 1
            return False
        counts[entry] = counts.get(entry, 0) + 1
        return counts[entry] == 1

    def add_dropped(self, entries: int, size: int) -> None:
        """Add entries that joblib removed."""
        self.drops += 1
        self.dropped_entries += entries
        self.dropped_bytes += size

    def add_failure(self, message: str) -> None:
        """Add a result that was not stored."""
        self.failures += 1
        self.failure = self.failure or message

    def calls(self, function: str) -> FunctionCalls:
        """Return the calls so far."""
        hashing, loading, computing, storing = self.seconds
        return FunctionCalls(
            store=_name(self.store),
            function=function,
            hits=sum(self.hits.values()) + self.others[0],
            misses=sum(self.misses.values()) + self.others[1],
            hash_seconds=hashing,
            load_seconds=loading,
            compute_seconds=computing,
            store_seconds=storing,
            hit_seconds=self.hit_seconds,
            bytes_loaded=self.loaded,
            bytes_stored=self.stored,
            hit_entries=self.hits,
            missed_entries=self.misses,
            drops=self.drops,
            dropped_entries=self.dropped_entries,
            dropped_bytes=self.dropped_bytes,
            failures=self.failures,
            failure=self.failure,
        )


def add_up(lines: Iterable[bytes]) -> Trace:
    """Add up the lines of a trace; incomplete ones are left out.

    Parameters
    ----------
    lines : iterable of bytes
        Each with its line break, which an incomplete line lacks.
    """
    sums: dict[tuple[str, bytes], _Sum] = {}
    marks = {b"python": 0, b"joblib": 0, b"no engine": 0}
    packages: set[str] = set()
    left = _MOST_ENTRIES
    for line in lines:
        if not line.endswith(b"\n"):
            continue
        kind, *fields = line[:-1].split(b"\t")
        if kind in marks and not fields:
            marks[kind] += 1
        if len(fields) != _FIELDS.get(kind):
            continue
        if kind == b"loaded":
            packages.update(fields[0].decode("ascii", "replace").split())
            continue
        try:
            numbers = [*map(float, fields[2 if kind == b"dropped" else 3 :])]
        except ValueError:
            continue
        store, function = fields[:2]
        total = sums.setdefault((location_of(_name(store)), function), _Sum(store))
        if kind == b"dropped":
            total.add_dropped(*map(int, numbers))
        elif kind == b"failed":
            total.add_failure(_name(fields[2]))
        else:
            entry = fields[2].decode("ascii", "replace")
            sizes = [*map(int, numbers[4:])]
            left -= total.add(entry, numbers[:4], sizes, hit=kind == b"hit", new=left > 0)
    functions = [total.calls(_name(function)) for (_, function), total in sums.items()]
    pythons, joblibs, without_engine = marks.values()
    return Trace(tuple(functions), pythons, joblibs, frozenset(packages), without_engine)


def _name(escaped: bytes) -> str:
    text = os.fsdecode(escaped)
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
