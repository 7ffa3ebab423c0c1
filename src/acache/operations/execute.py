"""Executing a plan, by two processes where there is much to delete."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

from acache.operations.clear import Plan
from acache.operations.pieces import work_through
from acache.store.changes import PartlyRemovedError, Removal
from acache.store.ids import entry_id
from acache.store.model import Usage
from acache.store.store import Progress
from acache.store.totals import NO_ROOM, Sum, Tally, Totals

_PIECE = 64  # entries handed out at a time, some milliseconds of work


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

    def __init__(self, plan: Plan, removal: Removal, *, unused: bool) -> None:
        self.removed = Tally()
        self.failed: list[Failure] = []
        self._plan = plan
        self._removal = removal
        self._unused = unused

    def __getstate__(self) -> dict[str, object]:
        # Only what was done is sent from one process to the other.
        return {"removed": self.removed, "failed": self.failed}

    def do(self, piece: range) -> None:
        """Remove some entries of the plan."""
        plan = self._plan
        batch = [plan.entries[index] for index in piece]
        outcomes = self._removal.entries(batch, unused=self._unused)
        for entry, outcome in zip(batch, outcomes, strict=True):
            if outcome is True or isinstance(outcome, PartlyRemovedError):
                self.removed.add_entry(entry)
            if isinstance(outcome, OSError):
                name = entry_id(entry.function, entry.hash)
                address = plan.store.entry_address(entry.function, entry.hash, entry.place)
                self.failed.append(Failure(name, address, _reason(outcome)))

    def merge(self, other: _Done) -> None:
        """Add what another process has removed."""
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
        with plan.store.removing(grace=plan.grace) as removal:
            done = _Done(plan, removal, unused=self._unused)
            self.interrupted = work_through(
                len(plan.entries),
                done,
                self._help if fork and plan.store.traits.fork else None,
                piece=_PIECE,
                stride=plan.store.traits.batch,
                progress=self._progress,
                stopped=self._stopped,
            )
            return done, self._leftovers(removal, done)

    def _help(self, pieces: Iterator[range]) -> _Done:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what to stop
        with self._plan.store.removing(grace=self._plan.grace) as removal:
            done = _Done(self._plan, removal, unused=self._unused)
            for piece in pieces:
                done.do(piece)
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
