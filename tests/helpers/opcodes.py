"""Pickles written by hand, and joblib's pickle of a value."""

from __future__ import annotations

import io
import pickle
import struct
from typing import Any

import joblib


def of(value: Any, **options: Any) -> bytes:
    """Return joblib's pickle of a value."""
    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def text(string: str) -> bytes:
    return b"X" + struct.pack("<I", len(string)) + string.encode()


def integer(value: int) -> bytes:
    return pickle.dumps(value, 2)[2:-1]


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def dict_of(*keys_and_values: bytes) -> bytes:
    return b"(" + b"".join(keys_and_values) + b"d"


def numpy_type(
    code: str,
    *,
    base: bytes = b"N",
    names: bytes = b"N",
    fields: bytes = b"N",
    order: str = "|",
    size: int = -1,
    align: int | None = None,
    flags: int = 0,
) -> bytes:
    """Write one of NumPy's types with any state."""
    if align is None:
        align = 1 if size >= 0 else -1
    numbers = map(integer, (size, align, flags))
    state = tuple_of(b"K\x03", text(order), base, names, fields, *numbers)
    return b"cnumpy\ndtype\n" + tuple_of(text(code), b"\x89\x88") + b"R" + state + b"b"
