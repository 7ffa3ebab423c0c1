"""Functions to be cached, which note that they are computed, and what is asked of cached ones."""

from __future__ import annotations

import os
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from acache.memory.engine import methods
from acache.memory.engine.callers import caller_of

SINCE_1_4 = pytest.mark.skipif(
    not hasattr(joblib.memory, "AsyncMemorizedFunc"), reason="since joblib 1.4"
)
CONFIG = [1]
calls: list[Any] = []


def plain(x: Any, y: Any = 1) -> Any:
    calls.append(x)
    return [x, y]


def array_of(size: int) -> Any:
    calls.append(size)
    return np.arange(size, dtype=np.int32)


def configured(x: Any, y: Any = CONFIG) -> Any:
    calls.append(x)
    return [x, list(y)]


def ignoring(x: Any, noise: Any = None, *rest: Any, **more: Any) -> Any:
    calls.append(x)
    return x


async def later(x: Any) -> Any:
    calls.append(x)
    return [x]


class Doubler:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def double(self, x: Any) -> Any:
        calls.append(x)
        return self.factor * x


def settle(cached: Any) -> None:
    """Let the stored source be old enough to go by its time."""
    path = caller_of(cached).function.source_path  # type: ignore[union-attr]
    if os.stat(path).st_mtime > time.time() - 5:
        os.utime(path, (time.time() - 10, time.time() - 10))


def is_fast(cached: Any, *args: Any, **kwargs: Any) -> bool:
    """Return whether a call is answered without joblib's code."""
    result = methods.answer(cached, args, kwargs)
    return result is not methods._MISSING and type(result) is not methods._Absent


def computed(function: Callable[[], Any]) -> Any:
    """Return what a call returns, and whether it was computed."""
    before = len(calls)
    return function(), len(calls) > before


def write_module(folder: Path, source: str) -> Any:
    """Import a version of a module, as a new process would."""
    path = folder / "versioned.py"
    path.write_text(source)
    module = types.ModuleType("versioned")
    module.__file__ = str(path)
    exec(compile(source, str(path), "exec"), vars(module))
    return module


def version(folder: Path, number: int) -> Any:
    return write_module(folder, f"def f(x):\n    return {number}\n").f
