"""What the fast engine does where sources, entries or its own files change."""

from __future__ import annotations

import functools
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
from joblib.memory import JobLibCollisionWarning, Memory

from acache.memory.engine import callers
from acache.memory.engine.callers import caller_of
from acache.memory.engine.engine import FastMemory
from acache.store.call_writer import call_writer
from tests.helpers.cached_functions import (
    array_of,
    calls,
    computed,
    is_fast,
    plain,
    settle,
    version,
    write_module,
)


def test_changed_source_is_computed_anew_with_joblibs_warning(tmp_path: Path) -> None:
    for number, name in enumerate(("fast", "slow", "fast", "fast")):
        module = write_module(tmp_path, "\n" * number + f"def f(x):\n    return {number}\n")
        kind = FastMemory if name == "fast" else Memory
        cached = kind(str(tmp_path / "cache"), verbose=0).cache(module.f)
        assert [cached(1) for _ in range(3)] == [number] * 3
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
    call_writer(str(tmp_path / "joblib")).flush()  # so that no thread writes there meanwhile
    shutil.rmtree(own)
    own.write_text("")
    assert answers() == expected
    assert calls[3:] in ([], [0])  # of which one may find no source


# What joblib does stays.
