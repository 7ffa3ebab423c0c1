"""Limits that hold by themselves: what a process that stores results does for them.

Evicting is the work of another process, the keeper (`acache.operations.keep`). Here each result is
counted before it gets its name in the store, a keeper is started when a limit is passed, and who is
too fast for it waits for a moment.
"""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial

from acache.config.limits import Policy
from acache.operations.keep import (
    ceiling,
    has_keeper,
    is_over,
    keep,
    lacks_room,
    start_keeper,
)
from acache.operations.prune import Limits
from acache.store.call_writer import location_of
from acache.store.fill import Fill, change_fill, entry_room, read_fill
from acache.store.store import Store
from acache.system.errors import AcacheError

_LOOK_SECONDS = 0.25  # between two looks whether there is a keeper
_START_SECONDS = 2.0  # in which a keeper must have started
_WAIT_SECONDS = 0.002
_PATIENCE_SECONDS = 1.0
_REMEASURE_SECONDS = 3600.0  # others may write who count nothing: plain joblib
_AGE_PARTS = 8  # of the largest age, between two looks for what is older


class Limiter:
    """Keeps the results that this process stores within the limits of a store.

    No method raises because of the limits: where they cannot be kept, they are not.

    Parameters
    ----------
    store : str
        Absolute path of the store.
    limits : Limits
    policy : {"lru", "oldest", "largest", "cost"}
        What is evicted first.
    """

    def __init__(self, store: str, limits: Limits, policy: Policy = "lru") -> None:
        self._store = store
        self._location = location_of(store)
        self._limits = limits
        self._policy = policy
        self.due = 0.0  # when `used` has something to do
        self._looked = 0.0
        self._waits = True
        self._thread: threading.Thread | None = None
        age = limits.max_age
        self._interval = _REMEASURE_SECONDS
        if age is not None:
            self._interval = min(_REMEASURE_SECONDS, max(1.0, age / _AGE_PARTS))

    def used(self, now: float) -> None:
        """See that limits hold which are passed without any writing; to be called when `due`.

        Parameters
        ----------
        now : float
            Unix seconds.
        """
        self.due = now + self._interval
        try:
            fill = read_fill(self._store)
            # One that lies ahead is of before the clock was set back.
            is_fresh = fill.measured <= now < fill.measured + self._interval
            if not is_fresh or self._is_over(fill):
                self._see_to_it()
        except OSError:
            pass

    def refusal(self, size_bytes: int, *, must: bool = False) -> str:
        """Count a result that is about to be stored; or return why it must not be.

        Parameters
        ----------
        size_bytes : int >= 0
            Of its ``output.pkl``.
        must : bool
            Whether it has to be stored, whatever the limits say.

        Returns
        -------
        reason : str
            Empty if it may be stored.
        """
        limits = self._limits
        room = entry_room(size_bytes)
        fits = limits.max_items != 0 and (limits.max_size is None or room <= limits.max_size)
        if not fits and not must:
            return "it is larger than the limit"
        count = partial(self._counted, room, must)
        deadline = time.monotonic() + (_PATIENCE_SECONDS if self._waits else 0.0)
        try:
            while True:
                before, after = change_fill(self._store, count)
                if self._is_over(after):
                    self._see_to_it()
                if after.entries > before.entries:
                    self._waits = True
                    return ""
                if time.monotonic() >= deadline:
                    self._waits = False  # not again for each result while the keeper is too slow
                    return "there was no room for it within the limits"
                time.sleep(_WAIT_SECONDS)
        except OSError:
            return ""

    def _counted(self, room: int, must: bool, fill: Fill) -> Fill:
        """Return how full the store is with the result; or, if it has to wait, that it does."""
        limits = self._limits
        disk_bytes, entries, wanted, measured, due = fill
        after = Fill(disk_bytes + room, entries + 1, wanted, measured, due)
        fits = (limits.max_size is None or after.disk_bytes <= ceiling(limits.max_size)) and (
            limits.max_items is None or after.entries <= ceiling(limits.max_items)
        )
        return after if fits or must else fill._replace(wanted_bytes=max(fill.wanted_bytes, room))

    def _is_over(self, fill: Fill) -> bool:
        return is_over(fill, self._limits) or lacks_room(self._store, self._limits)

    def _see_to_it(self) -> None:
        """Start a keeper, unless there is one."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:  # a keeper lives longer than that
            return
        self._looked = now
        if self._thread is not None and self._thread.is_alive():
            return
        if has_keeper(self._store) or not self._is_mine_to_start():
            return
        if not start_keeper(self._location, self._limits, self._policy):
            self._thread = threading.Thread(target=self._keep, name="acache-limits", daemon=True)
            self._thread.start()

    def _is_mine_to_start(self) -> bool:
        """Return whether nobody else has just started a keeper."""
        now = time.time()

        def claim(fill: Fill) -> Fill:
            return fill._replace(due=now + _START_SECONDS) if fill.due <= now else fill

        before, _ = change_fill(self._store, claim)
        return before.due <= now or before.due > now + 3600.0  # the clock was set back

    def _keep(self) -> None:
        with contextlib.suppress(OSError, AcacheError):
            keep(Store(self._location), self._limits, self._policy)
