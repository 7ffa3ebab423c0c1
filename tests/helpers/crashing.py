"""Pickles that name nothing but what is harmless, and crash Python, or take all time or memory."""

from __future__ import annotations

import pickle
import struct
import zlib

import numpy as np

from tests.helpers.hostile import of, text

P4 = b"\x80\x04"


def _tuple(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def _dict(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"d"


def _number(number: int) -> bytes:
    return pickle.dumps(number, 2)[2:-1]


def _put(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)


def _get(index: int) -> bytes:
    return b"j" + struct.pack("<I", index)


def _type(
    code: str,
    *,
    base: bytes = b"N",
    names: bytes = b"N",
    fields: bytes = b"N",
    order: str = "|",
    size: int = -1,
    align: int = -1,
    flags: int = 0,
) -> bytes:
    numbers = map(_number, (size, align, flags))
    state = _tuple(b"K\x03", text(order), base, names, fields, *numbers)
    return b"cnumpy\ndtype\n" + _tuple(text(code), b"\x89\x88") + b"R" + state + b"b"


_MAKE = b"cnumpy.core.multiarray\n_reconstruct\n"
_NOTHING = b"K\x00\x85"
_MAKE_MASKED = b"cnumpy.ma.core\n_mareconstruct\n"
_MASKED = _tuple(b"cnumpy.ma.core\nMaskedArray\n", b"cnumpy\nndarray\n", _NOTHING, b"C\x01b")


def _array(dtype: bytes, content: bytes, shape: bytes = b"K\x01\x85") -> bytes:
    made = _MAKE + _tuple(b"cnumpy\nndarray\n", _NOTHING, b"C\x01b") + b"R"
    return made + _tuple(b"K\x01", shape, dtype, b"\x89", content) + b"b"


_OBJECT = _type("O8", flags=63)
_INT = _type("i8", order="<")
_FLOAT = _type("f8", order="<")
# What NumPy looks for in whatever becomes an item, and where that lies in memory.
_INTERFACE = _dict(
    *(text("data"), b"C\x08AAAAAAAA", text("typestr"), text("|O8")),
    *(text("shape"), b"K\x01\x85", text("version"), b"K\x03"),
)


def _objects(count: int) -> bytes:
    """Write a type of an array of one object in so many dimensions."""
    base = _tuple(_OBJECT, _tuple(*[b"K\x01"] * count))
    return _type("V8", base=base, size=8, align=8, flags=63)


def _result(attributes: bytes) -> bytes:
    return (
        b"ccopyreg\n_reconstructor\n(cscipy.optimize._optimize\nOptimizeResult\ncbuiltins\ndict\n"
        + attributes
        + b"tR"
    )


def _doubled(times: int) -> bytes:
    """Put a deque of twice a deque, and so on, into the memo."""
    code = b"ccollections\ndeque\n" + _put(99) + b"0" + _get(99) + b"](NNe\x85R" + _put(100)
    for number in range(1, times):
        code += b"0" + _get(99) + b"](" + _get(99 + number) * 2 + b"e\x85R" + _put(100 + number)
    return code + b"0"


def _same_fields() -> bytes:
    """Give a matrix, which takes items out of its state, the fields of a type as its state."""
    fields = _dict(text("row"), _tuple(_OBJECT, b"K\x00"), text("col"), _tuple(_INT, b"K\x08"))
    names = _tuple(text("row"), text("col"))
    dtype = _type("V16", names=names, fields=fields + b"q\x01", size=16, align=8, flags=27)
    matrix = b"cscipy.sparse._coo\ncoo_matrix\n)\x81h\x01b0"
    return P4 + dtype + b"q\x020" + matrix + _array(b"h\x02", b"](NK\x01\x86e") + b"."


def _nested_arrays(depth: int) -> bytes:
    code = P4 + _OBJECT + b"q\x00" + _MAKE + b"q\x010"
    code += _tuple(b"cnumpy\nndarray\n", _NOTHING, b"C\x01b") + b"q\x020K\x01\x85q\x030N"
    return code + b"q\x040h\x01h\x02R(K\x01h\x03h\x00\x89]h\x04atb" * depth + b"0N."


def _wide_type(depth: int, arrays: int) -> bytes:
    """Write a type of twice a type, and so on, and arrays of it that hold nothing."""
    code = P4 + _type("u1") + b"p8000\n0" + _tuple(text("a"), text("b")) + b"p9000\n0"
    for number in range(depth):
        size = 2 << number
        half = b"g%d\n" % (8000 + number)
        fields = _dict(
            *(text("a"), _tuple(half, b"K\x00"), text("b"), _tuple(half, _number(size // 2)))
        )
        code += _type(f"V{size}", names=b"g9000\n", fields=fields, size=size, align=1)
        code += b"p%d\n0" % (8001 + number)
    last = b"g%d\n" % (8000 + depth)
    state = _tuple(b"K\x01", _NOTHING, last, b"\x89", b"C\x00", b"C\x00", b"N")
    code += _MAKE_MASKED + b"q\x010" + _MASKED + b"q\x020" + state + b"q\x030("
    return code + b"h\x01h\x02Rh\x03b" * arrays + b"t."


def _large_fill() -> bytes:
    dtype = _type("U500000000", size=2_000_000_000, align=4, order="<")
    state = _tuple(b"K\x01", _NOTHING, dtype, b"\x89", b"C\x00", b"C\x00", text("x"))
    return P4 + b"(" + (_MAKE_MASKED + _MASKED + b"R" + state + b"b") * 3 + b"t."


def _far_index() -> bytes:
    data = of(np.array([None], object))
    begin = data.index(b"\x80\x05")
    return data[:begin] + b"\x80\x05Np400000000\n0" + _array(_OBJECT, b"](Ne") + b".."


def _late_item() -> bytes:
    """Hide what becomes an array of floats behind a thousand sound items."""
    inner = _type("V8", base=_tuple(_FLOAT, _tuple(*[b"K\x01"] * 30)), size=8, align=8)
    fields = _dict(text("o"), _tuple(_OBJECT, b"K\x00"), text("s"), _tuple(inner, b"K\x08"))
    names = _tuple(text("o"), text("s"))
    dtype = _type("V16", names=names, fields=fields, size=16, align=8, flags=27)
    items = b"](NG" + bytes(8) + b"\x86" + _put(1) + _get(1) * 1000 + b"N" + _get(129) + b"\x86e"
    return P4 + _doubled(30) + _array(dtype, items, _number(1002) + b"\x85") + b"."


def _filled_array() -> bytes:
    shape = _tuple(*[b"K\x01"] * 30)
    wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + b"".join(
        (
            *(text("subclass"), b"ccollections\nOrderedDict\n", text("shape"), shape),
            *(text("order"), text("C"), text("dtype"), _FLOAT, text("allow_mmap"), b"\x89ub"),
        )
    )
    return P4 + _doubled(30) + wrapper + bytes(8) + b")" + _get(129) + b"s."


def crashing() -> dict[str, bytes]:
    series = b"}q\x07cnumpy.polynomial.polynomial\nPolynomial\n)\x81h\x07bq\x060"
    return {
        "an interface among a result's items": P4
        + _array(_objects(1), b"]" + _result(_dict(text("__array_interface__"), _INTERFACE)) + b"a")
        + b".",
        "an interface put into attributes later": P4
        + (series + text("__array_interface__") + _INTERFACE + b"s0")
        + _array(_objects(1), b"]h\x06a")
        + b".",
        "a method among a result's items": P4
        + _result(_dict(text("__setstate__"), b"cnumpy\nmemmap\n"))
        + b"}"
        + text("a")
        + b"K\x01sb.",
        "fields that are a matrix's state": _same_fields(),
        "arrays in arrays": _nested_arrays(5000),
        "dicts in dicts": P4
        + b"ccollections\ndefaultdict\nq\x000N"
        + b"q\x09"
        + b"0h\x00)RNh\x09sq\x09" * 80_000
        + b"0N.",
        "a large value to fill in": _large_fill(),
        "a far index": _far_index(),
        "a deque as an array": P4
        + _doubled(30)
        + _array(_objects(30), b"]" + _get(129) + b"a")
        + b".",
        "a deque as a late item": _late_item(),
        "an array that is filled": _filled_array(),
        "a wide type": _wide_type(13, 2000),
        "one name remembered": zlib.compress(
            P4 + b"cnumpy\nndarray\n" + b"\x94" * 5_000_000 + b"."
        ),
        "a command": b"\x80\x04\x8c\x0faudioread.ffdec\x8c\x0epopen_multiple\x93]\x8c\x05toucha]"
        b"\x8c\x06canarya\x86R.",
    }
