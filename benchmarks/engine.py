"""The fast engine against joblib and diskcache: hits and misses, small and of 21.7 MB."""

from __future__ import annotations

import itertools
import os
import statistics
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
