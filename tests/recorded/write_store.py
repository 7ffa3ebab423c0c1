"""Write two joblib stores to be recorded: python write_store.py OUTPUT_FOLDER.

It runs under every recorded joblib, and so keeps to the syntax of Python 3.8.
record.py runs a copy of it at a fixed path, since joblib names the folder of a
function of __main__ after the path of its script. Its own folder, which holds
recorded_package, is the first on sys.path as that of any script.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from joblib import Memory
from joblib._store_backends import FileSystemStoreBackend
from recorded_package import _cache


def of_script(count: int) -> np.ndarray:
    """Return an array: a function of __main__."""
    return np.arange(count)[::-1]


def die_moving(name: str, function: Callable[..., Any], *args: Any) -> None:
    """Call a cached function, and die when its file of this name is to be moved into place."""
    move = FileSystemStoreBackend._move_item

    def move_or_die(source: str, destination: str) -> None:
        if os.path.basename(destination) == name:
            os._exit(1)
        move(source, destination)

    FileSystemStoreBackend._move_item = staticmethod(move_or_die)
    function(*args)


def kill_moving(name: str, function: Callable[..., Any], *args: Any) -> None:
    """Have a child process call a cached function and die storing its file of this name."""
    child = multiprocessing.get_context("fork").Process(
        target=die_moving, args=(name, function, *args)
    )
    child.start()
    child.join()
    if child.exitcode != 1:
        raise RuntimeError(f"joblib {joblib.__version__} did not move {name} into place")


def write_whole(memory: Memory) -> None:
    """Write what joblib writes when all goes well."""
    # Now that the memory of their decorators is set
    from recorded_package import features, levels

    ramp = memory.cache(features.ramp)
    ramp(16)
    ramp(1000, step=0.25)
    memory.cache(features.tempo)(np.array([0.5, -1.5, 2.0]))
    memory.cache(features.größe)(3, breite=4)
    memory.cache(features.make_gain(2.0))(8)
    memory.cache(features.Mixer(2).mix)(8)
    memory.cache(features.TRANSFORMS["double"])(21)
    memory.cache(features.never_called)
    memory.cache(of_script)(8)

    levels.by_keyword(16)
    levels.by_keyword(32)
    levels.by_position(16)
    levels.by_module(16, scale=2.0)


def write_with_options(location: str) -> None:
    """Write compressed results and memory-mapped ones."""
    from recorded_package import features

    packed = Memory(location, verbose=0, compress="zlib").cache(features.packed)
    packed(1000)
    mapped = Memory(location, verbose=0, mmap_mode="r").cache(features.mapped)
    mapped(64)
    if not isinstance(mapped(64), np.memmap):
        raise TypeError("joblib did not map the stored array")


def write_leftovers(memory: Memory) -> None:
    """Have joblib's own writing fail, or die with its process."""
    from recorded_package import broken

    for name, function in (
        ("output.pkl", broken.killed_at_output),
        ("metadata.json", broken.killed_at_metadata),
    ):
        cached = memory.cache(function)
        cached(4)  # whole
        kill_moving(name, cached, 5)

    # Before joblib 1.6, func_code.py is written in place, and never moved
    if tuple(int(part) for part in joblib.__version__.split(".")[:2]) >= (1, 6):
        kill_moving("func_code.py", memory.cache(broken.killed_at_code), 5)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # joblib's, that the result is not cached
        memory.cache(broken.returns_generator)(6)
        memory.cache(broken.returns_lambda)(6)


def write_second(memory: Memory) -> None:
    """Write a small store in a process that has already written another."""
    from recorded_package import features

    # joblib holds the code of this function for known, and writes no func_code.py
    memory.cache(features.tempo)(np.array([1.0, 2.0]))
    memory.cache(features.make_gain(3.0))(4)


def main() -> None:
    """Write the stores of a str and of a Path."""
    output = Path(sys.argv[1])
    location = str(output / "str")
    memory = Memory(location, verbose=0)
    _cache.memory = memory

    write_whole(memory)
    write_with_options(location)
    write_leftovers(memory)
    write_second(Memory(output / "path", verbose=0))


if __name__ == "__main__":
    main()
