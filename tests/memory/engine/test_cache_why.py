"""`cache_why` explains a call that was not made yet, with a call log and without one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acache import CacheManager
from tests.helpers.processes import run_python

Cached = Callable[..., Any]
ENGINES = pytest.mark.parametrize("engine", ["fast", "joblib"])


def mix(y: Any, gain: float = 1.0, *, mode: str = "sum") -> float:
    if mode == "raise":
        raise ValueError(mode)
    return float(np.sum(y)) * gain


@pytest.fixture
def cached(tmp_path: Path) -> Callable[[str], Cached]:
    def make(engine: str) -> Cached:
        made: Any = CacheManager(str(tmp_path / "cache"), engine=engine, verbose=0)  # type: ignore[arg-type]
        return made(level=10)(mix)  # type: ignore[no-any-return]

    return make


@ENGINES
def test_cache_why_names_the_argument_that_differs(
    cached: Callable[[str], Cached], engine: str
) -> None:
    f: Any = cached(engine)
    f(1, 2.0)
    f(1, 3.0)
    f(5, 3.0, mode="max")
    why = f.cache_why(1, 4.0)
    assert (why.hit, why.reason, why.nearest) == (False, "argument", f.cache_key(1, 3.0))
    assert why.message == "gain is 4.0, in the nearest entry 3.0"
    assert {change.name for change in why.arguments if change.same} == {"y", "mode"}
    assert (
        f.cache_why(1, 3.0 + 1e-12).fix
        == "gain differs in its last digits: round it before the call"
    )
    hit = f.cache_why(1, 3.0)
    assert (hit.hit, hit.reason, hit.nearest, hit.arguments, hit.fix) == (
        True,
        None,
        None,
        (),
        None,
    )


@ENGINES
def test_cache_why_tells_same_text_from_same_content(
    cached: Callable[[str], Cached], engine: str
) -> None:
    f: Any = cached(engine)
    large = np.zeros(10_000)
    f(large, 2.0)
    other = large.copy()
    other[5000] = 1.0
    why = f.cache_why(other, 2.0)
    assert why.message == "y has the same text, other content"
    assert [change.name for change in why.arguments if not change.same] == ["y"]
    assert "float32" in f.cache_why(large.astype("f4"), 2.0).fix


@ENGINES
def test_cache_why_knows_what_was_removed(cached: Callable[[str], Cached], engine: str) -> None:
    f: Any = cached(engine)
    f(1)
    f(2)
    f.cache_forget(1)
    why = f.cache_why(1)
    # joblib's own code keeps no log: without its entry nothing shows that there was one.
    assert why.reason == ("removed" if engine == "fast" else "argument")
    if engine == "fast":
        assert why.message.startswith("its entry was cleared, pruned or lost after ")


def test_cache_why_knows_what_could_not_be_stored(cached: Callable[[str], Cached]) -> None:
    f: Any = cached("fast")
    with contextlib.suppress(ValueError):
        f(1, mode="raise")
    why = f.cache_why(1, mode="raise")
    assert why.reason == "not-stored"
    assert "raised an exception" in why.message


def test_cache_why_without_a_log_reads_what_joblib_recorded(
    cached: Callable[[str], Cached], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACACHE_CALL_LOG", "0")
    f: Any = cached("fast")
    f(1, 2.0)
    assert not list(tmp_path.rglob("*.tsv"))
    assert f.cache_why(1, 4.0).message == "gain is 4.0, in the nearest entry 2.0"


SCRIPT = """
import sys
from acache import CacheManager
from tests.memory.engine.test_cache_why import mix
f = CacheManager(sys.argv[1], engine=sys.argv[2], verbose=0)(level=10)(mix)
f([1, 2], float(sys.argv[3]))
"""


def test_cache_why_compares_with_what_acache_run_logged(
    acache: Callable[..., Any], cached: Callable[[str], Cached], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = str(Path(__file__).parents[3])
    for gain in ("1.0", "2.0"):
        run = ("run", script, tmp_path / "cache", "joblib", gain)
        done = acache(*run, env={"PYTHONPATH": root})
        assert done.code == 0, done.stderr
    run_python(SCRIPT, tmp_path / "cache", "joblib", "3.0", env={"PYTHONPATH": root})  # not logged
    for engine in ("joblib", "fast"):
        why = cached(engine).cache_why([1, 2], 4.0)  # type: ignore[attr-defined]
        assert why.message == "gain is 4.0, in the nearest entry 3.0"
        why = cached(engine).cache_why([1, 3], 2.0)  # type: ignore[attr-defined]
        assert why.message == "y is [1, 3], in the nearest entry [1, 2]"
        assert why.nearest == cached(engine).cache_key([1, 2], 2.0)  # type: ignore[attr-defined]
