"""Large stores for the benchmarks, in joblib's format, without the hours that joblib would take."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

FUNCTIONS = 60
_OUTPUT = pickle.dumps(list(range(100)))
_METADATA = {"duration": 0.0123, "input_args": {"y": "array([0.1, 0.2])", "sr": "22050"}}


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
            _write(f"{entry}/output.pkl", _OUTPUT)
            _write(f"{entry}/metadata.json", metadata)
            if call % 50 == 0:
                _write(f"{entry}/output.pkl.{call:032x}-123-139872384", b"interrupted")
    done.touch()
    return store


def _write(path: str, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, data)
    os.close(descriptor)
