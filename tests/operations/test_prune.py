"""What goes so that limits hold: the policies, against joblib and against the limits themselves."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acache.config.limits import POLICIES, Policy
from acache.operations.clear import Plan
from acache.operations.execute import execute
from acache.operations.prune import Limits, plan_prune, score
from acache.store.model import Entry
from acache.store.store import ScanOptions, Store
from acache.system.errors import UsageError
from tests.helpers.examples import examples
from tests.helpers.stores import write_entry

NOW = 1_800_000_000.0
DAY = 86_400.0


class Call(NamedTuple):
    """An entry to write."""

    size: int
    written: float
    used: float
    seconds: float | None


def make_store(location: Path, calls: list[Call]) -> Store:
    for number, call in enumerate(calls):
        folder = location / "joblib" / "m" / f"f{number % 3}"
        entry = write_entry(
            folder, f"{number:032x}", output=b"x" * call.size, duration=call.seconds
        )
        os.utime(entry / "output.pkl", (call.used, call.written))
    (location / "joblib").mkdir(parents=True, exist_ok=True)
    return Store(location)


def entries(store: Store) -> dict[tuple[str, str], Entry]:
    found = (f for f in store.scan(ScanOptions(durations=True)) if isinstance(f, Entry))
    return {(entry.function, entry.hash): entry for entry in found}


def planned(plan: Plan) -> set[tuple[str, str]]:
    return {(entry.function, entry.hash) for entry in plan.entries}


calls = st.builds(
    Call,
    size=st.integers(0, 20_000),
    written=st.integers(0, 40).map(lambda days: NOW - days * DAY),
    used=st.integers(0, 40).map(lambda days: NOW - days * DAY),
    seconds=st.none() | st.sampled_from([0.0, 0.001, 1.0, 60.0]),
)
limits = st.builds(
    Limits,
    max_size=st.none() | st.integers(0, 150_000),
    max_items=st.none() | st.integers(0, 12),
    max_age=st.none() | st.integers(0, 40).map(lambda days: days * DAY),
    min_free=st.none(),
).filter(lambda limit: limit != Limits())


@given(
    st.lists(calls, max_size=12), limits, st.sampled_from(POLICIES), st.booleans(), st.booleans()
)
@settings(max_examples=examples(100))
def test_prune_keeps_what_fits_and_evicts_no_more_than_it_must(
    made: list[Call], limit: Limits, policy: Policy, apparent: bool, fork: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), made)
        plan = plan_prune(store, limit, policy=policy, apparent_size=apparent, now=NOW, fork=fork)
        again = plan_prune(store, limit, policy=policy, apparent_size=apparent, now=NOW)
        every = entries(store)
        assert planned(plan) == planned(again)

        def room(entry: Entry) -> int:
            return entry.size_bytes if apparent or entry.disk_bytes is None else entry.disk_bytes

        def fits(kept: list[Entry]) -> bool:
            return (
                (limit.max_size is None or sum(map(room, kept)) <= limit.max_size)
                and (limit.max_items is None or len(kept) <= limit.max_items)
                and (
                    limit.max_age is None
                    or all(entry.last_access > NOW - limit.max_age for entry in kept)
                )
            )

        worth = WORTH[policy](room)
        gone = sorted(plan.entries, key=lambda e: (worth(e), e.function, e.hash))
        kept = [every[name] for name in every.keys() - planned(plan)]
        assert fits(kept)
        in_time = limit.max_age is None
        young = [e for e in gone if in_time or e.last_access > NOW - (limit.max_age or 0)]
        if gone:  # with the one that is worth most they would not fit
            assert not fits([*kept, (young or gone)[-1]])
        if young and kept:
            assert max(map(worth, young)) <= min(map(worth, kept))
        outcome = execute(plan, fork=fork)
        assert entries(store).keys() == every.keys() - planned(plan)
        assert outcome.removed[:4] == plan.total[:4]
        assert outcome.failed == ()


def by_cost(room: Callable[[Entry], int]) -> Callable[[Entry], Any]:
    def worth(entry: Entry) -> tuple[bool, float]:
        """As the glossary says it: seconds per byte, decayed by the time since the last use."""
        if entry.compute_seconds is None:
            return False, 0.0
        per_byte = entry.compute_seconds / max(room(entry), 1)
        return True, round(per_byte * 0.5 ** ((NOW - entry.last_access) / (7 * DAY)), 12)

    return worth


WORTH: dict[Policy, Callable[[Callable[[Entry], int]], Callable[[Entry], Any]]] = {
    "lru": lambda room: lambda entry: entry.last_access,
    "oldest": lambda room: lambda entry: entry.created,
    "largest": lambda room: lambda entry: -room(entry),
    "cost": by_cost,
}


def test_score_is_log_of_seconds_per_byte_halved_each_half_life() -> None:
    now = 50 * DAY
    value = score(30.0, 1_000_000, now - 14 * DAY, half_life=7 * DAY)
    assert value == pytest.approx(math.log2(30.0 / 1e6 * 0.5**2) + now / (7 * DAY))
    assert score(None, 1, NOW, half_life=DAY) == -math.inf
    assert score(0.0, 0, NOW, half_life=DAY) == -math.inf
    assert score(1.0, 0, NOW, half_life=DAY) > score(1.0, 2, NOW, half_life=DAY)


@pytest.fixture
def real_store(tmp_path: Path) -> Path:
    """Have joblib write 40 entries of different sizes."""
    location = tmp_path / "original"
    memory = joblib.Memory(str(location), verbose=0)
    cached = [memory.cache(bytes), memory.cache(bytearray)]
    for number in range(40):
        cached[number % 2](1000 + 997 * (number * 7 % 40))
    return location


def twin(location: Path, copy: Path) -> None:
    """Make a copy, identical down to the access times, which copying changes."""
    shutil.copytree(location, copy)
    outputs = sorted(location.rglob("output.pkl"), key=lambda path: path.parent.name)
    for number, output in enumerate(outputs):
        times = (NOW - 3600 * (number * 11 % 40), NOW - 3600 * (number * 17 % 40))
        os.utime(output, times)
        os.utime(copy / output.relative_to(location), times)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"max_items": 13}, {"items_limit": 13}),
        ({"max_items": 0}, {"items_limit": 0}),
        ({"max_items": 40}, {"items_limit": 40}),
        ({"max_size": 300_000}, {"bytes_limit": 300_000}),
        ({"max_size": 0}, {"bytes_limit": 0}),
        ({"max_size": 300_000, "max_items": 5}, {"bytes_limit": 300_000, "items_limit": 5}),
        ({"max_size": 700_000, "max_items": 39}, {"bytes_limit": 700_000, "items_limit": 39}),
    ],
)
def test_lru_deletes_what_joblib_deletes(
    real_store: Path, tmp_path: Path, ours: dict[str, int], theirs: dict[str, Any]
) -> None:
    copy = tmp_path / "copy"
    twin(real_store, copy)
    joblib.Memory(str(copy), verbose=0).reduce_size(**theirs)
    execute(plan_prune(Store(real_store), Limits(**ours), apparent_size=True, now=NOW))
    left = {path.relative_to(real_store) for path in real_store.rglob("output.pkl")}
    assert left == {path.relative_to(copy) for path in copy.rglob("output.pkl")}


def test_age_limit_is_joblibs(real_store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    twin(real_store, copy)
    offset = time.time() - NOW - 1
    for output in (*real_store.rglob("output.pkl"), *copy.rglob("output.pkl")):
        status = output.stat()
        os.utime(output, (status.st_atime + offset, status.st_mtime + offset))
    joblib.Memory(str(copy), verbose=0).reduce_size(age_limit=timedelta(hours=10))
    execute(plan_prune(Store(real_store), Limits(max_age=36_000.0)))
    left = {path.relative_to(real_store) for path in real_store.rglob("output.pkl")}
    assert 0 < len(left) < 40
    assert left == {path.relative_to(copy) for path in copy.rglob("output.pkl")}


def test_min_free_counts_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Call(10_000, NOW - n * DAY, NOW - n * DAY, 1.0) for n in range(5)]
    store = make_store(tmp_path, made)
    free = 1_000_000
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    one = next(iter(entries(store).values()))
    room = one.disk_bytes or one.size_bytes
    assert not plan_prune(store, Limits(min_free=free), now=NOW).entries
    assert len(plan_prune(store, Limits(min_free=free + 1), now=NOW).entries) == 1
    assert len(plan_prune(store, Limits(min_free=free + room + 1), now=NOW).entries) == 2
    plan = plan_prune(store, Limits(min_free=free + 10**9), now=NOW)
    assert len(plan.entries) == 5
    assert plan.unmet == (
        f"{10**9 - 5 * room:,} bytes too few would be free even without any entry",
    )


@pytest.mark.parametrize(
    ("nonsense", "says"),
    [
        (Limits(), "limit"),
        (Limits(max_size=-1), "max_size=-1"),
        (Limits(max_items=-1), "max_items=-1"),
        (Limits(max_age=math.nan), "max_age=nan"),
        (Limits(max_age=math.inf), "max_age=inf"),
    ],
)
def test_limits_that_are_not_valid(tmp_path: Path, nonsense: Limits, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        plan_prune(Store(tmp_path), nonsense)


def test_policy_that_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose from lru"):
        plan_prune(Store(tmp_path), Limits(max_items=1), policy="fifo")  # type: ignore[arg-type]


def test_plans_of_one_store_are_equal(tmp_path: Path) -> None:
    store = make_store(tmp_path, [Call(10, NOW, NOW, 1.0)] * 9)
    plan = plan_prune(store, Limits(max_items=4), now=NOW)
    assert plan == plan_prune(store, Limits(max_items=4), now=NOW)
    assert plan != plan_prune(store, Limits(max_items=5), now=NOW)


@pytest.mark.parametrize("half_life", [0.0, -1.0, math.inf, math.nan])
def test_half_lives_that_are_not_valid(tmp_path: Path, half_life: float) -> None:
    with pytest.raises(UsageError, match="half-life"):
        plan_prune(Store(tmp_path), Limits(max_items=1), policy="cost", half_life=half_life)
