"""Working through many things a few at a time, by two processes where there are many."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

from acache.store.store import Progress
from acache.system.worker import Helper

_AHEAD = 2  # pieces that wait for the second process, so that it never does


class Work(Protocol):
    """What is done to things that are known by their numbers. It can be pickled."""

    def do(self, piece: range, /) -> None:
        """Do it to some of them."""

    def merge(self, other: Any, /) -> None:
        """Add what the second process did."""


W = TypeVar("W", bound=Work)


def work_through(
    total: int,
    work: W,
    helping: Callable[[Iterator[range]], W] | None,
    *,
    piece: int,
    stride: int,
    progress: Progress | None = None,
    stopped: Callable[[], bool] | None = None,
) -> bool:
    """Do some work to all of a number of things.

    Parameters
    ----------
    total : int >= 0
    work : Work
        Of this process; what the second one does is merged into it.
    helping : callable, optional
        Does the pieces that it is given, in a forked process, and returns what was done.
    piece : int > 0
        How many are handed out at a time.
    stride : int > 0
        How many are done here between two looks at the second process.
    progress : callable, optional
        Is called now and then with the number done.
    stopped : callable, optional
        Is asked before each stride whether to stop.

    Returns
    -------
    interrupted : bool
        Whether it was stopped before its end.
    """
    helper = None
    large = total > 4 * piece and (os.cpu_count() or 1) > 1
    if helping is not None and large and hasattr(os, "fork"):
        helper = Helper(helping)
    try:
        return _run(
            total, work, helper, piece=piece, stride=stride, progress=progress, stopped=stopped
        )
    finally:
        if helper is not None:
            helper.end()


def _run(
    total: int,
    work: W,
    helper: Helper[range, W] | None,
    *,
    piece: int,
    stride: int,
    progress: Progress | None,
    stopped: Callable[[], bool] | None,
) -> bool:
    given: list[range] = []
    wanted = 0 if helper is None else _AHEAD
    position, interrupted = 0, False
    while position < total:
        interrupted = stopped is not None and stopped()
        if interrupted:
            break
        if helper is not None and wanted:
            part = range(position, min(position + piece, total))
            given.append(part)
            wanted = wanted - 1 if helper.give(part) else 0
        else:
            part = range(position, min(position + stride, total))
            work.do(part)
            wanted = 0 if helper is None else wanted + helper.done()
        position = part.stop
        if progress is not None:
            progress(position - sum(map(len, given[-_AHEAD:])))
    if helper is not None:
        answer = helper.result()
        if answer is None:  # it died: what it may not have done is done here
            for part in given:
                work.do(part)
        else:
            work.merge(answer)
    return interrupted
