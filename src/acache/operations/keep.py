"""Keeping a store within its limits: one process at a time measures, evicts, and watches."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import time
from collections import deque

from acache.config.limits import Policy
from acache.operations.clear import Plan
from acache.operations.execute import execute
from acache.operations.prune import Limits, plan_prune
from acache.store.fill import Fill, change_fill, limits_folder, read_fill
from acache.store.leftovers import GRACE_SECONDS
from acache.store.store import Store
from acache.store.table import EntryTable
from acache.store.totals import Totals
from acache.system.detached import be_nice, start_detached
from acache.system.errors import AcacheError
from acache.system.filelock import open_lock_file, try_lock

# Once over a limit, an eighth below it: a scan of all entries pays off then.
_SLACK = 8
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS = 0.002, 0.05
_LINGER_SECONDS = 2.0  # a new process would take longer to start than this one to look again
_SCAN_SHARE = 20  # scans take at most a twentieth of the time
_PIECE = 64  # entries evicted before writers get to know of the room
_PAUSE_SECONDS = 60.0  # where the limits cannot be kept
_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from acache.operations.keep import main; main(sys.argv[2])"
)


def ceiling(limit: int) -> int:
    """Return how much there may be while processes write: a fifth over the limit.

    A quarter is promised; sizes are estimates.
    """
    return limit + limit // 5


def is_over(fill: Fill, limits: Limits) -> bool:
    """Return whether a store, as full as it is told, is beyond a limit, or somebody waits."""
    return (
        (limits.max_size is not None and fill.disk_bytes > limits.max_size)
        or (limits.max_items is not None and fill.entries > limits.max_items)
        or fill.wanted_bytes > 0
    )


def lacks_room(path: str, limits: Limits) -> bool:
    """Return whether the file system of a path has too little room."""
    if limits.min_free is None:
        return False
    try:
        return shutil.disk_usage(path).free < limits.min_free
    except OSError:
        return False


def has_keeper(store: str) -> bool:
    """Return whether a process keeps the limits of a store right now."""
    descriptor = None
    try:
        descriptor = open_lock_file(_lock_path(store), create=False)
        return not try_lock(descriptor)
    except OSError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)


def keep(store: Store, limits: Limits, policy: Policy = "lru") -> None:
    """Keep a store within its limits, until nobody has written beyond them for two seconds.

    Returns at once where another process does so. Where a file system has no locks, several may
    be at it: each evicts what the others have not yet.

    Parameters
    ----------
    store : Store
    limits : Limits
    policy : {"lru", "oldest", "largest", "cost"}
        What goes first; see `acache.operations.prune.plan_prune`.

    Raises
    ------
    OSError
        If the store is gone, or the files beside it cannot be written.
    """
    while True:
        change_fill(store.path, lambda fill: fill)  # makes the folder, if there is a store
        descriptor = open_lock_file(_lock_path(store.path))
        try:
            with contextlib.suppress(OSError):
                if not try_lock(descriptor):
                    return
            kept = _Keeper(store, limits, policy).run()
        finally:
            os.close(descriptor)
        # Who stored something meanwhile has seen that there was a keeper.
        if not kept or not is_over(read_fill(store.path), limits):
            return


def main(text: str) -> None:
    """Keep a store, as a process that nobody waits for.

    Parameters
    ----------
    text : str
        What `start_keeper` wrote.
    """
    be_nice()
    location, limits, policy = json.loads(text)
    with contextlib.suppress(OSError, AcacheError):
        keep(Store(location), Limits(*limits), policy)


def start_keeper(location: str, limits: Limits, policy: Policy = "lru") -> bool:
    """Start a process that keeps a store within its limits; see `keep`.

    Parameters
    ----------
    location : str
        What was given to `joblib.Memory`.
    limits : Limits
    policy : {"lru", "oldest", "largest", "cost"}

    Returns
    -------
    started : bool
    """
    packages = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    text = json.dumps([location, limits, policy])
    return start_detached(_START, [packages, text])


def _lock_path(store: str) -> str:
    return os.path.join(limits_folder(store), "keeper")


class _Keeper:
    """The one process that keeps the limits of a store."""

    def __init__(self, store: Store, limits: Limits, policy: Policy) -> None:
        self._store = store
        self._limits = limits
        self._policy = policy
        self._plan: Plan | None = None
        self._outdated = 0.0
        self._victims: deque[int] = deque()  # indices of the plan's entries, the first to go first

    def run(self) -> bool:
        """Keep the limits; return whether that was possible."""
        self._measure()
        last = time.monotonic()
        pause = _FIRST_LOOK_SECONDS
        while time.monotonic() - last < _LINGER_SECONDS:
            pause = min(pause * 1.5, _LONGEST_LOOK_SECONDS)
            # Where nothing can be evicted, what has counted may not be written yet.
            if self._is_beyond(self._fill(), self._limits) and self._evict():
                last = time.monotonic()
                pause = _FIRST_LOOK_SECONDS  # who writes fast passes the limit again soon
            time.sleep(pause)
        self._measure()  # now that nobody writes; the others missed what was just being written
        kept = self._evict()
        if not kept:
            pause = time.time() + _PAUSE_SECONDS
            change_fill(self._store.path, lambda fill: fill._replace(due=pause))
        return kept

    def _fill(self) -> Fill:
        return read_fill(self._store.path)

    def _is_beyond(self, fill: Fill, limits: Limits) -> bool:
        """Return whether something has to go."""
        return (
            is_over(fill, limits)
            or lacks_room(self._store.path, limits)
            or (limits.max_age is not None and self._oldest() <= time.time() - limits.max_age)
        )

    def _oldest(self) -> float:
        if self._plan is None or not self._victims:
            return math.inf
        return self._plan.entries.used[self._victims[0]]

    def _measure(self) -> None:
        """Scan the store, and choose what goes next.

        What is used or written later is used later than all that was there: of the least recently
        used a scan tells the order for long. By other policies it may be the first to go.
        """
        path, limits = self._store.path, self._limits
        before = self._fill()
        began = time.monotonic()
        least = limits._replace(
            max_size=None if limits.max_size is None else 0,
            max_items=None if limits.max_items is None else 0,
        )
        plan = plan_prune(
            self._store,
            least if self._policy == "lru" else self._target(before),
            policy=self._policy,
            durations=False,
        )
        last_access = plan.entries.used
        now = time.monotonic()
        self._outdated = now + _SCAN_SHARE * (now - began)
        self._plan = plan
        self._victims = deque(sorted(range(len(plan.entries)), key=last_access.__getitem__))

        def measured(now: Fill) -> Fill:
            # What is stored during the scan may count twice; what had counted before, and was
            # written after the scan had passed, not at all.
            return now._replace(
                disk_bytes=_room(plan.kept)
                + _room(plan.total)
                + now.disk_bytes
                - before.disk_bytes,
                entries=plan.kept.entries + plan.total.entries + now.entries - before.entries,
                measured=time.time(),
            )

        change_fill(path, measured)
        # A folder without result may be one in which somebody begins to write right now.
        old = tuple(one for one in plan.leftovers if one.modified < time.time() - GRACE_SECONDS)
        execute(plan._replace(entries=EntryTable(), leftovers=old))

    def _evict(self) -> bool:
        """Evict until the limits hold that are passed, and a little more; False if they cannot."""
        # Counted too is what took the place of an entry, or was removed by joblib: where that may
        # be much, nothing is evicted before it is measured.
        measured = time.monotonic() > self._outdated
        if measured:
            self._measure()
        fill = self._fill()
        target = self._target(fill)
        fill = fill._replace(wanted_bytes=0)  # the target has room for it
        while self._is_beyond(fill, target):
            if self._victims:
                measured = self._remove(self._next(fill, target)) and measured
            elif measured:
                return False
            else:
                self._measure()
                measured = True
            fill = self._fill()._replace(wanted_bytes=0)
        change_fill(self._store.path, lambda fill: fill._replace(wanted_bytes=0))
        return True

    def _target(self, fill: Fill) -> Limits:
        """Return lower limits where one is passed, and room for who waits for it."""
        size, items = self._limits.max_size, self._limits.max_items
        if size is not None:
            most = ceiling(size) - fill.wanted_bytes
            if fill.disk_bytes > size:
                size -= size // _SLACK
            size = max(0, min(size, most))
        if items is not None:
            most = ceiling(items) - bool(fill.wanted_bytes)
            if fill.entries > items:
                items -= items // _SLACK
            items = max(0, min(items, most))
        return self._limits._replace(max_size=size, max_items=items)

    def _next(self, fill: Fill, target: Limits) -> EntryTable:
        """Take the next entries that have to go, some at a time."""
        assert self._plan is not None
        chosen = EntryTable()
        while self._victims and len(chosen) < _PIECE and self._is_beyond(fill, target):
            entry = self._plan.entries[self._victims.popleft()]
            chosen.add(entry)
            fill = _less(fill, 1, entry.disk_bytes or entry.size_bytes)
        return chosen

    def _remove(self, chosen: EntryTable) -> bool:
        """Remove entries, unless they were used since the scan; return whether none was removed."""
        assert self._plan is not None
        plan = self._plan._replace(entries=chosen, leftovers=())
        removed = execute(plan, unused=self._policy in ("lru", "cost")).removed
        room = _room(removed)
        change_fill(self._store.path, lambda fill: _less(fill, removed.entries, room))
        return not removed.entries


def _less(fill: Fill, entries: int, room: int) -> Fill:
    return fill._replace(
        disk_bytes=max(0, fill.disk_bytes - room), entries=max(0, fill.entries - entries)
    )


def _room(totals: Totals) -> int:
    return totals.size_bytes if totals.disk_bytes is None else totals.disk_bytes
