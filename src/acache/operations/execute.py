"""Executing a plan, by two processes where there is much to delete."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

from acache.operations.clear import Plan
from acache.store.ids import entry_id
from acache.store.model import Usage
from acache.store.store import PartlyRemovedError, Progress, Removal
from acache.store.totals import NO_ROOM, Sum, Tally, Totals
from acache.system.worker import Helper

_PIECE = 64  # entries handed out at a time, some milliseconds of work
_AHEAD = 2  # pieces that wait for the second process, so that it never does


class Failure(NamedTuple):
    """Something that could not be removed, or not be looked into.

    Attributes
    ----------
    id : str
        An entry's id; or a path below the store, empty for the store itself.
    path : str
        Absolute.
    error : str
    """

    id: str
    path: str
    error: str


class Outcome(NamedTuple):
    """The result of executing a plan.

    Attributes
    ----------
    removed : Totals
        Entries that this execution removed. One that another process removed or wrote again
        meanwhile is not counted, and not a failure.
    leftovers : Usage
        Space that the removed leftovers took.
    failed : tuple of Failure
    interrupted : bool
        Whether it was stopped before its end.
    """

    removed: Totals
    leftovers: Usage
    failed: tuple[Failure, ...]
    interrupted: bool


def execute(
    plan: Plan,
    *,
    unused: bool = False,
    fork: bool = False,
    progress: Progress | None = None,
    stopped: Callable[[], bool] | None = None,
) -> Outcome:
    """Execute a plan. It goes on where something cannot be removed.

    Whenever it ends, even if it is killed, the store is one that joblib can read: a removed entry
    is computed again, any other is a hit.

    Parameters
    ----------
    plan : Plan
    unused : bool
        Whether entries stay that were used since they were scanned.
    fork : bool
        Whether a second process may help, where the system has `os.fork`. Only for a process that
        has no other threads.
    progress : callable, optional
        Called now and then with the number of entries done so far.
    stopped : callable, optional
        Asked between entries; True ends the work there.

    Returns
    -------
    outcome : Outcome

    Examples
    --------
    >>> from acache import Selection, Store, execute, plan_clear
    >>> store = Store("/nowhere")
    >>> plan = plan_clear(store, Selection().resolve(store))
    >>> execute(plan).removed.entries
    0
    """
    if plan.is_empty:
        return Outcome(Tally().totals(), NO_ROOM, scan_failures(plan), interrupted=False)
    execution = _Execution(plan, progress, stopped, unused=unused)
    try:
        done, leftovers = execution.run(fork=fork)
    except FileNotFoundError:  # the whole store vanished meanwhile
        return Outcome(Tally().totals(), NO_ROOM, scan_failures(plan), interrupted=False)
    except OSError as error:  # the store's own folder
        failure = Failure("", plan.store.path, _reason(error))
        return Outcome(
            Tally().totals(), NO_ROOM, (*scan_failures(plan), failure), interrupted=False
        )
    failed = (*scan_failures(plan), *sorted(done.failed))
    return Outcome(done.removed.totals(), leftovers, failed, execution.interrupted)


def scan_failures(plan: Plan) -> tuple[Failure, ...]:
    """Return where the scan may have missed something to delete."""
    address = plan.store.address
    return tuple(Failure(one.path, address(one.path), one.reason) for one in plan.unreadable)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


class _Done:
    """What one process has removed, and what it could not."""

    def __init__(self, *, unused: bool) -> None:
        self.removed = Tally()
        self.failed: list[Failure] = []
        self._unused = unused

    def entries(self, plan: Plan, removal: Removal, piece: range) -> None:
        batch = [plan.entries[index] for index in piece]
        for entry, outcome in zip(batch, removal.entries(batch, unused=self._unused), strict=True):
            if outcome is True or isinstance(outcome, PartlyRemovedError):
                self.removed.add_entry(entry)
            if isinstance(outcome, OSError):
                name = entry_id(entry.function, entry.hash)
                address = plan.store.entry_address(entry.function, entry.hash, entry.place)
                self.failed.append(Failure(name, address, _reason(outcome)))

    def merge(self, other: _Done) -> None:
        self.removed.merge(other.removed)
        self.failed += other.failed


class _Execution:
    """One execution of a plan."""

    def __init__(
        self,
        plan: Plan,
        progress: Progress | None,
        stopped: Callable[[], bool] | None,
        *,
        unused: bool,
    ) -> None:
        self._plan = plan
        self._unused = unused
        self._progress = progress
        self._stopped = stopped
        self.interrupted = False

    def run(self, *, fork: bool) -> tuple[_Done, Usage]:
        plan = self._plan
        large = len(plan.entries) > 4 * _PIECE
        helper = None
        if (
            fork
            and plan.store.traits.fork
            and large
            and hasattr(os, "fork")
            and (os.cpu_count() or 1) > 1
        ):
            helper = Helper(self._help)
        try:
            with plan.store.removing(grace=plan.grace) as removal:
                done = self._entries(removal, helper)
                leftovers = self._leftovers(removal, done)
        finally:
            if helper is not None:
                helper.end()
        return done, leftovers

    def _help(self, pieces: Iterator[range]) -> _Done:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what to stop
        done = _Done(unused=self._unused)
        with self._plan.store.removing(grace=self._plan.grace) as removal:
            for piece in pieces:
                done.entries(self._plan, removal, piece)
        return done

    def _entries(self, removal: Removal, helper: Helper[range, _Done] | None) -> _Done:
        done = _Done(unused=self._unused)
        plan = self._plan
        total = len(plan.entries)
        given: list[range] = []
        wanted = 0 if helper is None else _AHEAD
        position = 0
        while position < total and not self._stop():
            if helper is not None and wanted:
                piece = range(position, min(position + _PIECE, total))
                given.append(piece)
                wanted = wanted - 1 if helper.give(piece) else 0
            else:
                piece = range(position, min(position + plan.store.traits.batch, total))
                done.entries(plan, removal, piece)
                wanted = 0 if helper is None else wanted + helper.done()
            position = piece.stop
            if self._progress is not None:
                self._progress(position - sum(map(len, given[-_AHEAD:])))
        if helper is not None:
            answer = helper.result()
            if answer is None:  # it died: what it may not have done is done here
                for piece in given:
                    done.entries(plan, removal, piece)
            else:
                done.merge(answer)
        return done

    def _leftovers(self, removal: Removal, done: _Done) -> Usage:
        room = Sum()
        for leftover in self._plan.leftovers:
            if self._stop():
                break
            try:
                if removal.leftover(leftover):
                    room.add(leftover.usage)
            except OSError as error:
                address = self._plan.store.address(leftover.path)
                done.failed.append(Failure(leftover.path, address, _reason(error)))
        return room.usage()

    def _stop(self) -> bool:
        self.interrupted = self.interrupted or (self._stopped is not None and self._stopped())
        return self.interrupted
