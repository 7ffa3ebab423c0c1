"""What a store holds, summed up per function, level and module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from acache.operations.notebook import html_of
from acache.operations.selection import Selector
from acache.sources.levels import Levels
from acache.sources.staleness import State
from acache.store.format import dotted
from acache.store.model import Entry, Found, Leftover, Unreadable, Usage
from acache.store.store import EntryWatcher, Progress, ScanOptions, Store
from acache.store.totals import Sum, Tally, Totals, merged

if TYPE_CHECKING:
    from acache.system.pool import Pool

K = TypeVar("K")
Sort = Literal["size", "disk", "entries", "time", "name"]
SORTS: tuple[Sort, ...] = ("size", "disk", "entries", "time", "name")

_MOST_WARNINGS = 100  # listed one by one; a store can hold millions of another user's folders


class LevelRow(NamedTuple):
    """The entries of one level; its level is None where the functions' level is unknown."""

    level: int | None
    functions: int
    totals: Totals


class FunctionRow(NamedTuple):
    """The entries of one function; `function` is dotted.

    `source_state` compares its source with the installed one, see
    `acache.sources.staleness.Comparison`; None if that was not asked for.
    """

    function: str
    level: int | None
    totals: Totals
    source_state: State | None = None


class ModuleRow(NamedTuple):
    """The entries of one module's functions; `module` is dotted."""

    module: str
    functions: int
    totals: Totals


class Leftovers(NamedTuple):
    """What interrupted writes and deletions left: stray temporary files, folders without result."""

    files: int
    folders: int
    usage: Usage

    def plus(self, more: Leftovers) -> Leftovers:
        """Return the sum of both."""
        usage = self.usage.plus(more.usage)
        return Leftovers(self.files + more.files, self.folders + more.folders, usage)


class StatsReport(NamedTuple):
    """What a store holds.

    Attributes
    ----------
    location, store : str
        Absolute paths.
    exists : bool
        Whether there is a store.
    total : Totals
        Of the selected entries.
    levels, functions, modules : tuple of rows
        Rows without an entry are left out.
    abandoned : Leftovers
        Those that may be removed.
    in_flight : Leftovers
        Those that somebody may still be writing; see `acache.store.model.Leftover`.
    failed_writes : dict of str to int
        How many results of a function, dotted, joblib failed to store.
    other : Usage
        Sources, the folders of functions and modules, foreign files and folders.
    misplaced : tuple of str
        What looks like a result, where no known version of joblib has one: the first paths, below
        the store.
    disk : Usage
        The whole store: all entries, leftovers and other.
    warnings : tuple of str
        What could not be read.
    """

    location: str
    store: str
    exists: bool
    total: Totals
    levels: tuple[LevelRow, ...]
    functions: tuple[FunctionRow, ...]
    modules: tuple[ModuleRow, ...]
    abandoned: Leftovers
    in_flight: Leftovers
    failed_writes: dict[str, int]
    other: Usage
    misplaced: tuple[str, ...]
    disk: Usage
    warnings: tuple[str, ...]

    def _repr_html_(self) -> str | None:
        return html_of(self)

    @property
    def leftovers(self) -> Leftovers:
        """All of them, those that are still being written included."""
        return self.abandoned.plus(self.in_flight)


def stats(
    store: Store,
    levels: Levels,
    selector: Selector | None = None,
    *,
    cost: bool = True,
    sort: Sort = "disk",
    top: int | None = None,
    source_state: Callable[[str], State] | None = None,
    now: float | None = None,
    fork: bool = False,
    progress: Progress | None = None,
    watcher: EntryWatcher | None = None,
    pool: Pool | None = None,
) -> StatsReport:
    """Scan a store and sum up what it holds.

    Parameters
    ----------
    store : Store
    levels : Levels
    selector : Selector, optional
        The entries of the totals and rows; see `acache.operations.selection.Selection.resolve`.
    cost : bool
        Whether to open each entry's ``metadata.json`` for the time that it recorded.
    sort : {"disk", "size", "entries", "time", "name"}
        Order of functions and modules, the largest first; ``"time"`` is the compute time, which
        takes `cost`. Equal ones, and all by ``"name"``, go by name. Levels go by level.
    top : int > 0, optional
        How many functions and modules to keep.
    source_state : Drift or callable, optional
        Compares a function's source with the installed one; see `acache.sources.staleness`.
    now : float, optional
        Unix seconds that the age of leftovers counts from.
    fork, progress, watcher
        See `acache.store.store.ScanOptions`.
    pool : Pool, optional
        Scans the store, without a watcher; see `acache.system.pool`.

    Returns
    -------
    report : StatsReport
    """
    options = ScanOptions(durations=cost, now=now, fork=fork, progress=progress, watcher=watcher)
    new_fold = partial(StatsFold, selector)
    if pool is None:
        fold = store.fold(new_fold, options)
    else:
        from acache.store.shares import fold_shares

        fold = fold_shares(store, pool, new_fold, options)
    return stats_report(
        fold, store, levels, cost=cost, sort=sort, top=top, source_state=source_state
    )


def stats_report(
    fold: StatsFold,
    store: Store,
    levels: Levels,
    *,
    cost: bool = True,
    sort: Sort = "disk",
    top: int | None = None,
    source_state: Callable[[str], State] | None = None,
) -> StatsReport:
    """Return what a scan found; see `stats`."""
    rows = [(function, tally.totals(cost=cost)) for function, tally in fold.functions.items()]
    rows = sorted(rows, key=lambda row: sort_key(sort, dotted(row[0]), row[1]))[:top]
    function_rows = [
        FunctionRow(
            dotted(function),
            levels(function),
            totals,
            None if source_state is None else source_state(function),
        )
        for function, totals in rows
    ]
    by_level = _grouped(fold, levels, cost=cost)
    by_module = _grouped(fold, _module, cost=cost)
    level_rows = [LevelRow(level, count, totals) for level, count, totals in by_level]
    level_rows.sort(key=lambda row: (row.level is None, row.level or 0))
    module_rows = [ModuleRow(module, count, totals) for module, count, totals in by_module]
    abandoned, in_flight = fold.abandoned.leftovers(), fold.in_flight.leftovers()
    total = merged(fold.functions.values())
    other = fold.other.usage()
    return StatsReport(
        location=store.location,
        store=store.path,
        exists=store.exists,
        total=total.totals(cost=cost),
        levels=tuple(level_rows),
        functions=tuple(function_rows),
        modules=tuple(sorted(module_rows, key=lambda r: sort_key(sort, r.module, r.totals))[:top]),
        abandoned=abandoned,
        in_flight=in_flight,
        failed_writes=dict(sorted(fold.failed.items())),
        other=other,
        misplaced=tuple(sorted(fold.misplaced)),
        disk=total.usage()
        .plus(fold.unselected.usage())
        .plus(abandoned.usage)
        .plus(in_flight.usage)
        .plus(other),
        warnings=(*fold.listed_warnings(), *levels.warnings),
    )


class _LeftoverSum(Sum):
    """A growing number of leftovers."""

    __slots__ = ("files", "folders")

    def __init__(self) -> None:
        super().__init__()
        self.files = self.folders = 0

    def add_leftover(self, found: Leftover) -> None:
        self.add(found.usage)
        self.files += found.kind == "file"
        self.folders += found.kind == "folder"

    def merge(self, other: _LeftoverSum) -> None:
        self.add(other.usage())
        self.files += other.files
        self.folders += other.folders

    def leftovers(self) -> Leftovers:
        return Leftovers(self.files, self.folders, self.usage())


class StatsFold:
    """What a whole store holds, per function; a fold.

    Parameters
    ----------
    selector : Selector or None
        The entries of the totals.
    """

    def __init__(self, selector: Selector | None) -> None:
        self._selector = selector
        self.functions: dict[str, Tally] = {}
        self.unselected = Sum()
        self.abandoned = _LeftoverSum()
        self.in_flight = _LeftoverSum()
        self.failed: Counter[str] = Counter()
        self.other = Sum()
        self.misplaced: list[str] = []
        self.warnings: list[str] = []
        self.warned = 0

    def __getstate__(self) -> dict[str, object]:
        # Only what it has found is sent from one process to the other.
        return {**self.__dict__, "_selector": None}

    def add(self, found: Found) -> None:
        """Add one more thing that the scan found."""
        if isinstance(found, Entry):
            if self._selector is not None and not self._selector.matches(found):
                self.unselected.add(found.usage)
            else:
                self.add_entry(found)
        elif isinstance(found, Unreadable):
            self._warn(found.message())
        elif isinstance(found, Leftover):
            (self.in_flight if found.in_flight else self.abandoned).add_leftover(found)
            if found.failed:
                self.failed[dotted(found.function)] += 1
        else:
            self.other.add(found.usage)
            if found.kind == "misplaced" and len(self.misplaced) < _MOST_WARNINGS:
                self.misplaced.append(found.path)

    def add_entry(self, entry: Entry) -> None:
        """Add one more selected entry."""
        tally = self.functions.get(entry.function)
        if tally is None:
            tally = self.functions[entry.function] = Tally()
        tally.add_entry(entry)

    def _warn(self, text: str) -> None:
        self.warned += 1
        if len(self.warnings) < _MOST_WARNINGS:
            self.warnings.append(text)

    def merge(self, other: StatsFold) -> None:
        """Add everything that another one holds."""
        for function, tally in other.functions.items():
            self.functions.setdefault(function, Tally()).merge(tally)
        self.unselected.add(other.unselected.usage())
        self.abandoned.merge(other.abandoned)
        self.in_flight.merge(other.in_flight)
        self.failed += other.failed
        self.other.add(other.other.usage())
        self.misplaced += other.misplaced
        self.warnings += other.warnings
        self.warned += other.warned

    def listed_warnings(self) -> list[str]:
        """Return the warnings in order, those after the first hundred only counted."""
        listed = sorted(self.warnings)[:_MOST_WARNINGS]
        if self.warned > len(listed):
            listed.append(f"{self.warned - len(listed)} more could not be read")
        return listed


def _grouped(
    fold: StatsFold, group: Callable[[str], K], *, cost: bool
) -> list[tuple[K, int, Totals]]:
    """Sum up the functions by what they have in common: (group, functions, totals) of each."""
    groups: dict[K, list[Tally]] = {}
    for function, tally in fold.functions.items():
        groups.setdefault(group(function), []).append(tally)
    return [(k, len(ts), merged(ts).totals(cost=cost)) for k, ts in groups.items()]


def _module(function: str) -> str:
    return dotted(function.rpartition("/")[0])


def sort_key(sort: Sort, name: str, totals: Totals) -> tuple[float, str]:
    """Return what functions and modules are sorted by; `name` is dotted."""
    values: dict[Sort, float | None] = {
        "size": totals.size_bytes,
        "disk": totals.size_bytes if totals.disk_bytes is None else totals.disk_bytes,
        "entries": totals.entries,
        "time": totals.compute_seconds,
    }
    return -(values.get(sort) or 0), name
