"""Folding a scan into a result, by two processes where a store is large."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from acache.records import Found
from acache.store import Store
from acache.walk import WHOLE, Inodes, Shard

if TYPE_CHECKING:
    from acache.fork import Forked

_EVEN = Shard("02468ace", rest=True)
_ODD = Shard("13579bdf", rest=False)

_PATIENCE_SECONDS = 0.005  # what a second process costs
_STRIDE = 128  # entries between two looks at the clock


Progress = Callable[[int], None]


class Fold(Protocol):
    """What a scan is folded into, in no particular order. It can be pickled."""

    def add(self, found: Found, /) -> None:
        """Take one more thing that the scan found."""

    def merge(self, other: Any, /) -> None:
        """Take all that another fold of the same kind has taken."""


F = TypeVar("F", bound=Fold)


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
    helper: Forked[tuple[F, Inodes]] | None = None

    def tick(count: int) -> None:
        nonlocal helper
        if helper is None and time.monotonic() - started > _PATIENCE_SECONDS:
            from acache.fork import Forked

            helper = Forked(lambda tell: fold_shard(_ODD, tell))
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
