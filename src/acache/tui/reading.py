"""What the browser has to read, each as a task: totals, entries, a selection, a plan, details."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from acache.operations.browse.contents import (
    MOST_NAMES,
    Contents,
    StoppedError,
    read_entries,
    sorted_entries,
)
from acache.operations.browse.process import Reading, read_apart
from acache.operations.clear import Plan, plan_clear
from acache.operations.selection import Selection, Selector
from acache.operations.show import (
    EntryDetails,
    FunctionDetails,
    describe_entry,
    describe_function,
)
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.store import Store
from acache.store.table import EntryTable
from acache.system.errors import UsageError
from acache.tui.tasks import Task
from acache.tui.views import EntriesView

_SECONDS_BETWEEN = 5.0  # two readings, at least
_TIMES_AS_LONG = 20  # is the pause as the reading itself


class Source(NamedTuple):
    """What is browsed.

    Attributes
    ----------
    store : Store
    installed : InstalledSources
    words : tuple of str
        Options that name the store on a command line.
    parse : callable
        Reads a selection as a user types it.
    """

    store: Store
    installed: InstalledSources
    words: tuple[str, ...]
    parse: Callable[[str], Selection]


def pause_after(seconds: float) -> float:
    """Return how long to wait after a reading before the next one."""
    return max(_SECONDS_BETWEEN, seconds * _TIMES_AS_LONG)


class Reader:
    """Reads a source, in tasks. Each method is the work of one task, bound to its arguments."""

    def __init__(self, source: Source) -> None:
        self._store = source.store
        self._parse = source.parse
        self.levels = Levels(source.store, source.installed)
        self._drift = Drift(source.store, source.installed)
        self._installed = source.installed

    def resolve(self, selection: Selection) -> Selector:
        """Look up a selection in the store."""
        return selection.resolve(self._store, self.levels, is_stale=self._drift.is_stale)

    def selection(
        self, text: str, show: Callable[[str, Selection, set[int | None]], None], task: Task
    ) -> None:
        """Read a selection, and look up the levels of the functions in it."""
        selection = self._parse(text)
        selector = self.resolve(selection)
        functions = filter(selector.covers_function, self._store.functions(most=MOST_NAMES))
        task.tell(show, text, selection, set(map(self.levels, functions)))

    def contents(
        self,
        selection: Selection,
        show: Callable[[Contents], None],
        done: Callable[[float], None],
        task: Task,
        *,
        anew: bool,
    ) -> None:
        """Read the totals; where they are new, first without compute times, as far as they are."""
        started = time.monotonic()
        reading = Reading(self._store.location, self._installed.python, selection, anew)
        read_apart(reading, partial(task.tell, show), stopped=task.stopped)
        task.tell(done, time.monotonic() - started)

    def entries(
        self,
        view: EntriesView,
        selection: Selection,
        show: Callable[..., None],
        done: Callable[[float], None],
        task: Task,
        *,
        anew: bool,
    ) -> None:
        """Read a function's entries, as `contents` reads totals."""
        started = time.monotonic()
        for durations in (False, True) if anew else (True,):
            table = EntryTable()
            try:
                selector = self.resolve(selection)
            except UsageError:
                break
            early = anew and not durations
            read_entries(
                self._store,
                selector,
                view.function,
                table,
                durations=durations,
                report=partial(task.tell, show, table, None, False) if early else None,
                stopped=task.stopped,
            )
            task.tell(show, table, sorted_entries(table, view.sort), durations)
        task.tell(done, time.monotonic() - started)

    def order(self, view: EntriesView, show: Callable[..., None], task: Task) -> None:
        """Sort entries that have been read."""
        task.tell(show, view.table, sorted_entries(view.table, view.sort), view.has_cost)

    def plan(
        self,
        selection: Selection,
        show: Callable[[Plan], None],
        found: Callable[[int], None],
        task: Task,
    ) -> None:
        """Plan to clear a selection; of everything, with the leftovers, as ``clear --all``."""

        def progress(count: int) -> None:
            if task.stopped():
                raise StoppedError
            task.tell(found, count)

        everything = selection.is_everything
        selector = self.resolve(selection)
        plan = plan_clear(self._store, selector, leftovers=everything, progress=progress)
        task.tell(show, plan)

    def details(
        self,
        key: str | tuple[str, str],
        show: Callable[[EntryDetails | FunctionDetails, str], None],
        task: Task,
    ) -> None:
        """Read what ``acache show`` shows of a function, or of an entry."""
        if isinstance(key, str):
            task.tell(show, describe_function(self._store, key, self._installed), "")
            return
        function, argument_hash = key
        note = ""
        if self._store.reading_changes_access(function, argument_hash):
            note = "this entry belongs to another user: reading it may change its last access"
        details = describe_entry(self._store, function, argument_hash, self._installed)
        task.tell(show, details, note)
