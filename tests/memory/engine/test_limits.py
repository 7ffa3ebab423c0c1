"""Limits hold by themselves: at rest, and nearly so while several processes write."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from acache import CacheManager, Limits, Store
from acache.memory.engine import limits as limiting
from acache.memory.engine.limits import Limiter
from acache.operations.keep import has_keeper
from acache.store.call_log import read_calls
from acache.store.call_writer import call_writer
from acache.store.fill import change_fill, entry_room, read_fill
from acache.store.model import Entry
from acache.system import detached
from acache.system.errors import UsageError
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS, run_python

# joblib warns where a machine is busy.
SLOW = "ignore:Persisting input arguments:UserWarning"
pytestmark = pytest.mark.filterwarnings(SLOW)

WRITE = """
import sys
import numpy
from acache import CacheManager

location, first, count, size = sys.argv[1], *map(int, sys.argv[2:5])
cache = CacheManager(location, verbose=0, **eval(sys.argv[5]))

@cache(level=10)
def result(number):
    return numpy.full(size, number % 251, numpy.uint8)

for number in range(first, first + count):
    assert (result(number) == number % 251).all()
"""


def writer(location: Path, first: int, count: int, size: int, **limits: Any) -> Any:
    arguments = [str(location), str(first), str(count), str(size), repr(limits)]
    program = location / "program.py"  # before 1.6 joblib knows what has no file by its address
    if not program.exists():
        program.write_text(WRITE)
    return subprocess.Popen([sys.executable, "-W", "error", "-W", SLOW, program, *arguments])


def entries(location: Path) -> list[Entry]:
    return sorted(found for found in Store(location).scan() if isinstance(found, Entry))


def room(location: Path) -> int:
    return sum(entry.disk_bytes or entry.size_bytes for entry in entries(location))


def at_rest(location: Path) -> None:
    """Wait until no keeper is at work."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while has_keeper(str(location / "joblib")) or limiting_starts(location):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def limiting_starts(location: Path) -> bool:
    return 0 < read_fill(str(location / "joblib")).due - time.time() < 5


SIZES = {"small results": (2_000, 400, 2_000_000), "large results": (2_000_000, 30, 20_000_000)}


@pytest.mark.parametrize("kind", SIZES)
def test_limits_hold_while_four_processes_write(tmp_path: Path, kind: str) -> None:
    size, count, limit = SIZES[kind]
    writers = [writer(tmp_path, 1000 * n, count, size, max_size=limit) for n in range(4)]
    most = 0
    while any(process.poll() is None for process in writers):
        if (tmp_path / "joblib").exists():
            most = max(most, room(tmp_path))
        time.sleep(0.02)
    assert [process.returncode for process in writers] == [0, 0, 0, 0]
    at_rest(tmp_path)
    assert limit / 2 < room(tmp_path) <= limit < most <= 1.25 * limit


def test_limits_on_items_hold(tmp_path: Path) -> None:
    with writer(tmp_path, 0, 100, 10, max_items=20) as process:
        process.wait(timeout=PATIENCE_SECONDS)
    at_rest(tmp_path)
    kept = entries(tmp_path)
    assert 10 <= len(kept) <= 20
    # The last ones, as nothing was used since.
    assert {entry.hash for entry in kept} == {
        joblib.hash({"number": number}) for number in range(100 - len(kept), 100)
    }


@pytest.mark.parametrize("limits", [{"max_items": 1}, {"max_items": 2}, {"max_size": 20_000}])
def test_limits_of_next_to_nothing_hold(tmp_path: Path, limits: dict[str, int]) -> None:
    with writer(tmp_path, 0, 8, 10, **limits) as process:
        process.wait(timeout=PATIENCE_SECONDS)
    at_rest(tmp_path)
    assert len(entries(tmp_path)) <= limits.get("max_items", 1)


def square(x: Any) -> Any:
    return x * x


def cached(location: Path, **limits: Any) -> Any:
    return CacheManager(str(location), engine="fast", verbose=0, **limits)(level=10)(square)


def test_limits_keep_what_is_used(tmp_path: Path) -> None:
    f = cached(tmp_path, max_items=20)
    key = f.cache_key(0)
    f(0)
    for number in range(1, 60):
        f(number)
        os.utime(tmp_path / "joblib" / key.replace(".", "/") / "output.pkl")
        time.sleep(0.01)
    at_rest(tmp_path)
    assert f.cache_why(0).hit
    assert len(entries(tmp_path)) <= 20


def test_limits_on_age_hold_without_any_writing(tmp_path: Path) -> None:
    f = cached(tmp_path, max_age="1d")
    for number in range(4):
        f(number)
    at_rest(tmp_path)
    outputs = sorted(tmp_path.rglob("output.pkl"))
    for output in outputs[:3]:
        os.utime(output, (1, output.stat().st_mtime))
    change_fill(str(tmp_path / "joblib"), lambda fill: fill._replace(measured=1.0))
    Limiter(str(tmp_path / "joblib"), Limits(max_age=86_400)).used(time.time())
    at_rest(tmp_path)
    assert sorted(tmp_path.rglob("output.pkl")) == outputs[3:]


def test_limits_hold_that_are_lower_than_before(tmp_path: Path) -> None:
    for number in range(10):
        cached(tmp_path)(number)
    cached(tmp_path, max_items=4)(0)
    at_rest(tmp_path)
    assert len(entries(tmp_path)) <= 4


def test_result_larger_than_the_limit_is_returned_and_not_stored(tmp_path: Path) -> None:
    f = cached(tmp_path, max_size="1MB")
    large = np.ones(1_000_000)
    for _ in range(2):
        assert (f(large) == 1).all()
    assert f(2) == 4
    assert len(entries(tmp_path)) == 1
    assert len(list((tmp_path / "joblib").rglob("metadata.json"))) == 1
    folder = tmp_path / "joblib" / "tests/memory/engine/test_limits/square"
    assert len([child for child in folder.iterdir() if child.is_dir()]) == 1
    store = str(tmp_path / "joblib")
    call_writer(store).flush()
    errors = [call.error for call in read_calls(store) if not call.hit]
    assert errors == ["it is larger than the limit"] * 2 + [""]


@pytest.mark.skipif(
    not hasattr(joblib.memory.MemorizedFunc, "_after_call"),
    reason="joblib 1.3 reads what it stored, be it evicted or not",
)
def test_limits_do_not_stop_what_joblib_stores_by_itself(tmp_path: Path) -> None:
    memory = CacheManager(str(tmp_path), engine="fast", verbose=0, max_size=10_000).memory
    for size in range(10_000, 10_020):
        assert (memory.cache(square, mmap_mode="r")(np.ones(size)) == 1).all()
        memory.cache(square).call_and_shelve(np.ones(size))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while room(tmp_path) > 10_000:  # the keeper may not have started yet
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_limits_go_with_a_function_into_other_processes(tmp_path: Path) -> None:
    memory = CacheManager(str(tmp_path), engine="fast", verbose=0, max_items=7).memory
    f = memory.cache(square)
    plain = joblib.Memory(str(tmp_path), verbose=0).cache(square)
    assert joblib.hash(f) == joblib.hash(plain)
    again = pickle.loads(pickle.dumps(f))
    assert again(3) == 9
    assert vars(again)["_acache_options"].limits == (None, 7, None, None)
    joblib.Parallel(2)(joblib.delayed(f)(number) for number in range(40))
    at_rest(tmp_path)
    assert len(entries(tmp_path)) <= 7


ENVIRONMENT = """
import sys
from acache import cache
@cache(level=10)
def f(x): return x
for x in range(30): f(x)
print(len(cache.memory.store_backend.get_items()))
"""


@pytest.mark.parametrize(("limit", "kept"), [("9", 9), ("much", 30)])
def test_limits_of_the_environment_hold(tmp_path: Path, limit: str, kept: int) -> None:
    environ = {"LIBROSA_CACHE_DIR": str(tmp_path), "LIBROSA_CACHE_MAX_ITEMS": limit}
    done = subprocess.run(
        [sys.executable, "-c", ENVIRONMENT],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    if kept < 30:
        assert done.stderr == ""
        at_rest(tmp_path)
    else:
        assert "LIBROSA_CACHE_MAX_ITEMS='much'" in done.stderr
    assert len(entries(tmp_path)) <= kept
    assert len(entries(tmp_path)) >= kept // 2


POLICY = """
import os, numpy as np
from acache import CacheManager
where = os.environ["WHERE"]
cache = CacheManager(where, verbose=0, **eval(os.environ["LIMITS"]))
@cache(level=10)
def f(size): return np.zeros(size, np.uint8)
for size in range(30_000, 0, -1_000): f(size)
"""


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_limits_evict_by_the_policy_that_is_chosen(tmp_path: Path, how: str) -> None:
    environ = {"WHERE": str(tmp_path), "LIMITS": "dict(max_items=9, policy='largest')"}
    if how == "environment":
        environ |= {
            "LIMITS": "{}",
            "LIBROSA_CACHE_DIR": str(tmp_path),
            "LIBROSA_CACHE_MAX_ITEMS": "9",
            "LIBROSA_CACHE_POLICY": "largest",
        }
    run_python(POLICY, env=environ)
    at_rest(tmp_path)
    sizes = [entry.size_bytes for entry in entries(tmp_path)]
    assert 4 <= len(sizes) <= 9
    assert max(sizes) < 12_000


def test_policy_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown policy 'newest'; choose from lru, oldest"):
        CacheManager(str(tmp_path), policy="newest")  # type: ignore[arg-type]


ACCELERATED = """
import os, joblib, acache
acache.accelerate()
f = joblib.Memory(os.environ["LIBROSA_CACHE_DIR"], verbose=0).cache(abs)
g = joblib.Memory(os.environ["OTHER"], verbose=0).cache(abs)
for x in range(30): f(x), g(x)
"""


def test_limits_of_the_environment_hold_in_what_is_accelerated(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    environ = {
        "LIBROSA_CACHE_DIR": str(ours),
        "LIBROSA_CACHE_MAX_ITEMS": "9",
        "OTHER": str(other),
    }
    run_python(ACCELERATED, env=environ)
    at_rest(ours)
    assert 4 <= len(entries(ours)) <= 9
    assert len(entries(other)) == 30


def test_limits_of_the_environment_are_of_its_location_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("LIBROSA_CACHE_MAX_ITEMS", "1")
    f = cached(tmp_path)
    for number in range(5):
        f(number)
    assert len(entries(tmp_path)) == 5
    assert not (tmp_path / ".acache" / "limits").exists()


@needs_posix
@pytest.mark.parametrize("how", ["fork", "daemon", "thread", "exec"])
def test_limits_hold_however_results_are_written(tmp_path: Path, how: str) -> None:
    code = (
        WRITE.partition("for number in range(first")[0]
        + {
            "fork": (
                "import os\nif os.fork() == 0:\n"
                "    list(map(result, range(30))); os._exit(0)\nos.wait()"
            ),
            "daemon": (
                "import multiprocessing as m\n"
                "p = m.get_context('fork').Process(target=lambda: list(map(result, range(30))),"
                " daemon=True); p.start(); p.join()"
            ),
            "thread": (
                "from threading import Thread\n"
                "t = Thread(target=lambda: list(map(result, range(30)))); t.start(); t.join()"
            ),
            "exec": "list(map(result, range(30))); import os; os.execv('/bin/true', ['true'])",
        }[how]
    )
    arguments = [str(tmp_path), "0", "0", "10", "{'max_items': 9}"]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, timeout=PATIENCE_SECONDS)
    at_rest(tmp_path)
    assert 4 <= len(entries(tmp_path)) <= 9


def test_limits_hold_where_no_process_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detached, "is_python", lambda: False)  # a frozen program, for instance
    f = cached(tmp_path, max_items=9)
    for number in range(30):
        f(number)
    at_rest(tmp_path)
    assert 4 <= len(entries(tmp_path)) <= 9


def test_writer_that_is_not_answered_does_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiting, "start_keeper", lambda *_: True)  # which dies at once
    monkeypatch.setattr(limiting, "_PATIENCE_SECONDS", 0.2)
    f = cached(tmp_path, max_items=10)
    assert [f(number) for number in range(15)] == [number**2 for number in range(15)]
    assert len(entries(tmp_path)) == 12


@pytest.mark.parametrize("obstacle", ["a file", "no store"])
def test_limits_that_cannot_be_kept_are_no_error(tmp_path: Path, obstacle: str) -> None:
    store = tmp_path / "joblib"
    if obstacle == "a file":
        store.mkdir()
        (tmp_path / ".acache").write_text("")
    limiter = Limiter(str(store), Limits(max_items=3, max_size=10**6, min_free=1))
    limiter.used(time.time())
    assert [limiter.refusal(10) for _ in range(5)] == [""] * 5


def test_counted_room_is_what_an_entry_takes(tmp_path: Path) -> None:
    f = cached(tmp_path)
    for size in (0, 100, 100_000):
        f(np.zeros(size, np.uint8))
    for entry in entries(tmp_path):
        output = tmp_path / "joblib" / entry.function / entry.hash / "output.pkl"
        assert abs(entry_room(output.stat().st_size) - (entry.disk_bytes or 0)) <= 4096


def test_readers_need_no_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    f = cached(tmp_path, max_items=9)
    f(1)
    at_rest(tmp_path)
    time.sleep(0.2)
    monkeypatch.setattr(limiting, "start_keeper", lambda *_: started.append(_))
    for _ in range(100):
        f(1)
    assert not started


def test_limits_evict_nothing_for_what_takes_the_place_of_an_entry(tmp_path: Path) -> None:
    cache = CacheManager(str(tmp_path), level=20, verbose=0, max_size="3MB")

    @cache(20)
    def kept(x: int) -> bytes:
        return b"x" * 50_000 * (x >= 0)

    @cache(20, cache_validation_callback=lambda _: False)
    def expires(x: int) -> bytes:
        return b"y" * 50_000 * (x >= 0)

    for number in range(30):
        kept(number)
    for _ in range(200):
        expires(0)
        time.sleep(0.005)
    assert len(list(tmp_path.rglob("output.pkl"))) == 31
