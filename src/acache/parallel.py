"""Folding a scan into a result, by two processes where a store is large."""

from __future__ import annotations

import mmap
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from typing import Any, Generic, NoReturn, Protocol, TypeVar

from acache.records import Found
from acache.store import Store
from acache.walk import WHOLE, Inodes, Shard

_EVEN = Shard("02468ace", rest=True)
_ODD = Shard("13579bdf", rest=False)

_PATIENCE_SECONDS = 0.02  # a second process costs as much as some 500 entries
_STRIDE = 128  # entries between two looks at the clock
_TICK_SECONDS = 0.1


class Fold(Protocol):
    """What a scan is folded into, in no particular order. It can be pickled."""

    def add(self, found: Found, /) -> None:
        """Take one more thing that the scan found."""

    def merge(self, other: Any, /) -> None:
        """Take all that another fold of the same kind has taken."""


F = TypeVar("F", bound=Fold)
T = TypeVar("T")
Progress = Callable[[int], None]


def fold_scan(
    store: Store,
    new_fold: Callable[[], F],
    *,
    durations: bool = False,
    fork: bool = False,
    progress: Progress | None = None,
) -> F:
    """Scan a store into a fold.

    Parameters
    ----------
    store : Store
    new_fold : callable
        Makes an empty fold.
    durations : bool
        Whether to read each entry's recorded time; see `acache.store.Store.scan`.
    fork : bool
        Whether a second process may take half of a large store, where the system has `os.fork`.
        Only for a process that has no other threads.
    progress : callable, optional
        Called now and then with the number of things found so far.

    Returns
    -------
    fold
        Of everything that the scan found.
    """
    tell = progress or _nothing

    def fold_shard(shard: Shard, tick: Progress) -> tuple[F, Inodes]:
        seen: Inodes = set()
        fold = new_fold()
        add = fold.add
        for count, found in enumerate(store.scan(shard, durations=durations, seen=seen), 1):
            add(found)
            if count % _STRIDE == 0:
                tick(count)
        return fold, seen

    if not fork or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
        return fold_shard(WHOLE, tell)[0]

    started = time.monotonic()
    helper: _Helper[tuple[F, Inodes]] | None = None

    def tick(count: int) -> None:
        nonlocal helper
        if helper is None and time.monotonic() - started > _PATIENCE_SECONDS:
            helper = _Helper(lambda tell: fold_shard(_ODD, tell))
        tell(count + (helper.count if helper else 0))

    try:
        fold, seen = fold_shard(_EVEN, tick)
        answer = helper.result(tell) if helper else None
    finally:
        if helper:
            helper.end()
    # No helper was wanted, or it died: nothing is lost but time.
    other, other_seen = answer or fold_shard(_ODD, tell)
    if not seen.isdisjoint(other_seen):
        # A file has names in both shares, and each has counted its blocks.
        return fold_shard(WHOLE, tell)[0]
    fold.merge(other)
    return fold


def _nothing(count: int) -> None:
    """Tell nobody."""


class _Helper(Generic[T]):
    """A forked process that does a piece of work and sends back its result."""

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self._counter = mmap.mmap(-1, 8)
        self._answer, sending = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._run(work, sending)
        os.close(sending)
        self._ended = False

    def _run(self, work: Callable[[Progress], T], sending: int) -> NoReturn:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent tells of an interruption
            os.close(self._answer)
            result = work(lambda count: struct.pack_into("q", self._counter, 0, count))
            import pickle

            with os.fdopen(sending, "wb") as file:
                pickle.dump(result, file, protocol=pickle.HIGHEST_PROTOCOL)
            status = 0
        finally:
            os._exit(status)

    @property
    def count(self) -> int:
        """What the process found so far."""
        return int(struct.unpack_from("q", self._counter)[0])

    def result(self, tell: Progress) -> T | None:
        """Wait for the result; None if the process died before it had one."""
        parts = []
        while True:
            if not select.select([self._answer], [], [], _TICK_SECONDS)[0]:
                tell(self.count)
            elif part := os.read(self._answer, 1 << 20):
                parts.append(part)
            else:
                break
        _, status = os.waitpid(self._pid, 0)
        self._ended = True
        if status != 0:
            return None
        import pickle

        result: T = pickle.loads(b"".join(parts))
        return result

    def end(self) -> None:
        """End the process if it still runs, and let go of what belongs to it."""
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._answer)
        self._counter.close()
