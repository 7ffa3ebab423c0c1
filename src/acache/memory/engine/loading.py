"""A stored result: small ones are read whole, arrays mapped, all else is loaded as joblib does it.

joblib writes an array as a pickled `NumpyArrayWrapper` with the array's bytes behind it, and reads
both with pickle's Python code. Here pickle's C code reads the structure, and the bytes become an
array where they lie: from 1 MiB on in a private map of the file, which costs nothing until it is
looked at. A mapped array is a plain, writable ndarray; its file may be removed meanwhile.
"""

from __future__ import annotations

import contextlib
import io
import math
import mmap
import os
import pickle
import sys
import threading
import time
import weakref
from typing import Any

from joblib import numpy_pickle

try:
    import numpy as np
except ImportError:  # joblib works without it
    np = None  # type: ignore[assignment]

from acache.system.mounts import is_local

MAPPED_BYTES = 1 << 20
_USE_NOTED = 3600 * 10**9  # ns: so long a last access may be out of date
_PROTOCOL = b"\x80"  # how a pickle begins; a compressed one does not
_WRAPPER = ("joblib.numpy_pickle", "NumpyArrayWrapper")
_SCALARS = {("numpy._core.multiarray", "scalar"), ("numpy.core.multiarray", "scalar")}
_GLOBALS = {("numpy", "ndarray"), ("numpy", "memmap"), ("numpy", "dtype"), *_SCALARS}
_GLOBALS |= {("builtins", "complex")}
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# Before Python 3.13 a map keeps its file open, and of open files a process may have only so many.
_KEEPS_OPEN = sys.version_info < (3, 13)
_MOST_MAPS = 256 if _KEEPS_OPEN else 8192  # Linux allows 65,530 maps
_UNTRACKED: dict[str, Any] = {} if _KEEPS_OPEN else {"trackfd": False}

_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
_reading = threading.local()


class _OtherError(Exception):
    """A result that joblib's own code must load."""


def load(path: str) -> Any:
    """Load a stored result; see `load_sized`."""
    return load_sized(path)[0]


def load_sized(path: str) -> tuple[Any, int]:
    """Load a stored result, and return it with the size of its file.

    Parameters
    ----------
    path : str
        Of an ``output.pkl``.

    Returns
    -------
    result : object
        What ``joblib.load(path)`` returns.
    size_bytes : int >= 0

    Raises
    ------
    FileNotFoundError
        If there is none.
    Exception
        Whatever joblib, or what it loads, raises for a file that is damaged.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if time.time_ns() - status.st_atime_ns > _USE_NOTED:
            _note_use(descriptor, path, status)
        size = status.st_size
        if size < MAPPED_BYTES:
            data = os.read(descriptor, size)
            # Sizes of files that are being written to do not count.
            if data[:1] == _PROTOCOL and len(data) == size:
                if b"ArrayWrapper" not in data:
                    return pickle.loads(data), size
                return _Reader(io.BytesIO(data), data).load(), size
        elif np is not None and len(_maps) < _MOST_MAPS and is_local(path):
            content = mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY, **_UNTRACKED)
            if content[:1] == _PROTOCOL:
                return _Reader(content, memoryview(content)).load(), size
    except Exception:  # joblib loads it, or raises what it raises
        pass
    finally:
        os.close(descriptor)
    with open(path, "rb") as file:
        return numpy_pickle.load(file), size


def _note_use(descriptor: int, path: str, status: os.stat_result) -> None:
    """Set the last access, which lru goes by, where the file system is not going to."""
    target: int | str = descriptor if os.utime in os.supports_fd else path
    with contextlib.suppress(OSError):  # it is not ours, or the disk is read only
        os.utime(target, ns=(time.time_ns(), status.st_mtime_ns))


class _Wrapper:
    """Stands for joblib's wrapper of an array, until the array takes its place."""

    array: Any

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.array = _reading.reader.take(state)


class _Reader(pickle.Unpickler):
    """Reads results that are made of arrays, scalars, and Python's own containers.

    Parameters
    ----------
    file : file object
        Of the content, without ``peek``: so the C code reads not one byte beyond a wrapper.
    content : bytes or memoryview
    """

    def __init__(self, file: Any, content: Any) -> None:
        super().__init__(file)
        self._file = file
        self._content = content
        self._arrays = 0

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == _WRAPPER:
            return _Wrapper
        if (module, name) not in _GLOBALS:
            raise _OtherError  # before any object is made
        return super().find_class(module, name)

    def load(self) -> Any:
        outer = getattr(_reading, "reader", None)
        _reading.reader = self
        try:
            value = super().load()
        finally:
            _reading.reader = outer
        if type(value) is _Wrapper:
            return value.array
        if self._arrays:
            filled = _Filled()
            value = filled.value(value)
            if filled.arrays != self._arrays:
                raise _OtherError
        return value

    def take(self, state: dict[str, Any]) -> Any:
        """Make the array of a wrapper, and go on behind it."""
        dtype, alignment = state["dtype"], state.get("numpy_array_alignment_bytes")
        if state["subclass"] not in (np.ndarray, np.memmap) or alignment is None:
            raise _OtherError
        if dtype.hasobject or not dtype.isnative:
            raise _OtherError
        self._arrays += 1
        count = math.prod(state["shape"])
        padding = self._file.read(1)
        start = self._file.tell() + padding[0]
        size = count * dtype.itemsize
        if start + size > len(self._content):
            raise _OtherError
        self._file.seek(start + size)
        if size:
            array = np.frombuffer(self._content, dtype, count, start)
            if size < MAPPED_BYTES or not array.flags.aligned:
                array = array.copy()
        else:
            array = np.empty(count, dtype)
        if state["order"] == "F":
            return array.reshape(state["shape"][::-1]).transpose()
        return array.reshape(state["shape"])


class _Filled:
    """Puts arrays in the place of their wrappers, in tuples, lists and dicts."""

    def __init__(self) -> None:
        self.arrays = 0
        self._done: dict[int, Any] = {}

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind is _Wrapper:
            self.arrays += 1
            return value.array
        if kind not in (tuple, list, dict):
            return value
        if id(value) in self._done:
            return self._done[id(value)]
        # A tuple that holds itself, by way of a list, is seen here again before it is made anew.
        self._done[id(value)] = value
        if kind is dict:
            for key in value:
                value[key] = self.value(value[key])
        elif kind is list:
            value[:] = map(self.value, value)
        else:
            items = tuple(map(self.value, value))
            if any(new is not old for new, old in zip(items, value, strict=True)):
                self._done[id(value)] = items
                return items
        return value
