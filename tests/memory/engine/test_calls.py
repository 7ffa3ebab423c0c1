"""The engine logs its calls: hits, and misses with their reasons, phases and arguments."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from acache import CacheManager
from acache.memory.engine import options
from acache.store.call_log import Call, has_calls, read_calls
from acache.store.call_writer import call_writer

MODERN = hasattr(joblib.memory.MemorizedFunc, "_after_call")  # joblib 1.3 tells less


@pytest.fixture
def location(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def cached(location: Path) -> Callable[..., Any]:
    """Cache a function with the fast engine."""

    def cache(function: Callable[..., Any], **settings: Any) -> Any:
        manager = CacheManager(str(location), engine="fast", verbose=0)
        return manager(level=10, **settings)(function)

    return cache


def calls(location: Path) -> list[Call]:
    store = str(location / "joblib")
    call_writer(store).flush()
    return list(read_calls(store))


def double(x: Any, y: Any = (2,), **more: Any) -> Any:
    return [x, x]


def test_log_has_each_call_once(cached: Callable[..., Any], location: Path) -> None:
    f = cached(double)
    before = time.time()
    for x in (1, 1, 2, 1):
        f(x)
        time.sleep(0.15)  # a source that was written just now is not trusted yet
    assert cached(double)(1) == [1, 1]
    found = calls(location)
    assert [call.reason for call in found] == ["absent", "", "absent", "", ""]
    assert {call.function for call in found} == {"tests/memory/engine/test_calls/double"}
    assert [call.hash for call in found] == [f.cache_key(x)[-32:] for x in (1, 1, 2, 1, 1)]
    assert before <= found[0].time <= found[-1].time <= time.time()
    assert {call.pid for call in found} == {os.getpid()}
    for call in found:
        size = (location / "joblib" / call.function / call.hash / "output.pkl").stat().st_size
        assert (call.bytes_loaded, call.bytes_stored) == ((size, 0) if call.hit else (0, size))


def test_log_has_the_reason_of_each_miss(cached: Callable[..., Any], location: Path) -> None:
    f = cached(double)
    f(1)
    (location / "joblib" / "tests/memory/engine/test_calls/double/func_code.py").write_text(
        "# first line: 1\ndef double(x): ...\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        f(1)
        [output] = location.rglob("output.pkl")
        for _ in range(2):
            time.sleep(0.15)
            output.write_bytes(b"damaged")
            f(1)
    cached(double, cache_validation_callback=lambda _: False)(1)
    f.cache_forget(1)
    f(1)
    reasons = ["absent", "source-changed", "unreadable", "unreadable", "expired", "absent"]
    assert [call.reason for call in calls(location)] == reasons


def test_log_knows_what_was_forced(location: Path) -> None:
    memory = CacheManager(str(location), engine="fast", verbose=0).memory
    f = memory.cache(double)
    f(1)
    f.call(1)
    f(1)
    assert [call.reason for call in calls(location)] == ["absent", "forced", ""]


def test_log_has_fingerprints_and_texts_of_arguments(
    cached: Callable[..., Any], location: Path
) -> None:
    f = cached(double, ignore=["y"])
    large = np.zeros(10_000)
    other = large.copy()
    other[5000] = 1
    for x in (large, other, large.astype("f4")):
        f(x, 3, z="z" * 1000)
    first, second, third = ({a.name: a for a in call.arguments} for call in calls(location))
    assert first.keys() == {"x", "**"}
    assert first["x"].text == second["x"].text == repr(large)
    assert len(first["**"].text) <= 200
    assert len({call["x"].fingerprint for call in (first, second, third)}) == 3
    assert first["**"].fingerprint == second["**"].fingerprint
    assert first["x"].fingerprint.startswith("x")


def test_log_leaves_out_fingerprints_that_nobody_can_make(
    cached: Callable[..., Any], location: Path
) -> None:
    cached(double)({1, 2})
    [call] = calls(location)
    x = next(argument for argument in call.arguments if argument.name == "x")
    assert (x.fingerprint, x.text) == ("", "{1, 2}")


class Slow:
    """Takes 0.1 s to be hashed, and 0.1 s to be stored."""

    def __reduce__(self) -> Any:
        time.sleep(0.1)
        return Slow, ()


def slowly(slow: Slow) -> Slow:
    time.sleep(0.3)
    return slow


@pytest.mark.skipif(not MODERN, reason="joblib 1.3 computes and stores in one method")
def test_log_has_the_seconds_of_each_phase(cached: Callable[..., Any], location: Path) -> None:
    cached(slowly)(Slow())
    [call] = calls(location)
    assert call.hash_seconds >= 0.1
    assert call.compute_seconds >= 0.3
    assert call.store_seconds >= 0.1
    whole = call.hash_seconds + call.load_seconds + call.compute_seconds + call.store_seconds
    assert call.time + whole <= time.time()


def fail(x: Any) -> Any:
    raise KeyError(x)


def unpicklable(x: Any) -> Any:
    return (i for i in range(x))


def test_log_has_failures(cached: Callable[..., Any], location: Path) -> None:
    with pytest.raises(KeyError):
        cached(fail)(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cached(unpicklable)(1)
    raised, unstored = calls(location)
    assert (raised.reason, raised.error, raised.bytes_stored) == ("absent", "", 0)
    assert (unstored.reason, bool(unstored.error), unstored.bytes_stored) == ("absent", True, 0)


def test_log_has_nested_and_shelved_calls(location: Path) -> None:
    memory = CacheManager(str(location), engine="fast", verbose=0).memory
    inner = memory.cache(double)

    def outer(x: Any) -> Any:
        time.sleep(0.2)
        return inner(x)

    f = memory.cache(outer)
    for _ in range(2):
        f.call_and_shelve(1)
    first, nested, shelved = calls(location)
    assert [first.reason, nested.reason, shelved.reason] == ["absent", "absent", ""]
    assert first.function.endswith("outer")
    assert first.compute_seconds >= 0.2
    assert nested.compute_seconds <= first.compute_seconds - 0.2


@pytest.mark.skipif(not MODERN, reason="joblib 1.3 caches no coroutine functions")
def test_log_has_tasks_at_once(cached: Callable[..., Any], location: Path) -> None:
    async def later(x: float) -> float:
        await asyncio.sleep(x)
        return x

    f = cached(later)

    async def main() -> None:
        await asyncio.gather(*(f(x) for x in (0.1, 0.2, 0.3)))
        await asyncio.gather(*(f(x) for x in (0.1, 0.2, 0.3)))

    asyncio.run(main())
    found = calls(location)
    assert [call.hit for call in found] == [False] * 3 + [True] * 3
    seconds = sorted(call.compute_seconds for call in found if not call.hit)
    assert all(s >= x for s, x in zip(seconds, (0.1, 0.2, 0.3), strict=True))


@pytest.fixture
def without_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ACACHE_CALL_LOG", "0")
    options._services.cache_clear()
    yield
    options._services.cache_clear()


@pytest.mark.usefixtures("without_log")
def test_log_is_not_kept_where_none_is_wanted(cached: Callable[..., Any], location: Path) -> None:
    f = cached(double)
    assert f(1) == f(1) == [1, 1]
    assert calls(location) == []
    assert not has_calls(str(location / "joblib"))


def test_log_of_joblibs_own_engine_is_not_kept(location: Path) -> None:
    f = CacheManager(str(location), engine="joblib", verbose=0)(level=10)(double)
    assert f(1) == f(1) == [1, 1]
    assert calls(location) == []
