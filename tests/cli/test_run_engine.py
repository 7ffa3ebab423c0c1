"""acache run with the fast engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from acache.store.call_log import read_calls
from tests.helpers.processes import Result

Acache = Callable[..., Result]
CACHED = """
import os
from joblib import Memory
memory = Memory(os.environ["LIBROSA_CACHE_DIR"], verbose=0)
@memory.cache
def same(x): return x
same(1)
"""
BOTH_CACHES = """
import os
import joblib, numpy as np
from acache import cache
memory = joblib.Memory(os.environ["LIBROSA_CACHE_DIR"], verbose=0)
@memory.cache
def large(y): return y + 1
@memory.cache
def nested(n): return n and nested(n - 1) + 1
@cache(level=10)
def own(x): return x
y = np.ones(100_000)
for _ in range(3): large(y)
print(nested(2), nested(2), own(1), own(1))
"""


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    (tmp_path / "work").mkdir()

    def write(code: str) -> Path:
        path = tmp_path / "work" / "script.py"
        path.write_text(code)
        return path

    return write


def rows_of(document: dict[str, object]) -> dict[str, dict[str, float]]:
    return {row["function"].rpartition(".")[2]: row for row in document["functions"]}  # type: ignore


def test_engine_that_is_asked_for_is_traced(
    acache: Acache, location: Path, script: Callable
) -> None:
    file, path = location.with_name("report.json"), script(BOTH_CACHES)
    for engine, misses in (("fast", [1, 3, 1]), ("joblib", [0, 0, 0]), ("fast", [0, 0, 0])):
        done = acache("run", "--engine", engine, "--export-json", file, path)
        assert (done.stdout, done.code) == ("2 2 1 1\n", 0)
        rows = rows_of(json.loads(file.read_text()))
        calls = [rows[name] for name in ("large", "nested", "own")]
        assert [row["misses"] for row in calls] == misses
        assert [row["hits"] for row in calls] == [3 - misses[0], 1 + (not misses[1]), 2 - misses[2]]
        assert all(row["bytes_loaded"] for row in calls)
        keys = [path.name for path in location.rglob("keys/joblib-*/*")]
        assert len(keys) == 3  # also those of the memory that the script made itself
    rows = rows_of(acache("stats", "--calls", "--json").document)
    assert sum(rows[name]["calls"] for name in ("large", "nested", "own")) == 9 + 4 + 2 + 2 + 6


def test_python_without_the_engine_is_named(
    acache: Acache, location: Path, script: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script(CACHED)
    (path.parent / "acache").mkdir()
    (path.parent / "acache" / "__init__.py").write_text("")  # which the script has first
    monkeypatch.setenv("ACACHE_ENGINE", "fast")
    done = acache("run", path)
    assert done.code == 0
    assert "the fast engine cannot be imported in that Python" in done.stderr
    assert list(location.rglob("output.pkl"))  # joblib's own code ran


def test_damaged_result_of_the_fast_engine_is_logged_as_unreadable(
    acache: Acache, location: Path, script: Callable
) -> None:
    path = script(BOTH_CACHES)
    for _ in range(2):
        assert acache("run", "--engine", "fast", path).code == 0
    (result,) = location.glob("joblib/**/large/*/output.pkl")
    result.write_bytes(result.read_bytes()[:100])
    assert acache("run", "--engine", "fast", path).code == 0
    reasons = [call.reason for call in read_calls(str(location / "joblib"))]
    assert reasons.count("unreadable") == 1
