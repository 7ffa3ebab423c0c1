"""The fast engine answers as joblib does, from the same entries."""

from __future__ import annotations

import json
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import hashing
from joblib.memory import JobLibCollisionWarning, Memory

from acache.memory.engine.callers import caller_of
from acache.memory.engine.engine import FastMemory
from tests.helpers.cached_functions import (
    CONFIG,
    Doubler,
    calls,
    computed,
    configured,
    is_fast,
    plain,
    settle,
    write_module,
)
from tests.helpers.processes import run_python


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
        "from tests.helpers import cached_functions as t\n"
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
    joblibs = hashing.hash

    def changing(*args: Any, **options: Any) -> Any:
        array[0] += 1
        return joblibs(*args, **options)

    monkeypatch.setattr(hashing, "hash", changing)
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
