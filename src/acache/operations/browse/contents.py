"""What a browser shows: totals as a scan finds them, and the entries of a function."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable
from typing import NamedTuple

from acache.operations.ls import ListSort, order_of
from acache.operations.selection import LevelOf, Selector
from acache.operations.stats import LevelRow, Sort, sort_key
from acache.sources.staleness import State
from acache.store.format import dotted
from acache.store.model import Entry, Found, Unreadable
from acache.store.store import ScanOptions, Store
from acache.store.table import EntryTable
from acache.store.totals import Tally, Totals, merged

MOST_NAMES = 128  # read of a function's folder before the next one, to list functions at once
_TICK = 128  # things found between two looks at the clock
_PAUSE_SECONDS = 0.15  # between two reports
_AGES = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60))
_SIZES = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 1000))

Key = tuple[str, str]  # function id, / between its parts, and argument hash
Stopped = Callable[[], bool]


class StoppedError(Exception):
    """Nobody wants the result any more."""


class FunctionTotals(NamedTuple):
    """The entries of one function; `function` has ``/`` between its parts.

    `source_state` compares its source with the installed one; None while that is not known.
    """

    function: str
    level: int | None
    totals: Totals
    source_state: State | None = None


class Contents(NamedTuple):
    """What a store holds, as far as it has been read.

    Attributes
    ----------
    functions : tuple of FunctionTotals
        Once the reading is complete, those with a selected entry.
    levels : tuple of LevelRow
        By level.
    total : Totals
    found : int
        How many files and folders have been looked into.
    complete : bool
    warnings : tuple of str
        What could not be read.
    """

    functions: tuple[FunctionTotals, ...] = ()
    levels: tuple[LevelRow, ...] = ()
    total: Totals = Totals()
    found: int = 0
    complete: bool = False
    warnings: tuple[str, ...] = ()


def read_contents(
    store: Store,
    selector: Selector,
    levels: LevelOf,
    *,
    durations: bool,
    source_state: Callable[[str], State] | None = None,
    fork: bool = False,
    report: Callable[[Contents], None] | None = None,
    stopped: Stopped = lambda: False,
) -> Contents:
    """Sum up the selected entries of a store, and report what is known so far now and then.

    Parameters
    ----------
    store : Store
    selector : Selector
    levels : Levels or callable
    durations : bool
        Whether to read compute times.
    source_state : Drift or callable, optional
        Compares a function's source with the installed one, at the end of the reading.
    fork : bool
        See `acache.store.store.ScanOptions`.
    report : callable, optional
        Gets what was found so far, at first the functions with no entries yet.
    stopped : callable, optional
        Asked now and then; True ends the reading.

    Raises
    ------
    StoppedError
        If it was stopped.
    """
    durations = durations and store.traits.durations
    names: list[str] = []
    sums: list[_Sums] = []
    pause = Pause()

    def new_sums() -> _Sums:
        sums.append(_Sums(selector))
        return sums[-1]

    def tick(found: int) -> None:
        if stopped():
            raise StoppedError
        if report is not None and pause.is_over():
            report(_contents(sums[-1], levels, names, found=found, cost=durations))

    if report is not None:  # the names come at once, and what they hold one by one
        names += filter(selector.covers_function, store.functions(most=MOST_NAMES))
        report(_contents(_Sums(selector), levels, names, found=0, cost=durations))
    select = None if selector.covers_everything else selector.covers
    options = ScanOptions(durations=durations, select=select, fork=fork, progress=tick)
    contents = _contents(store.fold(new_sums, options), levels, (), found=0, cost=durations)
    if source_state is not None:
        rows = [row._replace(source_state=source_state(row.function)) for row in contents.functions]
        contents = contents._replace(functions=tuple(rows))
    return contents._replace(complete=True)


class _Sums:
    """What a store holds of a selection, per function; a fold."""

    def __init__(self, selector: Selector | None) -> None:
        self.tallies: dict[str, Tally] = {}
        self.warnings: list[str] = []
        self._selector = selector

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_selector": None}

    def add(self, found: Found) -> None:
        if isinstance(found, Entry):
            if self._selector is not None and self._selector.matches(found):
                tally = self.tallies.get(found.function)
                if tally is None:
                    tally = self.tallies[found.function] = Tally()
                tally.add_entry(found)
        elif isinstance(found, Unreadable):
            self.warnings.append(found.message())

    def merge(self, other: _Sums) -> None:
        for function, tally in other.tallies.items():
            self.tallies.setdefault(function, Tally()).merge(tally)
        self.warnings += other.warnings


def _contents(
    sums: _Sums, levels: LevelOf, names: Iterable[str], *, found: int, cost: bool
) -> Contents:
    """Freeze sums; functions that are only known by name have no entries yet."""
    tallies = {**{name: Tally() for name in names}, **sums.tallies}
    groups: dict[int | None, list[Tally]] = {}
    for function, tally in tallies.items():
        groups.setdefault(levels(function), []).append(tally)
    by_level = [
        LevelRow(level, len(some), merged(some).totals(cost=cost)) for level, some in groups.items()
    ]
    by_level.sort(key=lambda row: (row.level is None, row.level or 0))
    return Contents(
        functions=tuple(
            FunctionTotals(function, levels(function), tally.totals(cost=cost))
            for function, tally in tallies.items()
        ),
        levels=tuple(by_level),
        total=merged(tallies.values()).totals(cost=cost),
        found=found,
        complete=False,
        warnings=tuple(sums.warnings),
    )


def read_entries(
    store: Store,
    selector: Selector,
    function: str,
    table: EntryTable,
    *,
    durations: bool,
    report: Callable[[], None] | None = None,
    stopped: Stopped = lambda: False,
) -> None:
    """Add the selected entries of one function to a table.

    Parameters
    ----------
    store : Store
    selector : Selector
    function : str
        Function id, ``/`` between its parts.
    table : EntryTable
        May be read meanwhile.
    durations, report, stopped
        As in `read_contents`.

    Raises
    ------
    StoppedError
        If it was stopped.
    """

    def select(name: str, argument_hash: str) -> bool:
        return name == function and selector.covers(name, argument_hash)

    cost = durations and store.traits.durations
    options = ScanOptions(durations=cost, select=select, function=function)
    pause = Pause()
    for count, found in enumerate(store.scan(options)):
        if isinstance(found, Entry) and selector.matches(found):
            table.add(found)
        if count % _TICK == 0:
            if stopped():
                raise StoppedError
            if report is not None and pause.is_over():
                report()


class Pause:
    """The time between two reports."""

    def __init__(self) -> None:
        self._due = time.monotonic() + _PAUSE_SECONDS

    def is_over(self) -> bool:
        """Return whether it is time for another report; if so, the next pause begins."""
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + _PAUSE_SECONDS
        return True


def sorted_functions(rows: Iterable[FunctionTotals], sort: Sort) -> list[FunctionTotals]:
    """Sort functions as `acache.operations.stats.stats` does."""
    return sorted(rows, key=lambda row: sort_key(sort, dotted(row.function), row.totals))


def sorted_entries(table: EntryTable, sort: ListSort) -> array[int]:
    """Return the indices of a table in the order of `acache.operations.ls.Listing`."""
    return array("l", order_of(table, sort))
