"""The fast engine against joblib and diskcache: hits and misses, small and of 21.7 MB."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache
import joblib
import numpy as np
from measure import Row

from acache.memory.engine.engine import FastMemory

SHAPE = (1025, 2646)  # complex64: 21.7 MB, the stft of a minute
EXAMPLE = Path(__file__).parents[1] / "examples" / "estimate_tuning.py"
numbers = itertools.count()


def small(x: int) -> int:
    return x + 1


def large(y: Any) -> Any:
    return y + 1


def engine(folder: Path, runs: int) -> list[Row]:
    """Measure hits and misses, both sides in turns."""
    location = str(folder / "engine")
    fast, slow = FastMemory(location, verbose=0), joblib.Memory(location, verbose=0)
    disk = diskcache.Cache(str(folder / "diskcache"))
    y = np.random.default_rng(0).random((*SHAPE, 2), np.float32).view(np.complex64)[..., 0]
    return [
        *_hits(fast.cache(small), slow.cache(small), disk.memoize()(small), runs=runs),
        _large_hit(fast.cache(large), slow.cache(large), y, runs=runs),
        *_misses(folder, y, runs=runs),
        _guides_example(folder, runs=max(3, runs // 2)),
    ]


def _hits(ours: Any, joblibs: Any, disks: Any, *, runs: int) -> list[Row]:
    for cached in (ours, joblibs, disks):
        cached(1)
    _settle(ours)
    calls = [lambda cached=cached: cached(1) for cached in (ours, joblibs, disks)]
    seconds = _in_turns(calls, each=200, rounds=10 * runs)
    return [
        _row("small hit / joblib", seconds[0], seconds[1], 1 / 6),
        _row("small hit / diskcache memoize", seconds[0], seconds[2], 1.0),
    ]


def _large_hit(ours: Any, joblibs: Any, y: Any, *, runs: int) -> Row:
    ours(y)
    _settle(ours)
    seconds = _in_turns([lambda: ours(y), lambda: joblibs(y)], each=3, rounds=2 * runs)
    return _row(f"hit, {y.nbytes / 1e6:.1f} MB in and out / joblib", *seconds, 1 / 20)


def _misses(folder: Path, y: Any, *, runs: int) -> list[Row]:
    memories = [
        kind(str(folder / f"miss-{kind.__name__}"), verbose=0)
        for kind in (FastMemory, joblib.Memory)
    ]

    def new_small(cached: Any) -> Callable[[], Any]:
        return lambda: cached(next(numbers))

    def new_large(cached: Any) -> Callable[[], Any]:
        def call() -> None:
            y[0, 0] = next(numbers)
            cached(y)

        return call

    rows = []
    for function, new, each, text in (
        (small, new_small, 20, "miss, small / joblib's miss"),
        (large, new_large, 1, f"miss, {y.nbytes / 1e6:.1f} MB / joblib's miss"),
    ):
        cached = [memory.cache(function) for memory in memories]
        for one in cached:
            new(one)()
        _settle(cached[0])
        seconds = _in_turns([new(one) for one in cached], each=each, rounds=4 * runs)
        rows.append(_row(text, *seconds, 1.15))
        for one in cached:
            one.clear(warn=False)
    return rows


def _guides_example(folder: Path, *, runs: int) -> Row:
    """Run the guide's example with a full cache: what hashing and loading take in all its calls."""
    export = folder / "run.json"
    environ = {
        **os.environ,
        "LIBROSA_CACHE_DIR": str(folder / "guide"),
        "LIBROSA_CACHE_LEVEL": "50",
    }

    def run(kind: str) -> float:
        command = [sys.executable, "-m", "acache", "run", "--engine", kind, "--export-json", export]
        done = subprocess.run([*command, EXAMPLE], env=environ, capture_output=True, check=False)
        if done.returncode:
            sys.exit(done.stderr.decode())
        rows = json.loads(export.read_text())["functions"]
        return sum(float(row["hash_seconds"] + row["load_seconds"]) for row in rows)

    for kind in ("joblib", "fast"):  # fill the store, and the key log
        run(kind)
    times = [(run("fast"), run("joblib")) for _ in range(runs)]
    ours, theirs = map(statistics.median, zip(*times, strict=True))
    return _row("guide's example, warm, level 50: hashing and loading / joblib", ours, theirs, 0.1)


def _settle(cached: Any) -> None:
    """Let the stored source be as old as that of a function which was cached before."""
    cached.check_call_in_cache(0)
    folder = Path(cached.store_backend.location) / cached.func_id
    os.utime(folder / "func_code.py", (0, 0))


def _in_turns(calls: list[Callable[[], Any]], *, each: int, rounds: int) -> list[float]:
    """Return the median seconds of a call, of rounds in which each side is called so often."""
    times: list[list[float]] = [[] for _ in calls]
    for round_ in range(rounds + 1):
        for call, taken in zip(calls, times, strict=True):
            start = time.perf_counter()
            for _ in range(each):
                call()
            if round_:  # the first one warms up
                taken.append((time.perf_counter() - start) / each)
    return [statistics.median(taken) for taken in times]


def _row(what: str, ours: float, theirs: float, target: float) -> Row:
    return Row(what, _text(ours), _text(theirs), ours / theirs, target)


def _text(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


if __name__ == "__main__":
    import tempfile

    from measure import print_table

    with tempfile.TemporaryDirectory() as temporary:
        print_table(engine(Path(temporary), 7))
