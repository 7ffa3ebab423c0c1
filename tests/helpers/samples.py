"""Pickles to describe, and describing them.

`joblib.load` and `pickle.load` serve only to load what the tests themselves wrote.
"""

from __future__ import annotations

import collections
import datetime
import io
import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from acache.pickles import Description, describe_file, outline

FRAME = b"\x95"


class Plain:
    """An object with attributes; it equals others with the same ones."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Listed(list[Any]):
    """A list with attributes."""


def dumped(value: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def described(data: bytes, **options: int) -> Description:
    return describe_file(io.BytesIO(data), **options)


def told(value: Any, **options: Any) -> list[str]:
    return shown(described(dumped(value, **options)))


def shown(description: Description, **options: int) -> list[str]:
    return ["  " * line.depth + line.text for line in outline(description.value, **options)]


def facts(array: np.ndarray) -> tuple[Any, ...]:
    return array.shape, str(array.dtype), array.nbytes


STRUCTURED = [("x", "<f4"), ("when", "M8[us]"), ("grid", ">i2", (2, 3)), ("name", "U4")]


def values() -> dict[str, Any]:
    loop: list[Any] = [1]
    loop.append(loop)
    me = Plain(x=1)
    me.me = me  # type: ignore[attr-defined]
    listed = Listed([1, 2, 3])
    listed.note = "attribute"  # type: ignore[attr-defined]
    shared = ["shared"]
    return {
        "constants": [None, True, False, 0, 1, -1, 255, 256, 65536, 2**31, -(2**40), 2**2000],
        "large": 7**5000,
        "floats": [0.0, -1.5, float("inf"), 1e300],
        "complex": 1 + 2j,
        "text": ["", "a", "größe", "\n'\"", "\ud800", "\U0001f600", "x" * 300, "x" * 70_000],
        "text with lines": "line\nline\n" * 20_000,
        "bytes": [b"", b"a", bytes(256), bytes(300), bytes(70_000), bytearray(b"abc")],
        "empty": [(), [], {}, set(), frozenset(), bytearray()],
        "nested": {"a": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "b": {1: {2: {3: {}}}}},
        "sets": [{1, 2}, frozenset({1})],
        "long": [list(range(3000)), tuple(range(3000)), {i: i for i in range(3000)}],
        "loop": loop,
        "object": me,
        "a list's child": listed,
        "shared": [shared, shared],
        "ordered": collections.OrderedDict(a=1, b=2),
        "default": collections.defaultdict(list, a=[1]),
        "deque": collections.deque([1, 2], 5),
        "date": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
        "path": Path("x"),
        "slice": slice(1, 2),
        "functions": [len, os.path.join, collections.OrderedDict, NotImplemented, ...],
        "method": "a".upper,
        "scalars": [np.float32(1.5), np.int64(-3), np.str_("größe"), np.bool_(1), np.complex64(1)],
        "times": [np.datetime64("2020"), np.timedelta64(1, "s"), np.datetime64("NaT", "s")],
        "dtypes": [np.dtype("M8[ns]"), np.dtype(STRUCTURED), np.float32],
        "random": np.random.default_rng(0),
    }


SMALL = [{"a": (1, 2.5, "größe", b"x" * 300)}, np.arange(3), np.array([None, "x"]), Plain(x=2**70)]


def wrapper(dtype: bytes, shape: bytes, *, more: bytes = b"", twice: bool = False) -> bytes:
    """Write what joblib writes before an array, by hand."""
    return (
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81q\x00}("
        b"U\x08subclasscnumpy\nndarray\nU\x05shape"
        + shape
        + b"U\x05orderU\x01CU\x05dtypecnumpy\ndtype\n"
        + dtype
        + more
        + b"ub"
    )


F8 = b"U\x02f8\x89\x88\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def long(number: int) -> bytes:
    data = number.to_bytes(100, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data
