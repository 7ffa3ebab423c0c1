"""The fast engine answers as joblib does, from the same entries."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import json
import multiprocessing
import os
import pickle
import shutil
import threading
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.memory import JobLibCollisionWarning, Memory

from acache.memory.engine import callers, methods
from acache.memory.engine.callers import caller_of
from acache.memory.engine.engine import FastFunc, FastMemory, JoblibMemory
from tests.helpers.processes import run_python

SINCE_1_4 = pytest.mark.skipif(
    not hasattr(joblib.memory, "AsyncMemorizedFunc"), reason="since joblib 1.4"
)
CONFIG = [1]
calls: list[Any] = []


def plain(x: Any, y: Any = 1) -> Any:
    calls.append(x)
    return [x, y]


def array_of(size: int) -> Any:
    calls.append(size)
    return np.arange(size, dtype=np.int32)


def configured(x: Any, y: Any = CONFIG) -> Any:
    calls.append(x)
    return [x, list(y)]


def ignoring(x: Any, noise: Any = None, *rest: Any, **more: Any) -> Any:
    calls.append(x)
    return x


async def later(x: Any) -> Any:
    calls.append(x)
    return [x]


class Doubler:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def double(self, x: Any) -> Any:
        calls.append(x)
        return self.factor * x


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@pytest.fixture
def fast(tmp_path: Path) -> FastMemory:
    return FastMemory(str(tmp_path), verbose=0)


@pytest.fixture
def slow(tmp_path: Path) -> Memory:
    return Memory(str(tmp_path), verbose=0)


def settle(cached: Any) -> None:
    """Let the stored source be old enough to go by its time."""
    path = caller_of(cached).function.source_path  # type: ignore[union-attr]
    if os.stat(path).st_mtime > time.time() - 5:
        os.utime(path, (time.time() - 10, time.time() - 10))


def is_fast(cached: Any, *args: Any, **kwargs: Any) -> bool:
    """Return whether a call is answered without joblib's code."""
    result = methods.answer(cached, args, kwargs)
    return result is not methods._MISSING and type(result) is not methods._Absent


def computed(function: Callable[[], Any]) -> Any:
    """Return what a call returns, and whether it was computed."""
    before = len(calls)
    return function(), len(calls) > before


# The same store.


@pytest.mark.parametrize("value", [3, "a", np.arange(5.0), {"a": [1]}, {1}, Doubler, np.mean, ()])
def test_engines_hit_what_the_other_wrote(fast: Any, slow: Any, value: Any) -> None:
    ours, theirs = fast.cache(plain), slow.cache(plain)
    assert computed(lambda: str(ours(value))) == (str([value, 1]), True)
    assert computed(lambda: str(theirs(value))) == (str([value, 1]), False)
    assert computed(lambda: str(theirs(value, 2))) == (str([value, 2]), True)
    for _ in range(2):
        assert computed(lambda: str(ours(value, 2))) == (str([value, 2]), False)


def test_entries_are_joblibs_to_the_byte(tmp_path: Path) -> None:
    contents = []
    for number, kind in enumerate((FastMemory, Memory)):
        location = tmp_path / str(number)
        cached = kind(str(location), verbose=0).cache(plain)
        for value in (1, np.arange(5), {"a": (1, np.zeros(3))}):
            cached(value)
        files = sorted(path for path in location.rglob("*") if path.is_file())
        contents.append(
            {
                str(path.relative_to(location)): path.read_bytes()
                for path in files
                if path.name != "metadata.json" and ".acache" not in path.parts
            }
        )
        documents = [json.loads(p.read_text()) for p in files if p.name == "metadata.json"]
        assert len(documents) == 3
        assert all(set(d) == {"duration", "input_args", "time"} for d in documents)
    assert contents[0] == contents[1]


def test_second_call_is_answered_fast(fast: Any) -> None:
    cached = fast.cache(plain)
    cached(1)
    assert not is_fast(cached, 1)  # whose source was written just now
    settle(cached)
    assert cached(1) == [1, 1]
    assert is_fast(cached, 1)
    assert is_fast(cached, x=1)
    assert is_fast(cached, 1, 1)
    assert not is_fast(cached, 2)


def test_new_process_hits_and_need_not_hash(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, joblib.memory\n"
        "from acache.memory.engine.engine import FastMemory\n"
        "from tests.memory.engine import test_engine as t\n"
        "if len(sys.argv) > 2:\n"
        "    def forbidden(*args, **kwargs): raise AssertionError\n"
        "    joblib.memory.hashing.hash = forbidden\n"
        "cached = FastMemory(sys.argv[1], verbose=0).cache(t.plain)\n"
        "print(cached(np.arange(1000))[0].sum(), len(t.calls))\n"
    )
    assert run_python(code, tmp_path) == "499500 1\n"
    assert run_python(code, tmp_path, "known") == "499500 0\n"


# Traps.


def test_default_that_changes_without_the_source(fast: Any, slow: Any) -> None:
    def make(default: Any) -> Any:
        made = types.FunctionType(configured.__code__, globals(), "configured", (default,))
        made.__module__, made.__qualname__ = configured.__module__, configured.__qualname__
        return made

    for memory in (fast, slow, fast):
        for default in ([1], [2]):
            cached = memory.cache(make(default))
            assert cached(0) == [0, default]
            assert cached(0) == [0, default]
    assert len(calls) == 2


def test_mutable_default(fast: Any, slow: Any) -> None:
    ours, theirs = fast.cache(configured), slow.cache(configured)
    try:
        for _ in range(3):
            assert ours(0) == theirs(0) == [0, CONFIG]
            settle(ours)
            CONFIG.append(2)
    finally:
        CONFIG[:] = [1]
    assert len(calls) == 3


def write_module(folder: Path, source: str) -> Any:
    """Import a version of a module, as a new process would."""
    path = folder / "versioned.py"
    path.write_text(source)
    module = types.ModuleType("versioned")
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), vars(module))
    return module


def version(folder: Path, number: int) -> Any:
    return write_module(folder, f"def f(x):\n    return {number}\n").f


def test_parameters_that_swap_their_names(tmp_path: Path) -> None:
    for names in ("a, b", "b, a", "a, b"):
        module = write_module(tmp_path, f"def f({names}):\n    return [('a', a), ('b', b)]\n")
        cached = FastMemory(str(tmp_path / "cache"), verbose=0).cache(module.f)
        for _ in range(3):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", JobLibCollisionWarning)
                assert cached(1, 2) == module.f(1, 2)
            settle(cached)


def test_argument_that_changes_in_place(fast: Any) -> None:
    cached = fast.cache(plain)
    array, nested = np.zeros(3), {"a": [1]}
    for number in range(3):
        for _ in range(2):
            assert cached(array)[0].tolist() == array.tolist()
            assert cached(nested)[0] == nested
            settle(cached)
        array[0] = number + 1
        nested["a"].append(number)
    assert len(calls) == 6


def test_argument_that_another_thread_changes_is_not_noted(
    fast: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached, array = fast.cache(plain), np.zeros(3)
    joblib_hash = methods._joblib_hash

    def changing(self: Any, *args: Any, **kwargs: Any) -> Any:
        array[0] += 1
        return joblib_hash(self, *args, **kwargs)

    monkeypatch.setattr(methods, "_joblib_hash", changing)
    cached(array)
    monkeypatch.undo()
    assert not caller_of(cached).function.keys.known  # type: ignore[union-attr]
    assert cached(np.zeros(3))[0].tolist() == [0, 0, 0]


def test_hash_is_asked_for_once_more_where_the_function_changes_its_argument(fast: Any) -> None:
    def recursive(items: list[int]) -> list[int]:
        calls.append(len(items))
        if len(items) < 3:
            items.append(0)
            return [*cached(items), 1]
        return []

    cached = fast.cache(recursive)
    assert cached([0]) == [1, 1]
    assert calls == [1, 2, 3]
    settle(cached)
    assert cached([0]) == [1, 1]
    assert cached([0, 0]) == [1]
    assert calls == [1, 2, 3]


def test_attributes_of_the_function_may_change(fast: Any) -> None:
    def first(x: Any, y: Any = 1) -> Any:
        return ("first", x, y)

    def second(y: Any, x: Any = 2) -> Any:
        return ("second", x, y)

    cached = fast.cache(first)
    for _ in range(2):
        assert cached(5) == ("first", 5, 1)
        settle(cached)
    first.__code__, first.__defaults__ = second.__code__, second.__defaults__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JobLibCollisionWarning)
        assert cached(5) == ("second", 2, 5)
    first.__wrapped__ = second  # type: ignore[attr-defined]
    assert cached(5) == ("second", 2, 5)
    cached.ignore.append("y")
    assert [cached(6), cached(7)] == [("second", 2, 6)] * 2


# The stored source.


def test_changed_source_is_computed_anew_with_joblibs_warning(tmp_path: Path) -> None:
    for version, name in enumerate(("fast", "slow", "fast", "fast")):
        module = write_module(tmp_path, "\n" * version + f"def f(x):\n    return {version}\n")
        kind = FastMemory if name == "fast" else Memory
        cached = kind(str(tmp_path / "cache"), verbose=0).cache(module.f)
        assert [cached(1) for _ in range(3)] == [version] * 3
    assert len(list(tmp_path.rglob("output.pkl"))) == 1


def test_source_that_another_process_stores_is_seen(tmp_path: Path) -> None:
    location = str(tmp_path / "cache")
    one = FastMemory(location, verbose=0).cache(version(tmp_path, 1))
    assert [one(0), one(0)] == [1, 1]
    settle(one)
    assert one(0) == 1
    assert is_fast(one, 0)
    two = version(tmp_path, 2)
    assert Memory(location, verbose=0).cache(two)(0) == 2
    assert not is_fast(one, 0)
    assert one(0) == 1  # joblib's own would return 2
    assert FastMemory(location, verbose=0).cache(two)(0) == 2


def test_names_that_collide_are_warned_of(fast: Any) -> None:
    def make(number: int) -> Any:
        source = f"def f(x):\n    return x + {number}\n"
        space: dict[str, Any] = {"__name__": "colliding"}
        exec(compile(source, "<string>", "exec"), space)
        return space["f"]

    one, other = fast.cache(make(1)), fast.cache(make(2))
    assert one(1) == 2
    with pytest.warns(JobLibCollisionWarning, match="Cannot detect name collisions"):
        assert other(1) == 3


def test_lambdas_are_never_confused(fast: Any) -> None:
    one = fast.cache(lambda x: x + 1)
    other = fast.cache(lambda x: x + 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", JobLibCollisionWarning)
        for _ in range(2):
            assert (one(1), other(1)) == (2, 3)
            for cached in (one, other):
                settle(cached)


@pytest.mark.parametrize("missing", ["func_code.py", "folder", "store", "own"])
def test_entries_that_are_removed_meanwhile_are_made_anew(
    tmp_path: Path, fast: Any, missing: str
) -> None:
    cached = fast.cache(plain)
    for _ in range(2):
        cached(1)
        settle(cached)
    function = caller_of(cached).function  # type: ignore[union-attr]
    path = {
        "func_code.py": function.source_path,
        "folder": function.folder,
        "store": str(tmp_path / "joblib"),
        "own": str(tmp_path / ".acache"),
    }[missing]
    (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
    assert [cached(1), cached(1), cached(2), cached(2)] == [[1, 1], [1, 1], [2, 1], [2, 1]]
    assert calls == ([1, 2] if missing == "own" else [1, 1, 2])
    assert os.path.exists(function.source_path)


def test_clearing_is_seen(fast: Any, slow: Any) -> None:
    cached = fast.cache(plain)
    cached(1)
    for clear in (fast.clear, slow.clear, cached.clear, slow.cache(plain).clear):
        settle(cached)
        assert not computed(lambda: cached(1))[1]
        clear(warn=False)
        assert computed(lambda: cached(1)) == ([1, 1], True)


# Damage.


def test_damaged_result_is_computed_anew_with_joblibs_warning(
    fast: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cached = fast.cache(array_of)
    for size in (10, 1 << 20):
        cached(size)
        settle(cached)
        [output] = [
            path
            for path in Path(caller_of(cached).function.folder).rglob("output.pkl")  # type: ignore[union-attr]
            if path.stat().st_size > size
        ][-1:]
        content = output.read_bytes()
        for damaged in (content[: len(content) // 2], b"", b"nothing"):
            output.unlink()
            output.write_bytes(damaged)
            caplog.clear()
            result, again = computed(functools.partial(cached, size))
            assert again
            assert "Exception while loading results for array_of" in caplog.text
            assert result.tolist() == list(range(size))
            assert output.read_bytes() == content


def test_damage_of_the_own_files_costs_time_alone(tmp_path: Path, slow: Any) -> None:
    for value in range(3):
        slow.cache(plain)(value)

    def answers() -> list[Any]:
        for known in (callers._stores, callers._functions, callers._callers):
            known.clear()  # type: ignore[attr-defined] # as in a new process
        cached = FastMemory(str(tmp_path), verbose=0).cache(plain)
        return [cached(value) for _ in range(2) for value in range(3)]

    expected = [[0, 1], [1, 1], [2, 1]] * 2
    assert answers() == expected
    own = tmp_path / ".acache"
    for path in [path for path in own.rglob("*") if path.is_file()]:
        content = path.read_bytes()
        for damaged in (b"", content[:-1], os.urandom(len(content)), os.urandom(1000)):
            path.write_bytes(damaged)
            assert answers() == expected
    shutil.rmtree(own)
    own.write_text("")
    assert answers() == expected
    assert calls[3:] in ([], [0])  # of which one may find no source


# What joblib does stays.


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


def _worker(cached: Any, value: Any) -> Any:
    return cached(value), type(cached).__name__, len(calls)


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_cached_functions_go_into_workers(fast: Any, backend: str) -> None:
    cached = fast.cache(plain)
    cached(1)
    before = len(calls)
    jobs = [joblib.delayed(_worker)(cached, 1) for _ in range(4)]
    results = joblib.Parallel(n_jobs=2, backend=backend)(jobs)
    assert {(tuple(result), kind) for result, kind, _ in results} == {((1, 1), "FastFunc")}
    assert len(calls) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_goes_on(fast: Any) -> None:
    cached = fast.cache(plain)
    cached(1)
    settle(cached)
    cached(1)
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that run
        process = context.Process(target=cached, args=(2,))
        process.start()
        process.join()
    assert process.exitcode == 0
    assert not computed(lambda: cached(2))[1]


def test_threads_call_at_once(fast: Any) -> None:
    cached = fast.cache(plain)
    cached(0)
    settle(cached)
    wrong: list[Any] = []

    def work(first: int) -> None:
        for number in range(first, first + 60):
            value = number % 20
            if cached(value) != [value, 1]:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(n,)) for n in (0, 5, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_functions_that_are_gone_are_not_kept(fast: Any) -> None:
    def local(x: Any) -> Any:
        return x

    before = len(callers._callers)
    for _ in range(3):
        cached = fast.cache(local)
        cached(1)
    assert len(callers._functions[local]) == 1
    del cached
    gc.collect()
    assert len(callers._callers) == before


def test_function_that_is_wrapped_anew_for_each_call_is_answered_fast(fast: Any) -> None:
    cached = fast.cache(plain)
    cached(1)
    settle(cached)
    cached(1)
    assert is_fast(fast.cache(plain), 1)


# Counts.


@pytest.mark.parametrize("kind", [FastMemory, JoblibMemory])
def test_calls_are_counted(tmp_path: Path, kind: Any) -> None:
    cached = kind(str(tmp_path), verbose=0).cache(plain)
    assert cached.cache_info() == (0, 0, 0.0)
    for value in (1, 2, 1, 1):
        cached(value)
        [source] = tmp_path.rglob("func_code.py")
        os.utime(source, (0, 0))
    cached.call_and_shelve(2)
    hits, misses, seconds = cached.cache_info()
    assert (hits, misses) == (3, 2)
    assert isinstance(seconds, float)
    metadata = [json.loads(path.read_text()) for path in tmp_path.rglob("metadata.json")]
    assert seconds < sum(document["duration"] for document in metadata) * 3
    assert kind(str(tmp_path), verbose=0).cache(plain).cache_info() == (0, 0, 0.0)


def test_seconds_saved_are_those_of_computing(fast: Any, tmp_path: Path) -> None:
    cached = fast.cache(plain)
    cached(1)
    [path] = tmp_path.rglob("metadata.json")
    path.write_text(json.dumps({"duration": 100.0}))
    for _ in range(3):
        cached(1)
    assert 299 < cached.cache_info().seconds_saved <= 300
    path.unlink()
    assert -1 < cached.cache_info().seconds_saved < 0


@pytest.mark.parametrize("kind", [FastMemory, JoblibMemory])
def test_entries_of_one_function(tmp_path: Path, kind: Any) -> None:
    memory = kind(str(tmp_path), verbose=0)
    cached, other = memory.cache(plain), memory.cache(array_of)
    cached(1)
    cached(2)
    other(3)
    key = cached.cache_key(1)
    function, _, argument_hash = key.partition("/")
    assert function == "tests.memory.engine.test_engine.plain"
    folder = tmp_path / "joblib" / function.replace(".", "/")
    assert (folder / argument_hash / "output.pkl").exists()
    assert cached.cache_key(x=1, y=1) == key != cached.cache_key(2)
    assert cached.cache_forget(1) is True
    assert cached.cache_forget(1) is False
    assert computed(lambda: cached(1))[1]
    assert not computed(lambda: cached(2))[1]
    cached.cache_clear()
    assert [path.name for path in folder.iterdir()] == ["func_code.py"]
    assert not computed(lambda: other(3))[1]
    assert cached.__wrapped__ is plain


@pytest.mark.parametrize("kind", [FastMemory, JoblibMemory])
def test_cache_why_names_the_reason(tmp_path: Path, kind: Any) -> None:
    expired = False
    memory = kind(str(tmp_path / "cache"), verbose=0)
    cached = memory.cache(plain, cache_validation_callback=lambda _: not expired)

    def why(value: Any, of: Any = cached) -> tuple[bool, str | None]:
        found = of.cache_why(value)
        assert found.entry == of.cache_key(value)
        return found.hit, found.reason

    assert why(1) == (False, "first-call")
    cached(1)
    assert why(1) == (True, None)
    assert why(2) == (False, "argument")
    expired = True
    assert why(1) == (False, "expired")
    expired = False
    [output] = (tmp_path / "cache").rglob("output.pkl")
    output.write_bytes(b"nothing")
    assert why(1) == (False, "unreadable")
    output.unlink()
    assert why(1) == (False, "removed")
    shutil.rmtree(output.parent)
    assert why(1) == (False, "removed" if kind is FastMemory else "first-call")
    assert calls == [1]
    first = memory.cache(version(tmp_path, 1))
    first(1)
    assert why(1, memory.cache(version(tmp_path, 2))) == (False, "source-changed")
    assert why(1, first) == (True, None)
