"""What to delete, as data: a plan that can be shown, and then executed or not."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

from acache.operations.notebook import html_of
from acache.operations.selection import Selector
from acache.store.format import dotted
from acache.store.leftovers import GRACE_SECONDS
from acache.store.model import Entry, Found, Leftover, Unreadable, Usage
from acache.store.store import Progress, ScanOptions, Select, Store
from acache.store.table import EntryTable
from acache.store.totals import Sum, Tally, Totals, merged
from acache.system.errors import UsageError


class PlanRow(NamedTuple):
    """What is to be deleted of one function; `function` is dotted."""

    function: str
    totals: Totals


class Plan(NamedTuple):
    """What is to be deleted from a store.

    Attributes
    ----------
    store : Store
    entries : EntryTable
        In the order of the file system, in which deletion is fastest. Not to be changed.
    leftovers : tuple of Leftover
    unreadable : tuple of Unreadable
        What the scan could not read, where it may have missed something to delete.
    unmet : tuple of str
        Limits that the plan cannot reach.
    grace : float >= 0
        Seconds; see `acache.store.store.Store.removing`.
    total : Totals
        Of all entries.
    rows : tuple of PlanRow
        Per function, largest first.
    leftover_usage : Usage
        Space that the leftovers take.
    kept : Totals
        Of the other selected entries: how many, and the space that they take.
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

    def _repr_html_(self) -> str | None:
        return html_of(self)

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
    """Plan to remove every entry of a selection, and the remains of interrupted deletions.

    Parameters
    ----------
    store : Store
    selector : Selector or None
        Which entries; see `acache.operations.selection.Selection.resolve`. None: no entry.
    leftovers : bool
        Whether to remove all leftovers of the selected functions as well, or of all functions if
        `selector` is None; otherwise only folders without result in the selected functions, and
        temporary files in the folders of removed entries.
    grace : float >= 0
        Temporary files that were written to within this many seconds are kept.
    now : float, optional
        Unix seconds that the grace counts from.
    durations : bool
        Whether to read what joblib recorded of each entry's compute time.
    fork, progress
        See `acache.store.store.ScanOptions`.

    Returns
    -------
    plan : Plan
        Its entries are in the order of the file system, in which deletion is fastest.
    """
    options = ScanOptions(durations=durations, grace=grace, now=now, fork=fork, progress=progress)
    found = find_candidates(store, selector, options, leftovers=leftovers)
    order = range(len(found.entries))
    return make_plan(store, found, order, leftovers=leftovers, grace=grace)


def find_candidates(
    store: Store, selector: Selector | None, options: ScanOptions, *, leftovers: bool
) -> Candidates:
    """Scan for what may be deleted; `leftovers`: all of the selected functions.

    Raises
    ------
    UsageError
        If the grace is not valid.
    """
    if not 0 <= options.grace < math.inf:
        raise UsageError(f"grace={options.grace!r} is not valid: give 0 or more seconds")
    select: Select | None = None
    if selector is not None and not selector.covers_everything:
        functions = selector.covers_function
        select = (lambda name, _: functions(name)) if leftovers else selector.covers
    durations = options.durations and selector is not None
    return store.fold(
        partial(Candidates, selector),
        options._replace(durations=durations, select=select, whole=True),
    )


class Candidates:
    """What a scan finds that may be deleted; a fold. What is in flight is left out.

    Attributes
    ----------
    entries : EntryTable
        Those that are selected.
    remnants : list of Leftover
        Folders without result of selected functions, and the temporary files in them.
    beside : dict of (str, str) to list of Leftover
        Temporary files in entries' folders, by function and argument hash.
    strays : list of Leftover
        All other leftovers.
    unreadable : list of Unreadable
    """

    def __init__(self, selector: Selector | None) -> None:
        self.entries = EntryTable()
        self.remnants: list[Leftover] = []
        self.beside: dict[tuple[str, str], list[Leftover]] = {}
        self.strays: list[Leftover] = []
        self.unreadable: list[Unreadable] = []
        self._selector = selector
        self._last: Entry | None = None

    def __getstate__(self) -> dict[str, object]:
        # What it has found is sent from one process to the other, not how it chooses.
        return {**self.__dict__, "_selector": None, "_last": None}

    def add(self, found: Found) -> None:
        """Add one more thing that the scan found."""
        if isinstance(found, Entry):
            self._last = found
            if self._selector is not None and self._selector.matches(found):
                self.entries.add(found)
        elif isinstance(found, Leftover):
            if not found.in_flight:
                self._add_leftover(found)
        elif isinstance(found, Unreadable) and found.kind == "folder" and self._covers(found):
            self.unreadable.append(found)

    def _covers(self, found: Unreadable) -> bool:
        """Return whether a folder that cannot be looked into may hold what is selected."""
        if self._selector is None or not found.path:
            return True
        if found.hash:
            return self._selector.covers(found.function, found.hash)
        return self._selector.covers_function(found.function)

    def _add_leftover(self, found: Leftover) -> None:
        selector, last = self._selector, self._last
        if selector is not None and not selector.covers_function(found.function):
            return
        entry = found.function, found.hash
        if found.kind == "file" and last and entry == (last.function, last.hash):
            # A scan yields what is beside an entry right after it.
            self.beside.setdefault(entry, []).append(found)
        elif selector is not None and found.hash and selector.covers(*entry):
            self.remnants.append(found)
        else:
            self.strays.append(found)

    def merge(self, other: Candidates) -> None:
        """Add everything that another one holds."""
        self.entries.extend(other.entries)
        self.remnants += other.remnants
        self.beside |= other.beside
        self.strays += other.strays
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
            chosen += found.beside.pop((entry.function, entry.hash), ())
    if leftovers:
        chosen += found.strays
        for beside in found.beside.values():
            chosen += beside
    # A folder goes after the files in it.
    chosen.sort(key=lambda one: (one.kind == "folder", one.path))
    room = Sum()
    for one in chosen:
        room.add(one.usage)
    rows = [PlanRow(dotted(name), tally.totals()) for name, tally in tallies.items()]
    rows.sort(key=lambda row: (-(row.totals.disk_bytes or row.totals.size_bytes), row.function))
    every, total = found.entries.totals(), merged(tallies.values()).totals()
    kept_disk = None if every.disk_bytes is None else every.disk_bytes - (total.disk_bytes or 0)
    return Plan(
        store=store,
        entries=entries,
        leftovers=tuple(chosen),
        unreadable=tuple(sorted(found.unreadable)),
        unmet=tuple(unmet),
        grace=grace,
        total=total,
        rows=tuple(rows),
        leftover_usage=room.usage(),
        kept=Totals(
            entries=every.entries - total.entries,
            size_bytes=every.size_bytes - total.size_bytes,
            disk_bytes=kept_disk,
            inodes=None,
        ),
    )
