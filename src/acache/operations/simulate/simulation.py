"""What a cache of each size and policy would have saved: a frozen report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from acache.config.limits import POLICIES
from acache.operations.prune import HALF_LIFE_SECONDS
from acache.operations.simulate.passes import BOUND, Passes, Point, run_all, tasks_for
from acache.operations.simulate.trace import Trace

_PARTS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)  # of all that was ever stored

Progress = Callable[[int], object]


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
        The policy that needs the smallest size; None if a cache saves nothing.
    """

    calls: int
    distinct: int
    span_seconds: float
    unlimited: Point
    policies: dict[str, tuple[Point, ...]]
    recommended: Recommendation | None

    @property
    def nothing_saved(self) -> str:
        """Why a cache saves nothing, where it does."""
        if self.unlimited.hit_rate:
            return "It is not known how long anything takes to compute, so no size is recommended."
        return "Nothing was asked for twice: a cache of any size saves nothing."


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

    points = tuple(sorted(set(sizes))) or _default_sizes(trace.total_bytes)
    passes = Passes(trace, points, half_life)
    tasks = tasks_for(policies, points)
    made = run_all(passes, tasks, calls=len(trace), fork=fork, tick=tick)
    found: dict[str, tuple[Point, ...]] = {}
    smallest: list[Recommendation] = []
    for policy in (*policies, BOUND):
        row = [made[task] for task in tasks if task[0] == policy]
        found[policy] = tuple(point for one in row for point in one.points)
        enough = next((one.enough for one in row if one.enough is not None), None)
        if enough is not None and passes.unlimited.saved_seconds:
            smallest.append(Recommendation(enough.size_bytes, policy, enough.share))
    return SimulateReport(
        calls=len(trace),
        distinct=len(trace.sizes),
        span_seconds=trace.times[-1] - trace.times[0] if trace.times else 0.0,
        unlimited=passes.unlimited,
        policies=found,
        recommended=min(smallest, default=None, key=lambda one: one.size_bytes),
    )


def work(trace: Trace, *, sizes: int, policies: Sequence[str] = POLICIES) -> int:
    """Return how many calls `simulate` reports to `progress` in all."""
    passes = sum(1 if policy == "lru" else sizes or len(_PARTS) for policy in policies)
    return len(trace) * (passes + 1)


def _default_sizes(total: int) -> tuple[int, ...]:
    return tuple(sorted({max(1, round(total * part)) for part in _PARTS})) if total else ()
