"""Single flight through the engine: one process computes, all return the result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import joblib
import pytest

from acache import CacheManager
from acache.store.call_log import read_calls
from tests.helpers.marks import needs_posix

# Each computation appends a byte, so that nobody's can be missed. The program is a file: before 1.6
# joblib knows a function without source by its address.
PROGRAM = """
import asyncio, os, sys, time
from acache import CacheManager

folder, options = sys.argv[1], eval(sys.argv[2])
cache = CacheManager(folder, engine="fast", verbose=0, **options)

def computed():
    descriptor = os.open(folder + "/computed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b".")
    os.close(descriptor)

@cache(level=10)
def slow(x, seconds):
    computed()
    time.sleep(float(os.environ.get("SLOWER", seconds)))
    return [x, seconds]

@cache(level=10)
def fails(x, seconds):
    computed()
    time.sleep(seconds)
    raise KeyError(x)

@cache(level=10)
async def later(x, seconds):
    computed()
    await asyncio.sleep(seconds)
    return [x, seconds]

print("ready", flush=True)
while not os.path.exists(folder + "/go"):
    time.sleep(0.005)
exec(sys.argv[3])
"""


def start(
    folder: Path, code: str, *, environ: dict[str, str] | None = None, **options: Any
) -> subprocess.Popen[str]:
    program = folder / "program.py"
    if not program.exists():
        program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, program, str(folder), repr(options), code],
        env={**os.environ, **(environ or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(folder: Path, *processes: subprocess.Popen[str]) -> list[str]:
    (folder / "go").touch()
    return [process.communicate(timeout=100)[0] for process in processes]


def computed(folder: Path) -> int:
    return (folder / "computed").stat().st_size


@pytest.mark.parametrize("asked", ["by the cache", "by the environment"])
def test_eight_processes_compute_once(tmp_path: Path, asked: str) -> None:
    options = {"single_flight": True} if asked == "by the cache" else {}
    environ = {} if options else {"ACACHE_SINGLE_FLIGHT": "1"}
    code = "print(slow(1, 1.0), slow.cache_info().misses)"
    processes = [start(tmp_path, code, environ=environ, **options) for _ in range(8)]
    assert Counter(go(tmp_path, *processes)) == {"[1, 1.0] 0\n": 7, "[1, 1.0] 1\n": 1}
    assert computed(tmp_path) == 1
    calls = list(read_calls(str(tmp_path / "joblib")))
    assert Counter(call.reason for call in calls) == {"absent": 1, "": 7}
    assert os.listdir(tmp_path / ".acache" / "flights") == []


def test_eight_processes_compute_what_nobody_asks_to_share(tmp_path: Path) -> None:
    processes = [start(tmp_path, "slow(1, 0.5)") for _ in range(3)]
    go(tmp_path, *processes)
    assert computed(tmp_path) == 3
    assert not (tmp_path / ".acache" / "flights").exists()


@pytest.mark.skipif(
    not hasattr(joblib.memory, "AsyncMemorizedFunc"), reason="joblib caches no coroutine functions"
)
def test_coroutine_functions_compute_once(tmp_path: Path) -> None:
    code = "print(asyncio.run(later(1, 1.0)))"
    processes = [start(tmp_path, code, single_flight=True) for _ in range(3)]
    assert go(tmp_path, *processes) == ["[1, 1.0]\n"] * 3
    assert computed(tmp_path) == 1


@needs_posix
def test_flight_of_a_failed_computation_is_taken_over(tmp_path: Path) -> None:
    first = start(tmp_path, "slow(1, 1.0)", environ={"SLOWER": "60"}, single_flight=True)
    (tmp_path / "go").touch()
    while not (tmp_path / "computed").exists():
        time.sleep(0.01)
    (tmp_path / "go").unlink()
    others = [start(tmp_path, "print(slow(1, 1.0))", single_flight=True) for _ in range(2)]
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert go(tmp_path, *others) == ["[1, 1.0]\n"] * 2
    assert computed(tmp_path) == 2


def test_exceptions_raise_for_everybody(tmp_path: Path) -> None:
    code = "try: fails(1, 0.2)\nexcept KeyError as error: print(error)"
    processes = [start(tmp_path, code, single_flight=True) for _ in range(3)]
    assert go(tmp_path, *processes) == ["1\n"] * 3


def square(x: Any) -> Any:
    return x * x


def test_shelved_and_mapped_results_arrive_as_such(tmp_path: Path) -> None:
    code = "import numpy\nslow = cache.memory.cache(slow.__wrapped__, **{mapped})\n{call}"
    for kind, call in {
        "shelved": "print(slow.call_and_shelve(1, 0.5).get())",
        "mapped": "slow(numpy.ones(3), 0.5); print([1, 0.5])",
    }.items():
        folder = tmp_path / kind
        folder.mkdir()
        mapped = "dict(mmap_mode='r')" if kind == "mapped" else "dict()"
        program = code.format(mapped=mapped, call=call)
        processes = [start(folder, program, single_flight=True) for _ in range(3)]
        assert go(folder, *processes) == ["[1, 0.5]\n"] * 3
        assert computed(folder) == 1


def test_forced_computing_waits_for_nobody(tmp_path: Path) -> None:
    code = "slow = cache.memory.cache(slow.__wrapped__)\nslow.call(1, 0.5)"
    processes = [start(tmp_path, code, single_flight=True) for _ in range(3)]
    go(tmp_path, *processes)
    assert computed(tmp_path) == 3


def test_damaged_result_is_computed_once(tmp_path: Path) -> None:
    cache = CacheManager(str(tmp_path), engine="fast", verbose=0)
    f = cache(level=10)(square)
    f(3)
    [output] = tmp_path.rglob("output.pkl")
    output.write_bytes(b"damaged")
    again = CacheManager(str(tmp_path), engine="fast", verbose=0, single_flight=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert again(level=10)(square)(3) == 9
    assert f(3) == 9
