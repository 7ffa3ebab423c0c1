"""What a cache of each size and policy would have saved: a frozen report."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from acache.operations.prune import HALF_LIFE_SECONDS, POLICIES
from acache.operations.simulate.bound import upper_bounds
from acache.operations.simulate.replay import Outcome, replay
from acache.operations.simulate.stack_distance import stack_distances
from acache.operations.simulate.trace import Trace
from acache.system.worker import Helper

BOUND = "best"  # the row of the bound, beside those of the policies
_PARTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)  # of all that was ever stored
_ENOUGH = 0.95  # of the savings of an unlimited cache
_MANY_CALLS = 20_000  # for fewer a second process costs more than it gains

Progress = Callable[[int], object]


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


class Recommendation(NamedTuple):
    """The smallest size that keeps 95 % of the savings, and its policy."""

    size_bytes: int
    policy: str
    share: float


class SimulateReport(NamedTuple):
    """What caches of several sizes would have saved.

    Attributes
    ----------
    calls : int >= 0
        That were replayed.
    distinct : int >= 0
        Entries that they asked for.
    span_seconds : float >= 0
        From the first call to the last one.
    unlimited : Point
        A cache that never evicts: its size is that of all entries together.
    policies : dict of str to tuple of Point
        For each policy, and for ``"best"``: the bound that knew all calls to come.
    recommended : Recommendation or None
        None if nothing is ever asked for twice.
    """

    calls: int
    distinct: int
    span_seconds: float
    unlimited: Point
    policies: dict[str, tuple[Point, ...]]
    recommended: Recommendation | None


def simulate(
    trace: Trace,
    *,
    sizes: Sequence[int] = (),
    policies: Sequence[str] = POLICIES,
    half_life: float = HALF_LIFE_SECONDS,
    fork: bool = False,
    progress: Progress | None = None,
) -> SimulateReport:
    """Replay calls through caches of several sizes, under each policy of `acache prune`.

    A miss costs the seconds that the entry takes to compute. Each cache is pruned as soon as it is
    larger than its size.

    Parameters
    ----------
    trace : Trace
    sizes : sequence of int > 0
        Bytes; ten sizes up to that of all entries together by default.
    policies : sequence of str
        See `acache.operations.prune.plan_prune`.
    half_life : float > 0
        Of the policy ``"cost"``, seconds.
    fork : bool
        Whether a second process may help, where the system has `os.fork`. Only for a process that
        has no other threads.
    progress : callable, optional
        Called now and then with the number of calls replayed so far; see `work`.

    Returns
    -------
    report : SimulateReport
    """
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done)

    total = trace.total_bytes
    points = tuple(sorted(set(sizes))) or _default_sizes(total)
    unlimited = Outcome(0, 0.0)
    for _, entry, _ in trace.repeats():
        unlimited = Outcome(unlimited.hits + 1, unlimited.saved_seconds + trace.seconds[entry])

    def point(size: int, outcome: Outcome) -> Point:
        saved = outcome.saved_seconds
        most = unlimited.saved_seconds
        return Point(size, outcome.hits / max(len(trace), 1), saved, saved / most if most else 1.0)

    tasks = [(policy, size) for policy in policies if policy != "lru" for size in points]
    outcomes = _replay_all(trace, tasks, half_life, fork, tick)
    found: dict[str, tuple[Point, ...]] = {}
    smallest: list[Recommendation] = []
    for policy in policies:
        if policy == "lru":
            curve = _Curve(trace, stack_distances(trace, tick))
            found[policy] = tuple(point(size, curve.at(size)) for size in points)
            size = curve.size_for(_ENOUGH * unlimited.saved_seconds)
            smallest.append(Recommendation(size, policy, point(size, curve.at(size)).share))
        else:
            found[policy] = tuple(point(size, outcomes[policy, size]) for size in points)
            enough = [one for one in found[policy] if one.share >= _ENOUGH]
            smallest += [Recommendation(one.size_bytes, policy, one.share) for one in enough[:1]]
    bounds = upper_bounds(trace, points)
    tick(len(trace))
    found[BOUND] = tuple(point(size, bound) for size, bound in zip(points, bounds, strict=True))
    return SimulateReport(
        calls=len(trace),
        distinct=len(trace.sizes),
        span_seconds=trace.times[-1] - trace.times[0] if trace.times else 0.0,
        unlimited=point(total, unlimited),
        policies=found,
        recommended=min(smallest, default=None, key=_size) if unlimited.saved_seconds else None,
    )


def work(trace: Trace, *, sizes: int, policies: Sequence[str] = POLICIES) -> int:
    """Return how many calls `simulate` reports to `progress` in all."""
    passes = sum(1 if policy == "lru" else sizes or len(_PARTS) for policy in policies)
    return len(trace) * (passes + 1)


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


Task = tuple[str, int]
Result = dict[Task, Outcome]


def _replay_all(
    trace: Trace, tasks: list[Task], half_life: float, fork: bool, tick: Progress
) -> Result:
    """Replay each task, by two processes where there is enough to do."""

    def run(tasks: Iterator[Task]) -> Result:
        return {task: replay(trace, task[1], task[0], half_life=half_life) for task in tasks}

    done: Result = {}
    waiting = list(tasks)
    helper: Helper[Task, Result] | None = None
    if fork and hasattr(os, "fork") and len(trace) * len(tasks) > _MANY_CALLS:
        helper = Helper(run)
    try:
        idle = helper is not None
        while waiting:
            if helper is not None and idle:
                idle = not helper.give(waiting.pop())
            if waiting:
                done |= run(iter([waiting.pop(0)]))
                tick(len(trace))
            if helper is not None and not idle:
                finished = helper.done()
                idle = finished > 0
                tick(finished * len(trace))
        if helper is not None:
            done |= helper.result() or {}
    finally:
        if helper is not None:
            helper.end()
    # Where the second process died, its share is done here.
    return done | run(task for task in tasks if task not in done)


def _default_sizes(total: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, round(total * part)) for part in _PARTS})) if total else ()


def _size(one: Recommendation) -> int:
    return one.size_bytes
