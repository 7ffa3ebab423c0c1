"""What several processes share: limits while results are written, single flight, the call log."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import Row

from acache import CacheManager
from acache.config.sharing import CALL_LOG_VARIABLE
from acache.store.call_log import read_calls
from acache.store.call_writer import CallWriter

HASH = "0123456789abcdef" * 2
LOGGED = 200_000
SECONDS = 2.0
FLIGHT = """
import os, sys, time
from acache import CacheManager
cache = CacheManager(sys.argv[1], engine="fast", verbose=0, single_flight=True)

@cache(level=10)
def slow(x):
    open(f"{sys.argv[1]}/computing-{os.getpid()}", "w").close()
    time.sleep(float(sys.argv[2]))
    return x

print("ready", flush=True)
sys.stdin.readline()
slow(1)
print(time.time(), flush=True)
"""


def result(number: int, size: int) -> Any:
    return np.full(size, number % 251, np.uint8)


def sharing(folder: Path, runs: int) -> list[Row]:
    """Measure all of it."""
    return [
        _writes(folder, "small", size=1_000, limit=6_000_000, each=100, rounds=3 * runs),
        _writes(folder, "1 MB", size=1_000_000, limit=100_000_000, each=20, rounds=3 * runs),
        _flight(folder / "flight"),
        _takeover(folder / "takeover"),
        *_log(folder / "log"),
    ]


def _writes(folder: Path, what: str, *, size: int, limit: int, each: int, rounds: int) -> Row:
    """Write in turns under a limit that each batch passes, and without one."""
    caches = [
        CacheManager(str(folder / f"limited {what}"), engine="fast", verbose=0, max_size=limit),
        CacheManager(str(folder / f"unlimited {what}"), engine="fast", verbose=0),
    ]
    functions = [cache(level=10)(result) for cache in caches]
    times: list[list[float]] = [[], []]
    number = 0
    for round_ in range(-6, rounds):  # the first ones fill the cache to its limit
        for function, taken in zip(functions, times, strict=True):
            began = time.perf_counter()
            for _ in range(each):
                number += 1
                function(number, size)
            if round_ >= 0:
                taken.append((time.perf_counter() - began) / each)
    ours, theirs = map(statistics.median, times)
    return Row(f"write, {what}: under limits / without", _text(ours), _text(theirs),
               ours / theirs, 1.1)  # fmt: skip


def _start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", FLIGHT, str(folder), str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def _done(process: subprocess.Popen[str]) -> float:
    return float(process.communicate()[0])


def _flight(folder: Path) -> Row:
    """Have eight processes want one result at once."""
    processes = [_start(folder, SECONDS) for _ in range(8)]
    for process in processes:
        _go(process)
    ends = sorted(map(_done, processes))
    computed = len(list(folder.glob("computing-*")))
    if computed != 1:
        sys.exit(f"single flight: {computed} processes computed")
    last = ends[-1] - ends[0]
    return Row("single flight: the last of 8 after the first", _text(last), "0.3 s", last / 0.3, 1)


def _takeover(folder: Path) -> Row:
    """Kill the process that computes, and wait for another one to begin."""
    first, second = _start(folder, 60), _start(folder, 0)
    _go(first)
    while not list(folder.glob("computing-*")):
        time.sleep(0.01)
    _go(second)
    time.sleep(1)
    first.send_signal(signal.SIGKILL)
    killed = time.time()
    taken = _done(second) - killed
    first.communicate()
    return Row("single flight: killed, another is done", _text(taken), "1 s", taken, 1.0)


def _log(folder: Path) -> list[Row]:
    """Measure hits with and without the log in turns, then its lines alone, and its reader."""
    functions = []
    for wanted in ("1", "0"):
        os.environ[CALL_LOG_VARIABLE] = wanted
        cache = CacheManager(str(folder / wanted), engine="fast", verbose=0)
        function = cache.memory.cache(result)
        function(1, 1)
        time.sleep(0.2)  # a source that was written just now is compared at each call
        function(1, 1)
        functions.append(function)
    del os.environ[CALL_LOG_VARIABLE]
    times: list[list[float]] = [[], []]
    for _ in range(40):
        for function, taken in zip(functions, times, strict=True):
            began = time.perf_counter()
            for _ in range(500):
                function(1, 1)
            taken.append((time.perf_counter() - began) / 500)
    logged, plain = map(statistics.median, times)
    store = folder / "lines" / "joblib"
    store.mkdir(parents=True)
    writer = CallWriter(str(store))
    began = time.perf_counter()
    for _ in range(LOGGED):
        writer.hit(began, "package/module/function", HASH,
                   hash_seconds=1e-6, load_seconds=1e-6, bytes_loaded=1000)  # fmt: skip
    writer.flush()
    line = (time.perf_counter() - began) / LOGGED
    began = time.perf_counter()
    read = sum(1 for _ in read_calls(str(store)))
    million = (time.perf_counter() - began) / read * 1e6
    return [
        Row("small hit: with the call log / without", _text(logged), _text(plain),
            logged / plain, 1.5),
        Row("call log: a call, to the disk", _text(line), "5 us", line / 5e-6, 1.0),
        Row("call log: a million calls read", _text(million), "5 s", million / 5, 1.0),
    ]  # fmt: skip


def _text(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


if __name__ == "__main__":
    import tempfile

    from measure import print_table

    # A keeper may still be at work.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        print_table(sharing(Path(temporary), 7))
