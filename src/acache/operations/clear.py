"""What to delete, as data: a plan that can be looked at, and then executed or not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from acache.operations.selection import Selector
from acache.store.format import dotted, is_hash
from acache.store.local import Store
from acache.store.model import Entry, Found, Leftover, Unreadable, Usage
from acache.store.parallel import Progress, fold_scan
from acache.store.remove import GRACE_SECONDS, is_expired
from acache.store.scan import Select, join
from acache.store.table import EntryTable
from acache.store.totals import Sum, Tally, Totals, merged
from acache.system.errors import UsageError


class PlanRow(NamedTuple):
    """What is to go of one function; `function` is dotted."""

    function: str
    totals: Totals


class Plan(NamedTuple):
    """What is to be deleted from a store.

    Attributes
    ----------
    store : Store
    entries : EntryTable
        In the order of the file system, in which they go fastest. Not to be changed.
    leftovers : tuple of Leftover
    unreadable : tuple of Unreadable
        What the scan could not read, where it may have missed something to delete.
    unmet : tuple of str
        Limits that the plan cannot reach.
    grace : float >= 0
        Seconds; see `acache.store.remove.Removal`.
    total : Totals
        Of all entries.
    rows : tuple of PlanRow
        Per function, the one that frees most first.
    leftover_usage : Usage
        Room that the leftovers take.
    kept : Totals
        Of the entries that were looked at and stay: how many, and the room that they take.
    """

    store: Store
    entries: EntryTable
    leftovers: tuple[Leftover, ...]
    unreadable: tuple[Unreadable, ...]
    unmet: tuple[str, ...]
    grace: float
    total: Totals
    rows: tuple[PlanRow, ...]
    leftover_usage: Usage
    kept: Totals

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to delete."""
        return not self.entries and not self.leftovers


def plan_clear(
    store: Store,
    selector: Selector | None,
    *,
    leftovers: bool = False,
    grace: float = GRACE_SECONDS,
    now: float | None = None,
    durations: bool = True,
    fork: bool = False,
    progress: Progress | None = None,
) -> Plan:
    """Plan to remove every entry of a selection, and what interrupted deletions left of others.

    Parameters
    ----------
    store : Store
    selector : Selector or None
        Which entries; see `acache.operations.selection.Selection.resolve`. None: no entry.
    leftovers : bool
        Whether all leftovers of the selected functions go as well, or all there are where no
        entry does; otherwise only folders without result in the selected functions, and temporary
        files in the folders of the entries that go.
    grace : float >= 0
        Temporary files that were written to within this many seconds stay.
    now : float, optional
        Unix seconds that the grace counts from.
    durations : bool
        Whether to read what joblib recorded of each entry's compute time.
    fork, progress
        See `acache.store.parallel.fold_scan`.

    Returns
    -------
    plan : Plan
        Its entries are in the order of the file system, in which they go fastest.
    """
    found = find(
        store,
        selector,
        leftovers=leftovers,
        grace=grace,
        now=time.time() if now is None else now,
        durations=durations,
        fork=fork,
        progress=progress,
    )
    order = range(len(found.entries))
    return make_plan(store, found, order, leftovers=leftovers, grace=grace)


def find(
    store: Store,
    selector: Selector | None,
    *,
    leftovers: bool,
    grace: float,
    now: float,
    durations: bool,
    fork: bool = False,
    progress: Progress | None = None,
) -> Candidates:
    """Scan for what may be deleted; `leftovers`: all of the selected functions.

    Raises
    ------
    UsageError
        If the grace makes no sense.
    """
    if not 0 <= grace < math.inf:
        raise UsageError(f"a grace of {grace!r} seconds means nothing; give 0 or more")
    select: Select | None = None
    if selector is not None and not selector.covers_everything:
        functions = selector.covers_function
        select = (lambda name, _: functions(name)) if leftovers else selector.covers
    return fold_scan(
        store,
        partial(Candidates, selector, partial(is_expired, grace=grace, now=now)),
        durations=durations and selector is not None,
        select=select,
        whole=True,
        fork=fork,
        progress=progress,
    )


class Candidates:
    """What a scan finds that may be deleted; a fold.

    Attributes
    ----------
    entries : EntryTable
        Those that are selected.
    remnants : list of Leftover
        Folders without result of selected functions, and the temporary files in them.
    beside : dict of str to list of Leftover
        Temporary files in entries' folders, by the path of the folder.
    strays : list of Leftover
        All other leftovers.
    busy : set of str
        Paths of folders in which somebody may be writing.
    """

    def __init__(self, selector: Selector | None, expired: Callable[[str, float], bool]) -> None:
        self.entries = EntryTable()
        self.remnants: list[Leftover] = []
        self.beside: dict[str, list[Leftover]] = {}
        self.strays: list[Leftover] = []
        self.busy: set[str] = set()
        self.unreadable: list[Unreadable] = []
        self._selector = selector
        self._expired = expired
        self._last: Entry | None = None

    def __getstate__(self) -> dict[str, object]:
        # What it has found is sent from one process to the other, not how it chooses.
        return {**self.__dict__, "_selector": None, "_expired": None, "_last": None}

    def add(self, found: Found) -> None:
        """Take one more thing that the scan found."""
        if isinstance(found, Entry):
            self._last = found
            if self._selector is not None and self._selector.matches(found):
                self.entries.add(found)
        elif isinstance(found, Leftover):
            self._add_leftover(found)
        elif isinstance(found, Unreadable) and found.kind == "folder" and self._covers(found.path):
            self.unreadable.append(found)

    def _covers(self, path: str) -> bool:
        """Tell whether a folder that cannot be looked into may hold what is selected."""
        if self._selector is None or self._selector.covers_everything or not path:
            return True
        function, _, name = path.rpartition("/")
        if is_hash(name):
            return self._selector.covers(function, name)
        return self._selector.covers_function(path)

    def _add_leftover(self, found: Leftover) -> None:
        above, _, name = found.path.rpartition("/")
        last = self._last
        if found.kind == "folder":
            self._place(found, above, name)
        elif not self._expired(name, found.modified):
            self.busy.add(above)
        elif last is not None and above == join(last.function, last.hash):
            if self._selector is None or self._selector.covers_function(last.function):
                self.beside.setdefault(above, []).append(found)
        else:
            function, _, name = above.rpartition("/")
            self._place(found, function, name)

    def _place(self, found: Leftover, function: str, name: str) -> None:
        if not is_hash(name):  # a source's
            function, name = join(function, name), ""
        if self._selector is None:
            self.strays.append(found)
        elif name and self._selector.covers(function, name):
            self.remnants.append(found)
        elif self._selector.covers_function(function):
            self.strays.append(found)

    def merge(self, other: Candidates) -> None:
        """Take all that another one has taken."""
        self.entries.extend(other.entries)
        self.remnants += other.remnants
        self.beside |= other.beside
        self.strays += other.strays
        self.busy |= other.busy
        self.unreadable += other.unreadable


def make_plan(
    store: Store,
    found: Candidates,
    order: Iterable[int],
    *,
    leftovers: bool,
    grace: float,
    unmet: Iterable[str] = (),
) -> Plan:
    """Make the plan that removes some of the candidates' entries, by their indices in order."""
    entries = EntryTable()
    tallies: dict[str, Tally] = {}
    chosen = list(found.remnants)
    for index in order:
        entry = found.entries[index]
        entries.add(entry)
        tallies.setdefault(entry.function, Tally()).add_entry(entry)
        if found.beside:
            chosen += found.beside.pop(join(entry.function, entry.hash), ())
    if leftovers:
        chosen += found.strays
        for beside in found.beside.values():
            chosen += beside
    chosen = [one for one in chosen if one.kind == "file" or one.path not in found.busy]
    # A folder goes after the files in it.
    chosen.sort(key=lambda one: (one.kind == "folder", one.path))
    room = Sum()
    for one in chosen:
        room.add(one.usage)
    rows = [PlanRow(dotted(name), tally.totals()) for name, tally in tallies.items()]
    rows.sort(key=lambda row: (-(row.totals.disk_bytes or row.totals.size_bytes), row.function))
    every, total = found.entries.totals(), merged(tallies.values()).totals()
    return Plan(
        store,
        entries,
        tuple(chosen),
        tuple(sorted(found.unreadable)),
        tuple(unmet),
        grace,
        total,
        tuple(rows),
        room.usage(),
        Totals(
            every.entries - total.entries,
            every.size_bytes - total.size_bytes,
            None if every.disk_bytes is None else every.disk_bytes - (total.disk_bytes or 0),
            None,
        ),
    )
