"""Many entries in little memory: columns of numbers, 61 bytes an entry."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from acache.store.model import Entry
from acache.store.totals import Tally, Totals
from acache.system.dirfd import HAS_BLOCKS


class EntryTable:
    """A growing table of entries: of a million it takes 60 MB, where a list takes 400.

    It can be iterated and indexed, and pickles fast.

    Attributes
    ----------
    size_bytes, disk_bytes, inodes, created, used, compute_seconds, place : array
        The columns, as in `acache.store.model.Entry`; NaN where no compute time is known, 0 where
        the system does not report the room on disk.
    """

    __slots__ = (
        "_function",
        "_has_access",
        "_has_blocks",
        "_hashes",
        "_known",
        "_names",
        "compute_seconds",
        "created",
        "disk_bytes",
        "inodes",
        "place",
        "size_bytes",
        "used",
    )

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._names: list[str] = []
        self._known: dict[str, int] = {}
        self._function = array("l")
        self._hashes = bytearray()  # 16 bytes each
        self.size_bytes, self.disk_bytes, self.inodes = array("q"), array("q"), array("l")
        self.created, self.used = array("d"), array("d")
        self.compute_seconds = array("d")  # NaN: not recorded
        self.place = array("H")
        self._has_blocks, self._has_access = HAS_BLOCKS, True
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Add an entry at the end."""
        number = self._known.get(entry.function)
        if number is None:
            number = self._known[entry.function] = len(self._names)
            self._names.append(entry.function)
        seconds = entry.compute_seconds
        self._function.append(number)
        self._hashes += bytes.fromhex(entry.hash)
        self.size_bytes.append(entry.size_bytes)
        self.disk_bytes.append(entry.disk_bytes or 0)
        self.inodes.append(entry.inodes or 0)
        self.created.append(entry.created)
        self.used.append(entry.used)
        if entry.disk_bytes is None:
            self._has_blocks = False
        if entry.last_access is None:
            self._has_access = False
        self.compute_seconds.append(math.nan if seconds is None else seconds)
        self.place.append(entry.place)

    def extend(self, other: EntryTable) -> None:
        """Add the entries of another table at the end."""
        numbers = [self._known.setdefault(name, len(self._known)) for name in other._names]
        self._names = list(self._known)
        self._function.extend(map(numbers.__getitem__, other._function))
        for name in self.__slots__:
            if not name.startswith("_") or name == "_hashes":
                column = getattr(self, name)
                column += getattr(other, name)
        self._has_blocks = self._has_blocks and other._has_blocks
        self._has_access = self._has_access and other._has_access

    def name(self, index: int) -> tuple[str, bytes]:
        """Return what names an entry, for sorting: its function and its argument hash."""
        return self._names[self._function[index]], bytes(self._hashes[16 * index : 16 * index + 16])

    def index_of(self, function: str, argument_hash: str) -> int | None:
        """Return where an entry is; None if it is not in the table."""
        number, digest = self._known.get(function), bytes.fromhex(argument_hash)
        start = self._hashes.find(digest)
        while start >= 0:
            index, beside = divmod(start, 16)
            if not beside and self._function[index] == number:
                return index
            start = self._hashes.find(digest, start + 1)
        return None

    def order(self, key: Callable[[int], Any]) -> list[int]:
        """Return the indices of all entries, sorted by a key of the index; equal ones by name."""
        order = []
        # By name only where need be: a million names to sort by would take 150 MB.
        for _, equal in groupby(sorted(range(len(self)), key=key), key):
            tied = list(equal)
            order += tied if len(tied) == 1 else sorted(tied, key=self.name)
        return order

    def room(self, *, apparent: bool) -> array[int]:
        """Return the column of sizes that limits apply to: disk sizes where they are known.

        Parameters
        ----------
        apparent : bool
            Whether that is `size_bytes` in any case.
        """
        return self.size_bytes if apparent or not self._has_blocks else self.disk_bytes

    def totals(self, *, cost: bool = True) -> Totals:
        """Return the totals of the entries; `cost` is whether compute times were read."""
        if not len(self):
            return Tally().totals(cost=cost)
        recorded = [seconds for seconds in self.compute_seconds if not math.isnan(seconds)]
        return Totals(
            entries=len(self),
            size_bytes=sum(self.size_bytes),
            disk_bytes=sum(self.disk_bytes) if self._has_blocks else None,
            inodes=sum(self.inodes) if self._has_blocks else None,
            compute_seconds=math.fsum(recorded) if recorded else None,
            oldest=min(self.created),
            newest=max(self.created),
            last_access=max(self.used) if self._has_access else None,
        )

    def __eq__(self, other: object) -> bool:
        """Return whether two tables hold the same entries, in any order."""
        return isinstance(other, EntryTable) and sorted(self) == sorted(other)

    __hash__ = None  # type: ignore[assignment]  # it can grow

    def __len__(self) -> int:
        return len(self._function)

    def __getitem__(self, index: int) -> Entry:
        seconds = self.compute_seconds[index]
        start = 16 * (index if index >= 0 else len(self) + index)
        # Made by position: by name it takes twice as long.
        return Entry(
            self._names[self._function[index]],
            self._hashes[start : start + 16].hex(),
            self.size_bytes[index],
            self.disk_bytes[index] if self._has_blocks else None,
            self.inodes[index] if self._has_blocks else None,
            self.created[index],
            self.used[index] if self._has_access else None,
            None if math.isnan(seconds) else seconds,
            self.place[index],
        )

    def __iter__(self) -> Iterator[Entry]:
        return map(self.__getitem__, range(len(self)))
