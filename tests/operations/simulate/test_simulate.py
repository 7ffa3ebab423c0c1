"""Replays against a plain one that keeps a list, for any calls."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.config.limits import POLICIES
from acache.operations.prune import score
from acache.operations.simulate.bound import upper_bounds
from acache.operations.simulate.passes import BOUND
from acache.operations.simulate.replay import Outcome, replay
from acache.operations.simulate.simulation import simulate
from acache.operations.simulate.stack_distance import stack_distances
from acache.operations.simulate.trace import Trace, make_trace

DAY = 86_400.0

ENTRIES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=8)


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    entries = draw(ENTRIES)
    asked = draw(st.lists(st.integers(0, len(entries) - 1), max_size=40))
    return make_trace(
        [(float(time), entry) for time, entry in enumerate(asked)],
        [(size, float(seconds)) for size, seconds in entries],
    )


def plain_replay(trace: Trace, size_bytes: int, policy: str) -> Outcome:
    """Keep a list of what is cached, and sort it for each eviction."""
    cached: list[int] = []
    used: dict[int, float] = {}
    written: dict[int, float] = {}
    hits, saved = 0, 0.0
    for time, entry in zip(trace.times, trace.entries, strict=True):
        used[entry] = time
        if entry in cached:
            hits, saved = hits + 1, saved + trace.seconds[entry]
            continue
        cached.append(entry)
        written[entry] = time
        keys = {
            "lru": used.__getitem__,
            "oldest": written.__getitem__,
            "largest": lambda one: (-trace.sizes[one], one),
            "cost": lambda one: (
                score(trace.seconds[one], trace.sizes[one], used[one], half_life=DAY),
                one,
            ),
        }
        while sum(trace.sizes[one] for one in cached) > size_bytes:
            cached.remove(min(cached, key=keys[policy]))
    return Outcome(hits, saved)


@pytest.mark.parametrize("policy", POLICIES)
@given(trace=traces(), size=st.integers(0, 40))
def test_replay_agrees_with_a_plain_one(policy: str, trace: Trace, size: int) -> None:
    assert replay(trace, size, policy, half_life=DAY) == plain_replay(trace, size, policy)


@given(trace=traces(), size=st.integers(0, 80))
def test_stack_distances_agree_with_a_replay_at_any_size(trace: Trace, size: int) -> None:
    distances = stack_distances(trace)
    hits = sum(0 <= distance <= size for distance in distances)
    assert hits == replay(trace, size, "lru", half_life=DAY).hits


@given(trace=traces(), sizes=st.sets(st.integers(1, 60), min_size=1, max_size=4))
def test_policies_are_no_better_than_the_bound(trace: Trace, sizes: set[int]) -> None:
    ordered = sorted(sizes)
    for size, bound in zip(ordered, upper_bounds(trace, ordered), strict=True):
        for policy in POLICIES:
            outcome = replay(trace, size, policy, half_life=DAY)
            assert outcome.hits <= bound.hits
            assert outcome.saved_seconds <= bound.saved_seconds + 1e-9


@given(trace=traces(), sizes=st.sets(st.integers(1, 60), max_size=4))
def test_simulation_agrees_with_replays(trace: Trace, sizes: set[int]) -> None:
    report = simulate(trace, sizes=sorted(sizes), half_life=DAY)
    assert set(report.policies) == {*POLICIES, BOUND}
    for policy in POLICIES:
        for point in report.policies[policy]:
            outcome = replay(trace, point.size_bytes, policy, half_life=DAY)
            assert math.isclose(point.saved_seconds, outcome.saved_seconds, abs_tol=1e-9)
            assert point.hit_rate * max(report.calls, 1) == pytest.approx(outcome.hits)
    if report.recommended is not None and report.recommended.policy == "lru":
        size = report.recommended.size_bytes
        enough = 0.95 * report.unlimited.saved_seconds - 1e-9
        assert replay(trace, size, "lru", half_life=DAY).saved_seconds >= enough
        assert replay(trace, size - 1, "lru", half_life=DAY).saved_seconds < enough + 2e-9


def test_simulation_by_two_processes_is_that_of_one() -> None:
    calls = [(float(time), (time * time) % 97 % 61) for time in range(3000)]
    trace = make_trace(calls, [(entry % 7 + 1, entry / 3) for entry in range(61)])
    assert simulate(trace, fork=True) == simulate(trace)


def test_unlimited_cache_saves_all_repeats() -> None:
    trace = make_trace([(0.0, 0), (1.0, 1), (2.0, 0), (9.0, 0)], [(5, 2.0), (7, 1.0)])
    report = simulate(trace)
    assert report.unlimited == (12, 0.5, 4.0, 1.0)
    assert (report.calls, report.distinct, report.span_seconds) == (4, 2, 9.0)
    assert report.recommended == (5, "lru", 1.0) or report.recommended is not None


def test_recommendation_is_none_where_nothing_is_asked_for_twice() -> None:
    report = simulate(make_trace([(0.0, 0), (1.0, 1)], [(5, 2.0), (7, 1.0)]))
    assert report.recommended is None
    assert report.policies["lru"][-1].share == 1.0


def test_simulation_of_no_calls_is_empty() -> None:
    report = simulate(make_trace([], []))
    assert (report.calls, report.distinct, report.recommended) == (0, 0, None)
    assert report.policies["lru"] == ()
