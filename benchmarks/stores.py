"""Large stores for the benchmarks, in joblib's format, without the hours that joblib would take."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np

FUNCTIONS = 60
_ARRAYS = """
import sys, joblib, numpy
def spectrum(number):
    return numpy.full((1025, 3049), number, numpy.complex64)
spectrum = joblib.Memory(sys.argv[1], verbose=0).cache(spectrum)
for number in range(int(sys.argv[2])):
    spectrum(number)
"""
_METADATA = {"duration": 0.0123, "input_args": {"y": "array([0.1, 0.2])", "sr": "22050"}}


_WRITTEN = 1_700_000_000
_NO_PROCESS = 2**31 - 1  # no system gives so high a number


def _used(call: int) -> float:
    """Return when a call's result was last used: each at a time of its own, in no order."""
    return _WRITTEN + call * 7_919 % 1_000_003


def _output(call: int) -> bytes:
    """Have joblib write a small result, no two of them alike: what feature functions return."""
    random = np.random.default_rng(call)
    frames = 20 + call % 7
    value = (
        random.random(128, dtype=np.float32),
        np.float64(random.random()),
        (random.random((12, frames)), random.random(frames)),
        {"tempo": float(random.random()), "beats": np.arange(call, call + frames)},
        random.integers(0, 1000, 100).tolist(),
    )[call % 5]
    file = io.BytesIO()
    joblib.dump(value, file)
    return file.getvalue()


def make_store(location: Path, entries: int) -> Path:
    """Write a store of 60 functions in 6 modules; one entry in 50 has a leftover inside.

    Returns the store's folder. A finished store is left as it is.
    """
    store = location / "joblib"
    done = location / f"made-{entries}"
    if done.exists():
        return store
    shutil.rmtree(location, ignore_errors=True)
    metadata = json.dumps({**_METADATA, "time": 1_700_000_000.0}).encode()
    for number in range(FUNCTIONS):
        folder = store / "package" / f"module{number % 6}" / f"function{number}"
        folder.mkdir(parents=True)
        level = (number % 4 + 1) * 10
        source = f"# first line: 1\n@cache(level={level})\ndef function{number}(y):\n    return y\n"
        (folder / "func_code.py").write_text(source)
        for call in range(entries * number // FUNCTIONS, entries * (number + 1) // FUNCTIONS):
            entry = f"{folder}/{hashlib.md5(str(call).encode()).hexdigest()}"
            os.mkdir(entry)
            _write(f"{entry}/output.pkl", _output(call))
            _write(f"{entry}/metadata.json", metadata)
            os.utime(f"{entry}/output.pkl", (_used(call), _WRITTEN))
            if call % 50 == 0:
                leftover = f"{entry}/output.pkl.{call:032x}-{_NO_PROCESS}-139872384"
                _write(leftover, b"interrupted")
                os.utime(leftover, (_WRITTEN, _WRITTEN))
    done.touch()
    return store


def make_arrays(location: Path, count: int = 80) -> Path:
    """Have joblib store uncompressed arrays of 25 MB, 2 GB in all; returns the store's folder."""
    done = location / f"made-{count}"
    if not done.exists():
        shutil.rmtree(location, ignore_errors=True)
        location.mkdir(parents=True)
        subprocess.run([sys.executable, "-c", _ARRAYS, str(location), str(count)], check=True)
        done.touch()
    return location / "joblib"


def copy_store(location: Path, copy: Path) -> Path:
    """Copy a store with its times; joblib and acache find the same there, in the same order."""
    shutil.rmtree(copy, ignore_errors=True)
    subprocess.run(["cp", "-a", location, copy], check=True)
    return copy


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, data)
    os.close(descriptor)
