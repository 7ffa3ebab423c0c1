"""The passes over a trace: one for all sizes of LRU caches and of the bound, else one a size."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from acache.operations.simulate.bound import upper_bounds
from acache.operations.simulate.replay import Outcome, replay
from acache.operations.simulate.stack_distance import stack_distances
from acache.operations.simulate.trace import Trace
from acache.system.worker import Helper

BOUND = "best"  # the row of the bound, beside those of the policies
ENOUGH = 0.95  # of the savings of an unlimited cache
_MANY_CALLS = 20_000  # for fewer a second process costs more than it gains

Tick = Callable[[int], object]
Task = tuple[str, int | None]  # a policy or the bound, and a size; None: all sizes


class Point(NamedTuple):
    """What a policy keeps at a size.

    Attributes
    ----------
    size_bytes : int >= 0
    hit_rate : float in [0, 1]
    saved_seconds : float >= 0
    share : float in [0, 1]
        Of the seconds that an unlimited cache saves; 1 where it saves nothing.
    """

    size_bytes: int
    hit_rate: float
    saved_seconds: float
    share: float


class Pass(NamedTuple):
    """What a pass found.

    Attributes
    ----------
    points : list of Point
        One for each size, the smallest first.
    enough : Point or None
        The smallest size that keeps `ENOUGH` of the savings; None if the pass found none.
    """

    points: list[Point]
    enough: Point | None


class Passes:
    """Makes the passes over one trace.

    Parameters
    ----------
    trace : Trace
    sizes : sequence of int > 0
        Bytes, in their order.
    half_life : float > 0
        See `acache.operations.prune.score`.
    """

    def __init__(self, trace: Trace, sizes: Sequence[int], half_life: float) -> None:
        self._trace = trace
        self._sizes = sizes
        self._half_life = half_life
        hits, saved = 0, 0.0
        for _, entry, _ in trace.repeats():
            hits += 1
            saved += trace.seconds[entry]
        self._saved = saved
        self.unlimited = self._point(trace.total_bytes, Outcome(hits, saved))

    def run(self, task: Task, tick: Tick | None = None) -> Pass:
        """Make a pass; `tick` is called with the calls done since the last time."""
        trace, (policy, size) = self._trace, task
        if size is not None:
            point = self._point(size, replay(trace, size, policy, half_life=self._half_life))
            result = Pass([point], point if point.share >= ENOUGH else None)
        elif policy == BOUND:
            bounds = zip(self._sizes, upper_bounds(trace, self._sizes), strict=True)
            result = Pass([self._point(*bound) for bound in bounds], None)
        else:
            curve = _Curve(trace, stack_distances(trace, tick))
            enough = curve.size_for(ENOUGH * self._saved)
            return Pass(
                [self._point(size, curve.at(size)) for size in self._sizes],
                self._point(enough, curve.at(enough)),
            )
        if tick is not None:
            tick(len(trace))
        return result

    def _point(self, size: int, outcome: Outcome) -> Point:
        saved = outcome.saved_seconds
        share = saved / self._saved if self._saved else 1.0
        return Point(size, outcome.hits / max(len(self._trace), 1), saved, share)


def tasks_for(policies: Sequence[str], sizes: Sequence[int]) -> list[Task]:
    """List the passes that some policies and the bound take, the longest first."""
    whole = [policy for policy in policies if policy == "lru"] + [BOUND]
    others = [policy for policy in policies if policy != "lru"]
    return [(one, None) for one in whole] + [(one, size) for one in others for size in sizes]


def run_all(
    passes: Passes, tasks: Sequence[Task], *, calls: int, fork: bool, tick: Tick
) -> dict[Task, Pass]:
    """Make passes, by two processes where there is enough to do.

    Parameters
    ----------
    passes : Passes
    tasks : sequence of Task
    calls : int
        Of the trace.
    fork : bool
        See `acache.operations.simulate.simulation.simulate`.
    tick : callable
        Called with the number of calls done since the last time.
    """

    def share(tasks: Iterator[Task]) -> dict[Task, Pass]:
        return {task: passes.run(task) for task in tasks}

    done: dict[Task, Pass] = {}
    waiting = list(tasks)
    helper: Helper[Task, dict[Task, Pass]] | None = None
    if fork and hasattr(os, "fork") and calls * len(tasks) > _MANY_CALLS:
        helper = Helper(share)
    idle = helper is not None

    def advance(count: int) -> None:
        """Report progress, that of the helper too, and give it the next task."""
        nonlocal idle
        tick(count)
        if helper is not None:
            finished = helper.done()
            tick(finished * calls)
            if (idle or finished) and waiting:
                idle = not helper.give(waiting.pop())

    try:
        advance(0)
        while waiting:
            task = waiting.pop(0)
            done[task] = passes.run(task, advance)
        if helper is not None:
            done |= helper.result() or {}
    finally:
        if helper is not None:
            helper.end()
    # Where the second process died, its share is done here.
    return done | share(task for task in tasks if task not in done)


class _Curve:
    """What an LRU cache saves at every size."""

    def __init__(self, trace: Trace, distances: Sequence[int]) -> None:
        hits = sorted((place for place, _, _ in trace.repeats()), key=distances.__getitem__)
        self._sizes = [distances[place] for place in hits]
        self._saved = [0.0]
        for place in hits:
            self._saved.append(self._saved[-1] + trace.seconds[trace.entries[place]])

    def at(self, size_bytes: int) -> Outcome:
        hits = bisect_left(self._sizes, size_bytes + 1)
        return Outcome(hits, self._saved[hits])

    def size_for(self, saved_seconds: float) -> int:
        """Return the smallest size that saves so much."""
        hits = bisect_left(self._saved, saved_seconds, hi=len(self._saved) - 1)
        return self._sizes[hits - 1] if hits else 0
