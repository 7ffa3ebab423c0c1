"""Random odd arguments: values that compare equal and differ, or look alike and differ."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import math
import operator
import struct
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np


class Number(int):
    pass


class Text(str):
    __slots__ = ()


class Items(list):  # type: ignore[type-arg]
    pass


class Table(dict):  # type: ignore[type-arg]
    pass


class Array(np.ndarray):
    pass


class Colour(enum.IntEnum):
    RED = 1


class Point(NamedTuple):
    x: Any
    y: Any


class Plain:
    def __init__(self, value: Any) -> None:
        self.value = value

    def method(self) -> Any:
        return self.value


def nan(bits: int) -> float:
    [value] = struct.unpack("<d", struct.pack("<Q", bits))
    return float(value)


# Each is made anew, as it matters to joblib which objects are the same. First those of the simple
# types, of which most values are made.
SIMPLE: list[Callable[[], Any]] = [
    *(functools.partial(int, n) for n in (0, 1, 2, -1, 255, 256, 2**31, -(2**31), 2**63, 10**40)),
    *(functools.partial(float, n) for n in ("0", "-0.0", "1", "nan", "-nan", "inf", "1e300")),
    functools.partial(nan, 0x7FF8000000000001),
    functools.partial(nan, 0x7FF0000000000001),
    *(
        functools.partial(complex, *n)
        for n in ((0, 0), (-0.0, 0), (1, 0), (0, -0.0), (1, math.nan))
    ),
    *(functools.partial(bool, n) for n in (0, 1)),
    *(
        functools.partial("".join, n)
        for n in ("", "a", "1", "\ud800", "\ud800\udc00", "\U00010000")
    ),
    *(functools.partial("".join, n) for n in ("é", "e\u0301", "a" * 300)),
    *(functools.partial(bytes, n) for n in (b"", b"a", b"1", b"\0", b"a" * 300)),
    lambda: None,
    *(functools.partial(kind, 1) for kind in (np.int8, np.int32, np.int64, np.uint8, np.longlong)),
    *(functools.partial(kind, 1) for kind in (np.float16, np.float32, np.float64)),
    *(functools.partial(np.float64, n) for n in ("-0.0", "nan")),
    *(functools.partial(kind, 1) for kind in (np.complex64, np.complex128, np.bool_)),
    *(lambda kind=kind: kind for kind in (int, bool, float, str, np.float32, np.float64, np.int64)),
    *(lambda name=name: np.dtype(name) for name in ("f4", ">f4", "i8", "U3", "O", "M8[s]", "V3")),
    lambda: np.dtype([("a", "i4"), ("b", "f8")]),
    lambda: np.dtype([("a", "i4"), ("b", "f8")], align=True),
    lambda: np.dtype("f4", metadata={"a": 1}),
]
OTHER: list[Callable[[], Any]] = [
    lambda: ...,
    lambda: np.longdouble(1),
    lambda: np.datetime64("2020-01-01"),
    lambda: np.datetime64("2020-01-01", "s"),
    lambda: np.timedelta64(1, "D"),
    lambda: np.str_("a"),
    lambda: np.bytes_(b"a"),
    lambda: decimal.Decimal("1.0"),
    lambda: decimal.Decimal("1.00"),
    lambda: fractions.Fraction(1),
    lambda: Number(1),
    lambda: Text("a"),
    lambda: Colour.RED,
    lambda: datetime.date(2020, 1, 1),
    lambda: bytearray(b"a"),
    lambda: array.array("b", b"a"),
    lambda: range(3),
    lambda: slice(0, 3),
    *(lambda kind=kind: kind for kind in (list, Plain, np.ndarray, np.str_)),
    *(lambda f=f: f for f in (np.mean, len, math.sin, nan, operator.add)),
    lambda: functools.partial(nan, 1),
    lambda: Plain(1).method,
    lambda: Plain([1.0]),
    lambda: "a".upper,
]
DTYPES = [
    "?", "i1", "u1", "<i4", ">i4", "<i8", "<f4", ">f4", "<f8", ">f8", "f2", "g", "c8", ">c16",
    "S3", "<U3", ">U3", "M8[s]", "M8[D]", ">M8[s]", "m8[D]", "V3", "O",
    [("a", "<i4"), ("b", "<f8")], [("a", ">i4"), ("b", "<f8")], [("a", "i1", (2,))],
]  # fmt: skip
SHAPES = [(), (0,), (1,), (3,), (1, 3), (3, 1), (2, 3), (3, 2), (0, 5), (5, 0), (2, 3, 2), (1, 1)]


def odd_array(random: Random) -> Any:
    """Make an array of a random dtype, shape and layout."""
    shape = random.choice(SHAPES)
    try:
        values = (
            np.arange(math.prod(shape)) if random.random() < 0.7 else np.zeros(math.prod(shape))
        )
        made = np.asarray(values).astype(random.choice(DTYPES)).reshape(shape)
    except (TypeError, ValueError):
        made = np.zeros(shape, random.choice(DTYPES))
    for _ in range(random.randrange(3)):
        made = random.choice(CHANGES)(made)
    return random.choice(SUBCLASSES)(made) if random.random() < 0.1 else made


def unaligned(a: Any) -> Any:
    if a.dtype.hasobject or type(a) is not np.ndarray or not a.nbytes:
        return a
    moved = np.empty(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    moved[...] = a
    return moved


def read_only(a: Any) -> Any:
    a = a.copy()
    a.flags.writeable = False
    return a


def byte_swapped(a: Any) -> Any:
    return a.astype(a.dtype.newbyteorder()) if a.dtype.kind in "iufc" else a


CHANGES: list[Callable[[Any], Any]] = [
    np.asfortranarray,
    np.transpose,
    lambda a: a[..., ::2] if a.ndim else a,
    lambda a: a[::-1] if a.ndim else a,
    lambda a: np.broadcast_to(a, (2, *a.shape)),
    lambda a: np.concatenate([np.atleast_1d(a)] * 2)[: len(np.atleast_1d(a))],
    np.copy,
    unaligned,
    read_only,
    byte_swapped,
]
SUBCLASSES: list[Callable[[Any], Any]] = [
    lambda a: a.view(Array),
    lambda a: np.ma.masked_array(a, mask=False) if a.dtype.kind in "if" else a,
    lambda a: a.view(np.matrix) if a.ndim == 2 else a,
    lambda a: a.view(np.recarray) if a.dtype.names else a,
]


def odd_value(random: Random, depth: int = 3, seen: list[Any] | None = None) -> Any:
    """Make a value: a leaf, an array, a container, or once more one that was made before."""
    seen = [] if seen is None else seen
    choice = random.random()
    if seen and choice < 0.15:
        return random.choice(seen)
    if depth == 0 or choice < 0.5:
        value = random.choice(SIMPLE if random.random() < 0.9 else OTHER)()
    elif choice < 0.7:
        value = odd_array(random)
    else:
        items = [odd_value(random, depth - 1, seen) for _ in range(random.randrange(4))]
        value = random.choice(CONTAINERS[: 7 if random.random() < 0.7 else None])(random, items)
    seen.append(value)
    return value


def _looped(random: Random, items: list[Any]) -> Any:
    items.append((items,))
    return items


def _hashable(items: list[Any]) -> list[Any]:
    found = []
    for item in items:
        try:
            found = list({*found, item})
        except (TypeError, ValueError):  # of what is equal to itself, arrays are not sure
            continue
    return found


CONTAINERS: list[Callable[[Random, list[Any]], Any]] = [
    lambda random, items: items,
    lambda random, items: tuple(items),
    lambda random, items: list(items),
    lambda random, items: (items, list(items)),
    lambda random, items: (items, items),
    lambda random, items: dict(zip("cab", items, strict=False)),
    lambda random, items: dict(zip("abc", items, strict=False)),
    lambda random, items: dict(zip((3, 1, 2), items, strict=False)),
    lambda random, items: dict(zip((1, "a", 2.5), items, strict=False)),
    lambda random, items: dict(zip((True, Text("a")), items, strict=False)),
    lambda random, items: collections.OrderedDict(zip("ba", items, strict=False)),
    lambda random, items: Table(zip("ba", items, strict=False)),
    lambda random, items: Items(items),
    lambda random, items: Point(items, 1),
    lambda random, items: set(_hashable(items)),
    lambda random, items: frozenset(_hashable(items)),
    lambda random, items: collections.deque(items),
    _looped,
]


def odd_call(random: Random) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make arguments for ``def f(a, b=..., *rest, c=..., **more)``, good or bad."""
    seen: list[Any] = []
    args = tuple(odd_value(random, 2, seen) for _ in range(random.choice((1, 1, 1, 2, 2, 3, 0))))
    names = [name for name in ("b", "c", "z", "y", "a", "*") if random.random() < 0.06]
    return args, {name: odd_value(random, 2, seen) for name in names}
