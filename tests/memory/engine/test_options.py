"""Options and other uses of joblib's cached functions, with the fast engine."""

from __future__ import annotations

import asyncio
import copy
import functools
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.memory import Memory

from acache.memory.engine.callers import caller_of
from acache.memory.engine.engine import FastFunc, FastMemory, JoblibMemory
from tests.helpers.cached_functions import (
    SINCE_1_4,
    Doubler,
    array_of,
    calls,
    computed,
    ignoring,
    is_fast,
    later,
    plain,
    settle,
)


def test_ignored_arguments(fast: Any, slow: Any) -> None:
    ours = fast.cache(ignoring, ignore=["noise", "*", "**"])
    theirs = slow.cache(ignoring, ignore=["noise", "*", "**"])
    assert ours(1, {1}, object(), z=2) == theirs(1) == ours(1, noise=[ours]) == 1
    assert calls == [1]
    assert fast.cache(ignoring)(1) == 1
    assert calls == [1, 1]
    with pytest.raises(ValueError, match="Ignore list: argument 'no' is not defined"):
        fast.cache(ignoring, ignore=["no"])(1)


def test_wrong_calls_raise_what_joblib_raises(fast: Any, slow: Any) -> None:
    for args, kwargs in (((), {}), ((1, 2, 3), {}), ((1,), {"z": 1}), ((1,), {"x": 1})):
        errors = []
        for memory in (fast, slow):
            with pytest.raises((ValueError, TypeError)) as raised:
                memory.cache(plain)(*args, **kwargs)
            errors.append(str(raised.value))
        assert errors[0] == errors[1]


@pytest.mark.parametrize("verbose", [0, 1, 2, 5, 11, 20])
def test_output_is_joblibs(
    tmp_path: Path, verbose: int, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = []
    for number, kind in enumerate((FastMemory, Memory)):
        cached = kind(str(tmp_path / str(number)), verbose=verbose).cache(plain)
        cached(1)
        if number == 0:
            settle(cached)
        cached(1)
        cached(1)
        text = capsys.readouterr()
        lines = (text.out + text.err).replace(str(tmp_path / str(number)), "LOCATION").split("\n")
        printed.append([line for line in lines if "0.0" not in line])  # seconds
    assert printed[0] == printed[1]
    assert any("Calling" in line for line in printed[0]) is (verbose > 0)


def test_validation_callback_decides(fast: Any) -> None:
    seen: list[Any] = []

    def young(metadata: Any) -> bool:
        seen.append(metadata)
        return len(seen) % 2 == 1

    cached = fast.cache(plain, cache_validation_callback=young)
    cached(1)
    for number in range(1, 5):
        settle(cached)
        assert computed(lambda: cached(1)) == ([1, 1], number % 2 == 0)
        assert len(seen) == number
    assert seen[0]["input_args"] == {"x": "1", "y": "1"}


def test_call_and_shelve(fast: Any) -> None:
    cached = fast.cache(array_of)
    first, second = cached.call_and_shelve(5), cached.call_and_shelve(5)
    assert first.get().tolist() == second.get().tolist() == list(range(5))
    assert calls == [5]
    first.clear()
    with pytest.raises(KeyError):
        second.get()
    assert cached.call_and_shelve(5).get().tolist() == list(range(5))
    assert (pickle.loads(pickle.dumps(second))).get().tolist() == list(range(5))


def test_check_call_in_cache_and_call(fast: Any) -> None:
    cached = fast.cache(plain)
    assert not cached.check_call_in_cache(1)
    cached(1)
    assert cached.check_call_in_cache(1)
    assert not cached.check_call_in_cache(2)
    assert calls == [1]
    forced = cached.call(1)
    assert (forced[0] if isinstance(forced, tuple) else forced) == [1, 1]
    assert calls == [1, 1]


@SINCE_1_4
def test_coroutine_functions(fast: Any, slow: Any) -> None:
    cached = fast.cache(later)

    async def run() -> None:
        assert await cached(1) == [1]
        settle(cached)
        for _ in range(2):
            assert await cached(1) == await slow.cache(later)(1) == [1]
        assert is_fast(cached, 1)
        assert (await cached.call_and_shelve(1)).get() == [1]
        assert calls == [1]

    asyncio.run(run())
    assert cached.cache_info()[:2] == (4, 1)


def test_methods_partials_and_callable_objects(fast: Any, slow: Any) -> None:
    one, two = Doubler(2), Doubler(3)
    for memory in (fast, slow, fast):
        assert memory.cache(one.double)(4) == 8
        assert memory.cache(two.double)(4) == 12
        assert memory.cache(Doubler.double)(one, 5) == 10
        assert memory.cache(functools.partial(plain, y=2))(1) == [1, 2]
        assert memory.cache(np.add)(1, 2) == 3
        assert memory.cache(len)("abc") == 3
    assert calls.count(4) == 2
    assert calls.count(5) == 1


@pytest.mark.parametrize("mode", ["r", "c", "r+"])
def test_mmap_mode_of_one_function_holds_for_it(fast: Any, mode: Any) -> None:
    mapped, plainly = fast.cache(array_of, mmap_mode=mode), fast.cache(array_of)
    for _ in range(3):
        assert type(mapped(10)) is np.memmap
        assert mapped(10).mode == mode
        assert type(plainly(10)) is np.ndarray
    assert type(fast.cache(plain, mmap_mode=mode)(mapped(10))[0]) is np.memmap
    assert calls[0] == 10
    assert len(calls) == 2


def test_mmap_mode_of_a_memory_and_a_function_without(tmp_path: Path) -> None:
    memory = FastMemory(str(tmp_path), mmap_mode="r", verbose=0)
    for _ in range(3):
        assert type(memory.cache(array_of)(10)) is np.memmap
        assert type(memory.cache(array_of, mmap_mode=None)(10)) is np.ndarray
    assert type(Memory(str(tmp_path), mmap_mode="r", verbose=0).cache(array_of)(10)) is np.memmap
    assert calls == [10]


@pytest.mark.parametrize("compress", [True, 3, ("gzip", 1)])
def test_compressed_store(tmp_path: Path, compress: Any) -> None:
    cached = FastMemory(str(tmp_path), compress=compress, verbose=0).cache(array_of)
    for _ in range(3):
        assert cached(1000).tolist() == list(range(1000))
        settle(cached)
    assert is_fast(cached, 1000)
    assert calls == [1000]


def test_location_may_be_a_path_or_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FastMemory(tmp_path, verbose=0).cache(plain)(1) == [1, 1]
    assert (tmp_path / ".acache" / "keys" / "secret").exists()
    cached = []
    for name in "ab":
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        cached.append(FastMemory("cache", verbose=0).cache(array_of))
        assert computed(lambda: cached[-1](1))[1]
        assert not computed(lambda: cached[0](1))[1]
        settle(cached[0])


def test_location_of_none_caches_nothing() -> None:
    cached = FastMemory(None, verbose=0).cache(plain)
    assert [cached(1), cached(1)] == [[1, 1]] * 2
    assert calls == [1, 1]


def test_decorating_with_options_and_twice(fast: Any) -> None:
    cached = fast.cache(ignore=["y"])(plain)
    assert isinstance(cached, FastFunc)
    assert fast.cache(cached).func is plain
    assert [cached(1, 2), cached(1, 3)] == [[1, 2], [1, 2]]


def test_subclasses_that_override_joblibs_methods_are_left_alone(tmp_path: Path) -> None:
    class Own(FastFunc):
        def _get_args_id(self, *args: Any, **kwargs: Any) -> str:
            return "0" * 32

        _get_argument_hash = _get_args_id

    cached = Memory(str(tmp_path), verbose=0).cache(plain)
    cached.__class__ = Own
    assert cached(1) == cached(2) == [1, 1]


class OtherLayout(joblib._store_backends.FileSystemStoreBackend):
    pass


def test_store_of_another_kind_is_left_to_joblib(tmp_path: Path) -> None:
    joblib.register_store_backend("other", OtherLayout)
    cached = FastMemory(str(tmp_path), backend="other", verbose=0).cache(plain)
    assert [cached(1), cached(1)] == [[1, 1]] * 2
    assert calls == [1]
    assert caller_of(cached) is None


# Pickles, copies, processes, threads.


@pytest.mark.parametrize("kind", [FastMemory, JoblibMemory])
def test_cached_functions_as_arguments_have_joblibs_hash(tmp_path: Path, kind: Any) -> None:
    ours, theirs = kind(str(tmp_path), verbose=0), Memory(str(tmp_path), verbose=0)
    theirs.timestamp = ours.timestamp
    assert joblib.hash(ours) == joblib.hash(theirs)
    cached = ours.cache(plain)
    cached(1)
    assert joblib.hash(cached) == joblib.hash(theirs.cache(plain))
    assert joblib.hash([ours, plain]) == joblib.hash([theirs, plain])


def test_copies_and_pickles_are_of_the_same_kind(fast: Any) -> None:
    cached = fast.cache(plain)
    cached(1)
    for made in (pickle.loads(pickle.dumps(cached)), copy.copy(cached), copy.deepcopy(cached)):
        assert type(made) is FastFunc
        assert made(1) == [1, 1]
    assert type(pickle.loads(pickle.dumps(fast))) is FastMemory
    assert calls == [1]
