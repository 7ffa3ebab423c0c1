"""Cached functions in workers and threads, and what they carry: counts, entries, reasons."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import shutil
import threading
import warnings
from pathlib import Path
from typing import Any

import joblib
import pytest

from acache.memory.engine import callers
from acache.memory.engine.engine import FastMemory, JoblibMemory
from tests.helpers.cached_functions import (
    array_of,
    calls,
    computed,
    is_fast,
    plain,
    settle,
    version,
)


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
    assert function == "tests.helpers.cached_functions.plain"
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
