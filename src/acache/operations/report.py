"""What a report of a store shows: totals, the largest entries, findings, calls, a simulation."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import NamedTuple, Protocol

from acache.config.settings import Config
from acache.operations.call_totals import CallRow, call_rows
from acache.operations.doctor.check import Check, command
from acache.operations.doctor.registry import examine
from acache.operations.ls import Listed
from acache.operations.selection import Selector
from acache.operations.simulate.logged import LoggedTrace, trace_of
from acache.operations.simulate.simulation import SimulateReport, simulate, work
from acache.operations.stats import StatsFold, StatsReport, stats_report
from acache.operations.verify.store import VerifyReport, verify
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.call_log import has_calls, read_calls
from acache.store.model import Entry
from acache.store.store import ScanOptions, Store
from acache.system.dirfd import HAS_BLOCKS

MOST_ENTRIES = 1000

_Step = AbstractContextManager[Callable[[int], None] | None]


class ReportProgress(Protocol):
    """Shows how far a step of a report is; see `acache.render.progress`."""

    def scanning(self) -> _Step:
        """Show how many things a scan has found."""

    def checking(self) -> _Step:
        """Show how many entries were checked."""

    def replaying(self, total: int) -> _Step:
        """Show how many of `total` calls were replayed."""


class _NoProgress:
    def scanning(self) -> _Step:
        return nullcontext()

    def checking(self) -> _Step:
        return nullcontext()

    def replaying(self, total: int) -> _Step:
        return nullcontext()


class StoreReport(NamedTuple):
    """What a report of a store shows.

    Attributes
    ----------
    made : float
        When it was made, Unix seconds.
    level : int or None
        The configured level; None where it is not valid.
    selected : bool
        Whether entries were selected: `stats`, `largest` and `verification` cover only these.
    stats : StatsReport
    largest : tuple of Listed
        The entries that take the most room on disk, the largest first, with their arguments.
    checks : tuple of Check
        What `acache doctor` found.
    verification : VerifyReport or None
        What `acache verify` found; None if the entries were not checked.
    calls : tuple of CallRow or None
        None if there is no call log.
    simulation : SimulateReport or None
        None if there is no call log.
    warnings : tuple of str
        What could not be read, and settings that are not valid.
    """

    made: float
    level: int | None
    selected: bool
    stats: StatsReport
    largest: tuple[Listed, ...]
    checks: tuple[Check, ...]
    verification: VerifyReport | None
    calls: tuple[CallRow, ...] | None
    simulation: SimulateReport | None
    warnings: tuple[str, ...]


def report(
    config: Config,
    store: Store,
    levels: Levels,
    selector: Selector | None = None,
    *,
    check_entries: bool = True,
    most: int = MOST_ENTRIES,
    before_access: Callable[[], None] | None = None,
    progress: ReportProgress | None = None,
) -> StoreReport:
    """Gather what a report of a store shows. Memory does not grow with the number of entries.

    Parameters
    ----------
    config : Config
    store : Store
    levels : Levels
    selector : Selector, optional
        Which entries; see `acache.operations.selection.Selection.resolve`.
    check_entries : bool
        Whether to check every entry, which reads all of them.
    most : int > 0
        How many of the largest entries to keep.
    before_access
        See `acache.operations.verify.store.verify`.
    progress : ReportProgress, optional

    Returns
    -------
    report : StoreReport
    """
    shown = progress or _NoProgress()
    with shown.scanning() as tick:
        cost = store.traits.durations
        options = ScanOptions(durations=cost, fork=True, progress=tick)
        fold = store.fold(partial(_ReportFold, selector, most), options)
        checks = examine(config, progress=tick)
    drift = Drift(store, levels.installed)
    found = stats_report(fold, store, levels, cost=cost, source_state=drift)
    verification = None
    if check_entries:
        with shown.checking() as tick:
            verification = verify(
                store,
                selector,
                fork=True,
                progress=tick,
                before_access=before_access,
                command_line=partial(command, config),
            )
    calls = simulation = None
    doubts: list[str] = []
    if has_calls(store.path):
        calls = tuple(call_rows(read_calls(store.path), store, levels))
        logged = trace_of(read_calls(store.path), store)
        doubts = logged.warnings
        simulation = _simulation(logged, shown)
    checked = () if verification is None else verification.warnings
    return StoreReport(
        made=time.time(),
        level=config.level.value,
        selected=selector is not None,
        stats=found,
        largest=_listed(fold.largest(), store, levels),
        checks=tuple(checks),
        verification=verification,
        calls=calls,
        simulation=simulation,
        warnings=(*config.warnings(), *found.warnings, *checked, *doubts),
    )


def room_of(entry: Entry) -> int:
    """Return the room that an entry takes on disk, or where that is unknown its size, in bytes."""
    return entry.size_bytes if entry.disk_bytes is None else entry.disk_bytes


def _simulation(logged: LoggedTrace, shown: ReportProgress) -> SimulateReport:
    with shown.replaying(work(logged.trace, sizes=0)) as tick:
        return simulate(logged.trace, fork=True, progress=tick)


def _listed(entries: Sequence[Entry], store: Store, levels: Levels) -> tuple[Listed, ...]:
    """Read the arguments of entries, where they are recorded."""
    listed = []
    for entry in entries:
        try:
            metadata = store.metadata(entry.function, entry.hash, entry.place)
        except (OSError, ValueError):  # the scan and `verify` report it
            metadata = None
        arguments = None if metadata is None else metadata.input_args
        listed.append(Listed(entry, levels(entry.function), arguments))
    return tuple(listed)


class _ReportFold(StatsFold):
    """What a whole store holds, and the largest entries in it."""

    def __init__(self, selector: Selector | None, most: int) -> None:
        super().__init__(selector)
        self._most = most
        self._heap: list[tuple[int, str, str, int, Entry]] = []

    def add_entry(self, entry: Entry) -> None:
        super().add_entry(entry)
        room = (entry.disk_bytes or 0) if HAS_BLOCKS else entry.size_bytes
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, self._item(room, entry))
        elif room >= self._heap[0][0]:
            heapq.heappushpop(self._heap, self._item(room, entry))

    def merge(self, other: StatsFold) -> None:
        super().merge(other)
        if isinstance(other, _ReportFold):
            self._heap = heapq.nlargest(self._most, self._heap + other._heap)
            self._heap.reverse()  # a sorted list is a heap

    def largest(self) -> list[Entry]:
        """Return the largest entries, the largest first, equal ones by name."""
        found = [entry for *_, entry in self._heap]
        return sorted(found, key=lambda one: (-room_of(one), one.function, one.hash))

    @staticmethod
    def _item(room: int, entry: Entry) -> tuple[int, str, str, int, Entry]:
        # Of equal ones, the same are kept in whatever order they are found.
        return room, entry.function, entry.hash, entry.place, entry
