"""Entries one by one: as they are found, or sorted, or the first of an order."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Literal, NamedTuple

from acache.operations.selection import LevelOf, Selector, unknown_level
from acache.store.format import METADATA
from acache.store.model import Entry, Found, Unreadable
from acache.store.store import Progress, ScanOptions, Store
from acache.store.table import EntryTable
from acache.store.totals import Tally
from acache.system.errors import UsageError

ListSort = Literal["name", "size", "disk", "created", "used", "time"]
Cost = Literal["all", "listed", "none"]
LIST_SORTS: tuple[ListSort, ...] = ("name", "size", "disk", "created", "used", "time")


class Listed(NamedTuple):
    """One entry of a listing.

    Attributes
    ----------
    entry : Entry
    level : int or None
        The level of its function.
    arguments : dict of str to str or None
        ``repr`` of each argument; None if that was not asked for, or is not recorded.
    """

    entry: Entry
    level: int | None
    arguments: dict[str, str] | None


class Listing:
    """The entries of a selection, to be iterated once. A sorted listing is scanned for at once.

    Parameters
    ----------
    store : Store
    selector : Selector
        See `acache.operations.selection.Selection.resolve`.
    levels : Levels or callable
        Returns the level of a function id.
    sort : {"name", "size", "disk", "created", "used", "time"} or None
        By id; or the largest, the latest written or accessed, or the longest to compute first,
        equal ones by id. None: in the order of the file system, each one as soon as it is found.
    reverse : bool
        Whether to turn that order around.
    limit : int > 0, optional
        How many to yield.
    cost : {"all", "listed", "none"}
        Whose compute times are read; the order ``"time"`` takes ``"all"``.
    arguments : bool
        Whether to read the arguments of those that are listed.
    fork, progress
        See `acache.store.store.ScanOptions`; only a sorted listing uses them.

    Attributes
    ----------
    total : Totals
        Of all selected entries; of those that were listed, if unsorted. Complete after the
        iteration.
    warnings : list of str
        What could not be read. Complete after the iteration.

    incomplete : bool
        Whether a folder could not be read, in which there may be more. Complete after the
        iteration.

    Raises
    ------
    UsageError
        If the order is not valid.

    Examples
    --------
    >>> from acache import Listing, Selection, Store
    >>> store = Store("/nowhere")
    >>> list(Listing(store, Selection().resolve(store), sort="size", limit=3))
    []
    """

    def __init__(
        self,
        store: Store,
        selector: Selector,
        levels: LevelOf = unknown_level,
        *,
        sort: ListSort | None = None,
        reverse: bool = False,
        limit: int | None = None,
        cost: Cost = "all",
        arguments: bool = False,
        fork: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._entries: Iterator[Entry]
        self.total = Tally().totals(cost=cost == "all")
        self.warnings: list[str] = []
        self.incomplete = False
        self._store = store
        self._selector = selector
        self._levels = levels
        self._most = None if limit is None else min(limit, sys.maxsize)
        self._cost = cost
        self._arguments = arguments
        if sort is None:
            self._entries = self._found()
        elif sort not in LIST_SORTS:
            raise UsageError(f"unknown order {sort!r}; choose from {', '.join(LIST_SORTS)}")
        else:
            fold = self._scanned(fork=fork, progress=progress)
            order = order_of(fold.entries, sort)
            ordered = reversed(order) if reverse else order
            self._entries = map(fold.entries.__getitem__, ordered)

    def __iter__(self) -> Iterator[Listed]:
        for entry in islice(self._entries, self._most):
            yield self._listed(entry)

    def _listed(self, entry: Entry) -> Listed:
        arguments = None
        if self._arguments or (self._cost == "listed" and entry.compute_seconds is None):
            metadata = None
            try:
                metadata = self._store.metadata(entry.function, entry.hash, entry.place)
            except (OSError, ValueError) as error:
                if self._cost != "all":  # or else the scan has reported it
                    reason = str((isinstance(error, OSError) and error.strerror) or error)
                    path = f"{entry.function}/{entry.hash}/{METADATA}"
                    self._warn(Unreadable(path, reason, "metadata"))
            if metadata is not None:
                arguments = metadata.input_args if self._arguments else None
                entry = entry._replace(compute_seconds=metadata.duration)
        return Listed(entry, self._levels(entry.function), arguments)

    def _found(self) -> Iterator[Entry]:
        tally = Tally()
        for found in self._store.scan(self._options()):
            if isinstance(found, Entry) and self._selector.matches(found):
                tally.add_entry(found)
                self.total = tally.totals(cost=self._cost == "all")
                yield found
            elif isinstance(found, Unreadable):
                self._warn(found)

    def _options(self) -> ScanOptions:
        select = None if self._selector.covers_everything else self._selector.covers
        return ScanOptions(durations=self._cost == "all", select=select)

    def _scanned(self, *, fork: bool, progress: Progress | None) -> _Matching:
        options = self._options()._replace(fork=fork, progress=progress)
        fold = self._store.fold(partial(_Matching, self._selector), options)
        for unreadable in sorted(fold.unreadable):
            self._warn(unreadable)
        self.total = fold.entries.totals(cost=self._cost == "all")
        return fold

    def _warn(self, unreadable: Unreadable) -> None:
        self.incomplete = self.incomplete or unreadable.kind == "folder"
        self.warnings.append(unreadable.message())


class _Matching:
    """The selected entries that a scan finds; a fold."""

    def __init__(self, selector: Selector | None) -> None:
        self.entries = EntryTable()
        self.unreadable: list[Unreadable] = []
        self._selector = selector

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_selector": None}

    def add(self, found: Found) -> None:
        if isinstance(found, Entry):
            if self._selector is not None and self._selector.matches(found):
                self.entries.add(found)
        elif isinstance(found, Unreadable):
            self.unreadable.append(found)

    def merge(self, other: _Matching) -> None:
        self.entries.extend(other.entries)
        self.unreadable += other.unreadable


def order_of(entries: EntryTable, sort: ListSort) -> list[int]:
    """Return the indices of all entries in an order of `Listing`."""
    return entries.order(_key(entries, sort))


def _key(entries: EntryTable, sort: ListSort) -> Callable[[int], Any]:
    columns: dict[ListSort, Sequence[float]] = {
        "size": entries.size_bytes,
        "disk": entries.room(apparent=False),
        "created": entries.created,
        "used": entries.used,
        "time": entries.compute_seconds,
    }
    if sort == "name":
        return entries.name
    column = columns[sort]
    if sort == "time":  # what is not recorded comes last
        return lambda index: math.inf if math.isnan(column[index]) else -column[index]
    return lambda index: -column[index]
