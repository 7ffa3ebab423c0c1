"""Pickles that name nothing but what is harmless, and crash Python, or take all time or memory."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from tests.helpers.opcodes import dict_of, integer, numpy_type, of, text, tuple_of

P4 = b"\x80\x04"


def _put(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)


def _get(index: int) -> bytes:
    return b"j" + struct.pack("<I", index)


_MAKE = b"cnumpy.core.multiarray\n_reconstruct\n"
_NOTHING = b"K\x00\x85"
_MAKE_MASKED = b"cnumpy.ma.core\n_mareconstruct\n"
_MASKED = tuple_of(b"cnumpy.ma.core\nMaskedArray\n", b"cnumpy\nndarray\n", _NOTHING, b"C\x01b")


def _array(dtype: bytes, content: bytes, shape: bytes = b"K\x01\x85") -> bytes:
    made = _MAKE + tuple_of(b"cnumpy\nndarray\n", _NOTHING, b"C\x01b") + b"R"
    return made + tuple_of(b"K\x01", shape, dtype, b"\x89", content) + b"b"


_OBJECT = numpy_type("O8", flags=63)
_INT = numpy_type("i8", order="<")
_FLOAT = numpy_type("f8", order="<")
# What NumPy looks for in whatever becomes an item, and where that lies in memory.
_INTERFACE = dict_of(
    *(text("data"), b"C\x08AAAAAAAA", text("typestr"), text("|O8")),
    *(text("shape"), b"K\x01\x85", text("version"), b"K\x03"),
)


def _objects(count: int) -> bytes:
    """Write a type of an array of one object in so many dimensions."""
    base = tuple_of(_OBJECT, tuple_of(*[b"K\x01"] * count))
    return numpy_type("V8", base=base, size=8, align=8, flags=63)


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
    fields = dict_of(
        text("row"), tuple_of(_OBJECT, b"K\x00"), text("col"), tuple_of(_INT, b"K\x08")
    )
    names = tuple_of(text("row"), text("col"))
    dtype = numpy_type("V16", names=names, fields=fields + b"q\x01", size=16, align=8, flags=27)
    matrix = b"cscipy.sparse._coo\ncoo_matrix\n)\x81h\x01b0"
    return P4 + dtype + b"q\x020" + matrix + _array(b"h\x02", b"](NK\x01\x86e") + b"."


def _nested_arrays(depth: int) -> bytes:
    code = P4 + _OBJECT + b"q\x00" + _MAKE + b"q\x010"
    code += tuple_of(b"cnumpy\nndarray\n", _NOTHING, b"C\x01b") + b"q\x020K\x01\x85q\x030N"
    return code + b"q\x040h\x01h\x02R(K\x01h\x03h\x00\x89]h\x04atb" * depth + b"0N."


def _wide_type(depth: int, arrays: int) -> bytes:
    """Write a type of twice a type, and so on, and arrays of it that hold nothing."""
    code = P4 + numpy_type("u1") + b"p8000\n0" + tuple_of(text("a"), text("b")) + b"p9000\n0"
    for number in range(depth):
        size = 2 << number
        half = b"g%d\n" % (8000 + number)
        fields = dict_of(
            *(text("a"), tuple_of(half, b"K\x00"), text("b"), tuple_of(half, integer(size // 2)))
        )
        code += numpy_type(f"V{size}", names=b"g9000\n", fields=fields, size=size, align=1)
        code += b"p%d\n0" % (8001 + number)
    last = b"g%d\n" % (8000 + depth)
    state = tuple_of(b"K\x01", _NOTHING, last, b"\x89", b"C\x00", b"C\x00", b"N")
    code += _MAKE_MASKED + b"q\x010" + _MASKED + b"q\x020" + state + b"q\x030("
    return code + b"h\x01h\x02Rh\x03b" * arrays + b"t."


def _large_fill() -> bytes:
    dtype = numpy_type("U500000000", size=2_000_000_000, align=4, order="<")
    state = tuple_of(b"K\x01", _NOTHING, dtype, b"\x89", b"C\x00", b"C\x00", text("x"))
    return P4 + b"(" + (_MAKE_MASKED + _MASKED + b"R" + state + b"b") * 3 + b"t."


def _far_index() -> bytes:
    data = of(np.array([None], object))
    begin = data.index(b"\x80\x05")
    return data[:begin] + b"\x80\x05Np400000000\n0" + _array(_OBJECT, b"](Ne") + b".."


def _late_item() -> bytes:
    """Hide what becomes an array of floats behind a thousand sound items."""
    inner = numpy_type("V8", base=tuple_of(_FLOAT, tuple_of(*[b"K\x01"] * 30)), size=8, align=8)
    fields = dict_of(text("o"), tuple_of(_OBJECT, b"K\x00"), text("s"), tuple_of(inner, b"K\x08"))
    names = tuple_of(text("o"), text("s"))
    dtype = numpy_type("V16", names=names, fields=fields, size=16, align=8, flags=27)
    items = b"](NG" + bytes(8) + b"\x86" + _put(1) + _get(1) * 1000 + b"N" + _get(129) + b"\x86e"
    return P4 + _doubled(30) + _array(dtype, items, integer(1002) + b"\x85") + b"."


def _filled_array() -> bytes:
    shape = tuple_of(*[b"K\x01"] * 30)
    wrapper = b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + b"".join(
        (
            *(text("subclass"), b"ccollections\nOrderedDict\n", text("shape"), shape),
            *(text("order"), text("C"), text("dtype"), _FLOAT, text("allow_mmap"), b"\x89ub"),
        )
    )
    return P4 + _doubled(30) + wrapper + bytes(8) + b")" + _get(129) + b"s."


def crashing() -> dict[str, bytes]:
    items = _result(dict_of(text("__array_interface__"), _INTERFACE))
    series = b"}q\x07cnumpy.polynomial.polynomial\nPolynomial\n)\x81h\x07bq\x060"
    return {
        "an interface among a result's items": P4 + _array(_objects(1), b"]" + items + b"a") + b".",
        "an interface put into attributes later": P4
        + (series + text("__array_interface__") + _INTERFACE + b"s0")
        + _array(_objects(1), b"]h\x06a")
        + b".",
        "a method among a result's items": P4
        + _result(dict_of(text("__setstate__"), b"cnumpy\nmemmap\n"))
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
