"""Totals of a number of entries."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from acache.store.model import Entry, Usage
from acache.system.dirfd import HAS_BLOCKS

NO_ROOM = Usage(0, 0, 0) if HAS_BLOCKS else Usage(0, None, None)


class Totals(NamedTuple):
    """Totals of a number of entries.

    Attributes
    ----------
    entries : int >= 0
    size_bytes, disk_bytes, inodes
        Sums over the entries; see `acache.store.model.Usage`.
    compute_seconds : float >= 0 or None
        Sum of what joblib recorded: computing and storing, nested cached calls counted twice, so
        an upper bound of what the entries save. None if it was not read, or nothing is recorded.
    oldest, newest : float or None
        When the first and the last of them was written, Unix seconds.
    last_access : float or None
        When one of them was last read, Unix seconds.
    """

    entries: int = 0
    size_bytes: int = 0
    disk_bytes: int | None = 0 if HAS_BLOCKS else None
    inodes: int | None = 0 if HAS_BLOCKS else None
    compute_seconds: float | None = None
    oldest: float | None = None
    newest: float | None = None
    last_access: float | None = None


class Sum:
    """A growing sum of room on disk."""

    __slots__ = ("disk_bytes", "has_blocks", "inodes", "size_bytes")

    def __init__(self) -> None:
        self.size_bytes = self.disk_bytes = self.inodes = 0
        self.has_blocks = HAS_BLOCKS

    def add(self, usage: Usage) -> None:
        """Add more room."""
        self.size_bytes += usage.size_bytes
        if usage.disk_bytes is None:
            self.has_blocks = False
        else:
            self.disk_bytes += usage.disk_bytes
            self.inodes += usage.inodes or 0

    def usage(self) -> Usage:
        """Return the sum."""
        if not self.has_blocks:
            return Usage(self.size_bytes, None, None)
        return Usage(self.size_bytes, self.disk_bytes, self.inodes)


class Tally(Sum):
    """Growing totals."""

    __slots__ = ("entries", "last_access", "nanoseconds", "newest", "oldest", "recorded")

    def __init__(self) -> None:
        super().__init__()
        self.entries = 0
        self.nanoseconds = 0  # of computing: whole, so that the sum is the same in any order
        self.recorded = 0  # entries with a recorded duration
        self.oldest = math.inf
        self.newest = self.last_access = -math.inf

    def add_entry(self, entry: Entry) -> None:
        """Add one more entry."""
        self.entries += 1
        self.size_bytes += entry.size_bytes
        if entry.disk_bytes is None:
            self.has_blocks = False
        else:
            self.disk_bytes += entry.disk_bytes
            self.inodes += entry.inodes or 0
        if entry.compute_seconds is not None:
            self.nanoseconds += int(entry.compute_seconds * 1e9 + 0.5)
            self.recorded += 1
        if entry.created < self.oldest:
            self.oldest = entry.created
        if entry.created > self.newest:
            self.newest = entry.created
        if entry.last_access is not None and entry.last_access > self.last_access:
            self.last_access = entry.last_access

    def merge(self, other: Tally) -> None:
        """Add everything that another one holds."""
        self.add(other.usage())
        self.entries += other.entries
        self.nanoseconds += other.nanoseconds
        self.recorded += other.recorded
        self.oldest = min(self.oldest, other.oldest)
        self.newest = max(self.newest, other.newest)
        self.last_access = max(self.last_access, other.last_access)

    def totals(self, *, cost: bool = True) -> Totals:
        """Return the totals so far; `cost` is whether compute times were read."""
        if not self.entries:
            return Totals(compute_seconds=0.0 if cost else None)
        usage = self.usage()
        return Totals(
            entries=self.entries,
            size_bytes=usage.size_bytes,
            disk_bytes=usage.disk_bytes,
            inodes=usage.inodes,
            compute_seconds=self.nanoseconds / 1e9 if self.recorded else None,
            oldest=self.oldest,
            newest=self.newest,
            last_access=None if self.last_access == -math.inf else self.last_access,
        )


def merged(tallies: Iterable[Tally]) -> Tally:
    """Return the sum of tallies."""
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    return whole
