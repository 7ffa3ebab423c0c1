"""Folding a walk into a result, by two processes where a store is large.

Nearly all the time of a scan goes into looking into one entry's folder after the other. The
process that walks the store hands such folders to a second one, a few at a time and as fast as
they are done, so that neither waits for the other on a machine that is busy otherwise.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from acache.store.folder import Inodes, Position
from acache.store.model import Found
from acache.store.scan import HandOver, Piece, Walk
from acache.store.store import EntryWatcher, F, Progress, ScanOptions

if TYPE_CHECKING:
    from acache.system.worker import Helper

_PATIENCE_SECONDS = 0.005  # what a second process costs
_PIECE = 128  # folders handed out at a time, some 2 ms of work
_AHEAD = 2  # pieces that wait for the second process, so that it never does
_STRIDE = 32  # folders between two looks at the second process
_TICK = 128  # things found between two calls of progress


def fold_walk(
    new_walk: Callable[[HandOver | None], Walk], new_fold: Callable[[], F], options: ScanOptions
) -> F:
    """Walk a store into a fold; see `acache.store.store.Store.fold`.

    Parameters
    ----------
    new_walk : callable
        Makes a walk over the store.
    new_fold : callable
    options : ScanOptions
    """
    if options.fork and hasattr(os, "fork") and (os.cpu_count() or 1) > 1:
        folded = _fold_by_two(new_walk, new_fold, options)
        if folded is not None:
            return folded
    fold = new_fold()
    _add_all(fold, new_walk(None).everything(), options.progress, options.piece or _TICK)
    return fold


def _fold_by_two(
    new_walk: Callable[[HandOver | None], Walk], new_fold: Callable[[], F], options: ScanOptions
) -> F | None:
    """Fold with a second process; None if that failed, or what they found does not add up."""

    def work(pieces: Iterator[list[Piece]]) -> tuple[F, Inodes | None, EntryWatcher | None]:
        fold, walk = new_fold(), new_walk(None)
        found = walk.part(one for piece in pieces for one in piece)
        _add_all(fold, found, None, _TICK)
        return fold, walk.seen, options.watcher

    def report(count: int) -> None:
        assert options.progress is not None
        options.progress(count + second.done)

    second = _SecondProcess(work, options.piece)
    fold, walk = new_fold(), new_walk(second.takes)
    progress = report if options.progress is not None else None
    try:
        _add_all(fold, walk.everything(), progress, options.piece or _TICK)
        if second.helper is None:
            return fold
        second.hand_out()
        answer = second.helper.result()
    finally:
        if second.helper is not None:
            second.helper.end()
    # Without an answer the second process died. And where a file has names in both parts, each
    # has counted its blocks.
    if answer is None or (walk.seen and answer[1] and not walk.seen.isdisjoint(answer[1])):
        return None
    fold.merge(answer[0])
    if options.watcher is not None:
        options.watcher.merge(answer[2])
    return fold


class _SecondProcess:
    """Decides, folder by folder, which ones the second process gets.

    Attributes
    ----------
    helper : Helper or None
        The process, once the scan has taken long enough.
    done : int
        How many folders it has looked into.
    """

    def __init__(self, work: Callable[[Iterator[list[Piece]]], Any], piece: int | None) -> None:
        self.helper: Helper[list[Piece], Any] | None = None
        self.done = 0
        self._work = work
        self._size = piece or _PIECE
        self._stride = min(self._size, _STRIDE)
        self._started = time.monotonic()
        self._asked = 0
        self._wanted = 0  # pieces
        self._piece: list[Piece] = []
        self._names = 0  # in the piece

    def takes(self, here: Position, name: str, has_source: bool) -> bool:
        """Take a folder, if the process has time for one more piece."""
        if not self._wanted:
            self._asked += 1
            if self._asked % self._stride == 0:
                self._look()
            return False
        if not self._piece or self._piece[-1][0] != here:
            self._piece.append((here, has_source, []))
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
        """Give the process the piece that is ready, however small."""
        if self.helper is not None and self._piece:
            given = self.helper.give(self._piece)
            self._wanted = self._wanted - 1 if given else 0
        self._piece = []
        self._names = 0


def _add_all(fold: F, found: Iterable[Found], progress: Progress | None, every: int) -> None:
    add = fold.add
    for count, one in enumerate(found, 1):
        add(one)
        if progress is not None and count % every == 0:
            progress(count)
