"""Calls that make something known, and the arrays that joblib writes behind their wrappers.

NumPy's part follows ``methods.c`` and ``scalartypes.c.src`` of its ``multiarray``; joblib's is
``NumpyArrayWrapper`` in ``joblib/numpy_pickle.py``, versions 0.10 to 1.6.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import prod

from acache.pickles.dtypes import array_info, dtype_of, read_dtype
from acache.pickles.nodes import (
    EXCERPT,
    RECONSTRUCTOR,
    Container,
    Dtype,
    Excerpt,
    Global,
    LimitError,
    Node,
    Object,
    whole_dict,
    whole_tuple,
)

ALIGNMENT = "numpy_array_alignment_bytes"
WRAPPERS = tuple(
    Global(module, "NumpyArrayWrapper")
    for module in ("joblib.numpy_pickle", "sklearn.externals.joblib.numpy_pickle")
)
_WRAPPED = {"subclass", "shape", "order", "dtype", "allow_mmap", ALIGNMENT}

MASKED_MAKER = Global("numpy.ma.core", "_mareconstruct")
ZONE_MAKER = Global("zoneinfo", "ZoneInfo._unpickle")


def called(made: Object) -> Node:
    """Return what a call makes: the call itself where that is not known."""
    special = _CALLS.get(made.target) if type(made.target) is Global else None
    return made if special is None else special(made)


def _encoded(made: Object) -> Node:
    """Bytes, as protocols 0 to 2 have them: ``_codecs.encode(text, "latin1")``."""
    arguments = whole_tuple(made.arguments) or []
    if len(arguments) != 2 or arguments[1] != "latin1":
        return made
    text = arguments[0]
    if type(text) is Excerpt and type(text.start) is str:
        return Excerpt("bytes", text.start.encode("latin-1", "replace"), None)
    return text.encode("latin-1") if type(text) is str else made


def _bytes(made: Object) -> Node:
    return b"" if whole_tuple(made.arguments) == [] else made


def _bytearray(made: Object) -> Node:
    arguments = whole_tuple(made.arguments)
    data = b"" if arguments == [] else arguments[0] if arguments and len(arguments) == 1 else None
    if type(data) is Excerpt:
        return data._replace(kind="bytearray")
    return Excerpt("bytearray", data[:EXCERPT], len(data)) if type(data) is bytes else made


def _set(made: Object) -> Node:
    arguments = whole_tuple(made.arguments) or []
    items = arguments[0] if len(arguments) == 1 else None
    if type(made.target) is not Global or type(items) is not Container or items.kind != "list":
        return made
    made_of = Container(made.target.name, list(items.items), items.count)
    made_of.weight, made_of.depth = items.weight, items.depth
    return made_of


def _string_type(made: Object) -> Node:
    made.kind, made.settled = "dtype", True
    made.dtype = Dtype("StringDType()", "'T'", 16, has_objects=True)
    return made


def _range(made: Object) -> Node:
    # Should its hash be that of a number of NumPy's, an array is made of it to compare the two.
    parts = whole_tuple(made.arguments) or []
    if 0 < len(parts) < 4 and all(type(part) is int for part in parts):
        try:
            made.weight = len(range(*parts))  # type: ignore[arg-type]
        except OverflowError:
            made.weight = sys.maxsize
    return made


def _complex(made: Object) -> Node:
    parts = whole_tuple(made.arguments) or []
    if len(parts) == 2 and type(parts[0]) is float and type(parts[1]) is float:
        return complex(parts[0], parts[1])
    return made


def _attribute(made: Object) -> Node:
    # As which pickle writes the method of a class that makes a time zone.
    known = whole_tuple(made.arguments) == [Global("zoneinfo", "ZoneInfo"), "_unpickle"]
    return ZONE_MAKER if known else made


def _dtype(made: Object) -> Node:
    made.kind, made.dtype = "dtype", read_dtype(made)
    made.weight = made.dtype.weight if made.dtype is not None else 0
    return made


def _scalar(made: Object) -> Node:
    made.kind = "scalar"
    parts = whole_tuple(made.arguments) or [None]
    made.dtype = dtype_of(parts[0])
    size = _size_of(parts[1]) if len(parts) == 2 else None
    if made.dtype is not None and size is not None and size < made.dtype.itemsize:
        raise ValueError("a number of NumPy's has too few bytes")
    return made


def _from_buffer(made: Object) -> Node:
    parts = whole_tuple(made.arguments) or []
    dtype = dtype_of(parts[1]) if len(parts) >= 4 else None
    if dtype is not None:
        # Since NumPy 2.4 the order of the axes may follow.
        if parts[3] not in ("C", "F", "A", *(["K"] if len(parts) == 5 else [])):
            raise ValueError("the order of an array is none")
        made.kind, made.array = "array", array_info(parts[2], dtype, parts[3], None)
        made.dtype = dtype
        _require_size(parts[0], made.array.size_bytes)
    return made


def _size_of(node: Node) -> int | None:
    """Tell how many bytes a value has; None if that is not known, or it has none."""
    if type(node) is bytes:
        return len(node)
    return node.size_bytes if type(node) is Excerpt and node.kind != "str" else None


def _require_size(content: Node, size_bytes: int) -> None:
    if _size_of(content) not in (None, size_bytes):
        raise ValueError("an array does not have the bytes that its shape takes")


def _reconstructed(made: Object) -> None:
    """Describe an array of a state (version, shape, dtype, is Fortran, data)."""
    parts = whole_tuple(made.state) or []
    dtype = dtype_of(parts[2]) if len(parts) >= 5 else None
    if dtype is not None:
        if parts[0] != 1 or len(parts) != (7 if made.target == MASKED_MAKER else 5):
            raise ValueError("the version of an array is not known")
        subclass = (whole_tuple(made.arguments) or [None])[0]
        made.array = array_info(parts[1], dtype, "F" if parts[3] else "C", subclass)
        made.kind, made.dtype = "array", dtype
        _require_size(parts[4], made.array.size_bytes)
        if len(parts) == 7 and not dtype.fields:  # of a masked array, and its mask
            _require_size(parts[5], prod(made.array.shape))
        if type(parts[4]) is Container:
            made.items = parts[4]


_CALLS: dict[Global, Callable[[Object], Node]] = {
    Global("_codecs", "encode"): _encoded,
    Global("builtins", "bytes"): _bytes,
    Global("builtins", "bytearray"): _bytearray,
    Global("builtins", "set"): _set,
    Global("builtins", "frozenset"): _set,
    Global("builtins", "complex"): _complex,
    Global("builtins", "getattr"): _attribute,
    Global("builtins", "range"): _range,
    **{
        Global(f"numpy.{c}._internal", "_convert_to_stringdtype_kwargs"): _string_type
        for c in ("core", "_core")
    },
    Global("numpy", "dtype"): _dtype,
    **{Global(f"numpy.{c}.multiarray", "scalar"): _scalar for c in ("core", "_core")},
    **{Global(f"numpy.{c}.numeric", "_frombuffer"): _from_buffer for c in ("core", "_core")},
}
STATEFUL: dict[Global, Callable[[Object], object]] = {
    Global("numpy", "dtype"): _dtype,
    **{Global(f"numpy.{c}.multiarray", "_reconstruct"): _reconstructed for c in ("core", "_core")},
    MASKED_MAKER: _reconstructed,
}


def _is_blank(made: Object) -> bool:
    """Return whether something was made with nothing in it, as any protocol does."""
    arguments = whole_tuple(made.arguments)
    if made.made == "new":
        return arguments == []
    return (
        made.target == RECONSTRUCTOR
        and arguments is not None
        and arguments[1:] == [Global("builtins", "object"), None]
    )


def _is_plain(state: Node, parts: dict[str, Node]) -> bool:
    """Return whether a wrapper's state is data alone: an attribute may hide one of its methods."""
    return (
        type(state) is Container
        and len(parts) == state.count
        and parts.keys() <= _WRAPPED
        and type(parts.get("subclass")) is Global
        and parts.get("order") in ("C", "F")
        and type(parts.get("allow_mmap", False)) is bool
        and type(parts.get(ALIGNMENT)) in (int, type(None))
    )


def wrapped_array(wrapper: Object, state: Node) -> tuple[Object, bool]:
    """Return the array whose wrapper has a state, and whether its bytes are aligned."""
    parts = whole_dict(state)
    if parts is None or not _is_blank(wrapper) or not _is_plain(state, parts):
        raise ValueError("an array is not as joblib writes it")
    dtype = dtype_of(parts.get("dtype"))
    if dtype is None or not dtype.itemsize:
        raise LimitError("the type of an array is not known")
    if dtype.has_objects and parts.get("allow_mmap") is not False:
        raise ValueError("an array of objects cannot be mapped into memory")
    subclass = parts.get("subclass")
    wrapper.state = state
    array = Object(subclass, "new", Container("tuple", [], 0))
    array.kind, array.settled, array.dtype = "array", True, dtype
    array.array = array_info(parts.get("shape"), dtype, parts.get("order"), subclass)
    return array, parts.get(ALIGNMENT) is not None
