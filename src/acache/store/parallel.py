"""Folding a scan into a result, by two processes where a store is large.

Nearly all the time of a scan goes into looking into one entry's folder after the other. The
process that walks the store hands such folders to a second one, a few at a time and as fast as
they are done, so that neither waits for the other on a machine that is busy otherwise.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from acache.store.local import Store
from acache.store.model import Found
from acache.store.scan import Inodes, Select, Watcher

if TYPE_CHECKING:
    from acache.system.worker import Helper

_PATIENCE_SECONDS = 0.005  # what a second process costs
_PIECE = 128  # folders handed out at a time, some 2 ms of work
_AHEAD = 2  # pieces that wait for the second process, so that it never does
_STRIDE = 32  # folders between two looks at the second process
_TICK = 128  # things found between two calls of progress

Group = tuple[str, bool, list[str]]  # a path, whether it has a source, and names in it


class Fold(Protocol):
    """What a scan is folded into, in no particular order. It can be pickled."""

    def add(self, found: Found, /) -> None:
        """Take one more thing that the scan found."""

    def merge(self, other: Any, /) -> None:
        """Take all that another fold of the same kind has taken."""


F = TypeVar("F", bound=Fold)
Progress = Callable[[int], None]


def fold_scan(
    store: Store,
    new_fold: Callable[[], F],
    *,
    durations: bool = False,
    select: Select | None = None,
    whole: bool = False,
    fork: bool = False,
    progress: Progress | None = None,
    piece: int | None = None,
    watcher: Watcher | None = None,
) -> F:
    """Scan a store into a fold.

    Parameters
    ----------
    store : Store
    new_fold : callable
        Makes an empty fold.
    durations, select
        Whether to read each entry's recorded time, and which to look into; see
        `acache.store.local.Store.scan`.
    whole : bool
        Whether a file with several names counts at each of them, rather than at the first one.
    fork : bool
        Whether a second process may help with a large store, where the system has `os.fork`.
        Only for a process that has no other threads.
    progress : callable, optional
        Called now and then with the number of things found so far.
    piece : int > 0, optional
        How many folders to hand out at a time: fewer where the fold works long on each.
    watcher : Watcher, optional
        May be shown an entry twice.

    Returns
    -------
    fold
        Of everything that the scan found.
    """
    tell = progress or nothing
    if fork and hasattr(os, "fork") and (os.cpu_count() or 1) > 1:
        folded = _fold_by_two(
            store,
            new_fold,
            durations=durations,
            select=select,
            whole=whole,
            tell=tell,
            piece=piece,
            watcher=watcher,
        )
        if folded is not None:
            return folded
    fold = new_fold()
    seen: Inodes | None = None if whole else set()
    found = store.scan_shared(
        durations=durations, seen=seen, share=None, select=select, watcher=watcher
    )
    _take(fold, found, tell, piece or _TICK)
    return fold


def _fold_by_two(
    store: Store,
    new_fold: Callable[[], F],
    *,
    durations: bool,
    select: Select | None,
    whole: bool,
    tell: Progress,
    piece: int | None,
    watcher: Watcher | None,
) -> F | None:
    """Fold with a second process; None if that failed, or what they found does not add up."""

    def work(pieces: Iterator[list[Group]]) -> tuple[F, Inodes | None, Watcher | None]:
        seen: Inodes | None = None if whole else set()
        fold = new_fold()
        groups = (group for piece in pieces for group in piece)
        found = store.scan_share(groups, durations=durations, seen=seen, watcher=watcher)
        _take(fold, found, nothing, _TICK)
        return fold, seen, watcher

    seen: Inodes | None = None if whole else set()
    fold = new_fold()
    share = _Share(work, piece)
    try:
        found = store.scan_shared(
            durations=durations, seen=seen, share=share, select=select, watcher=watcher
        )
        _take(fold, found, lambda count: tell(count + share.done), piece or _TICK)
        if share.helper is None:
            return fold
        share.hand_out()
        answer = share.helper.result()
    finally:
        if share.helper is not None:
            share.helper.end()
    # Without an answer the second process died. And where a file has names in both shares, each
    # has counted its blocks.
    if answer is None or (seen and answer[1] and not seen.isdisjoint(answer[1])):
        return None
    fold.merge(answer[0])
    if watcher is not None:
        watcher.merge(answer[2])
    return fold


class _Share:
    """Decides, folder by folder, which ones the second process gets."""

    def __init__(self, work: Callable[[Iterator[list[Group]]], Any], piece: int | None) -> None:
        self.helper: Helper[list[Group], Any] | None = None
        self.done = 0
        self._work = work
        self._size = piece or _PIECE
        self._stride = min(self._size, _STRIDE)
        self._started = time.monotonic()
        self._asked = 0
        self._wanted = 0  # pieces
        self._piece: list[Group] = []
        self._names = 0  # in the piece

    def __call__(self, path: str, name: str, has_source: bool) -> bool:
        if not self._wanted:
            self._asked += 1
            if self._asked % self._stride == 0:
                self._look()
            return False
        if not self._piece or self._piece[-1][0] != path:
            self._piece.append((path, has_source, []))
        self._piece[-1][2].append(name)
        self._names += 1
        if self._names == self._size:
            self.hand_out()
        return True

    def _look(self) -> None:
        if self.helper is not None:
            done = self.helper.done()
            self.done += done * self._size
            self._wanted = done
        elif time.monotonic() - self._started > _PATIENCE_SECONDS:
            from acache.system.worker import Helper

            self.helper = Helper(self._work)
            self._wanted = _AHEAD

    def hand_out(self) -> None:
        """Give the second process the piece that is ready, however small."""
        if self.helper is not None and self._piece:
            given = self.helper.give(self._piece)
            self._wanted = self._wanted - 1 if given else 0
        self._piece = []
        self._names = 0


def _take(fold: Fold, found: Iterator[Found], tick: Progress, every: int) -> None:
    add = fold.add
    for count, one in enumerate(found, 1):
        add(one)
        if count % every == 0:
            tick(count)


def nothing(count: int) -> None:
    """Tell nobody."""
