"""NumPy's types and the sizes of its arrays, read from how they are pickled, without NumPy.

They follow the ``__reduce__`` of its types and arrays (``descriptor.c`` and ``methods.c`` of its
``multiarray``), versions 1.x and 2.x.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import prod

from acache.pickles.nodes import (
    ATTRIBUTES,
    FIELDS,
    LONGEST_NAME,
    ArrayInfo,
    Container,
    Dtype,
    Global,
    LimitError,
    Node,
    Object,
    dotted,
    whole_dict,
    whole_tuple,
)

_LARGEST = 2**63  # bytes: no array takes as many
_MOST_DIMENSIONS = 64
_DEEPEST, _MOST_NESTED = 50, 20_000  # types in a type

_CODE = re.compile(r"([biufcOMmSUV])(\d{1,10})", re.ASCII)
# The flags of numpy/ndarraytypes.h, as NumPy writes them: of fields with objects, or an array of
# them; of an object; of all else, whether or not it needs Python or starts as zeros.
_OBJECT_FLAGS = ((27, 63), (63,))
_PLAIN_FLAGS = (0, 8, 16, 24)
_ALIGNED = 128
_ALIGNMENTS = (-1, 1, 2, 4, 8, 16)
_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic")
_SIZES = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 12, 16),
    "c": (8, 16, 24, 32),
    "O": (8,),
    "M": (8,),
    "m": (8,),
}
_NAMES = {"i": "int", "u": "uint", "f": "float", "c": "complex", "M": "datetime", "m": "timedelta"}


def array_info(shape: Node, dtype: Dtype, order: Node, subclass: Node) -> ArrayInfo:
    """Describe an array, its parts as NumPy and joblib pickle them.

    Raises
    ------
    ValueError
        If no array has such a shape.
    """
    sizes = whole_tuple(shape)
    if sizes is None or len(sizes) > _MOST_DIMENSIONS:
        raise ValueError("the shape of an array is none")
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("the shape of an array is none")
    lengths = tuple(size for size in sizes if type(size) is int)
    size_bytes = prod(lengths) * dtype.itemsize
    if size_bytes >= _LARGEST or any(length >= _LARGEST for length in lengths):
        raise ValueError("the shape of an array is larger than any memory")
    name = dotted(subclass) if type(subclass) is Global else "numpy.ndarray"
    return ArrayInfo(lengths, dtype.name, "F" if order == "F" else "C", size_bytes, name)


def dtype_of(node: Node) -> Dtype | None:
    """Return the type of NumPy's that a node is, once it is complete; None of anything else."""
    settled = type(node) is Object and node.kind == "dtype" and node.settled
    return node.dtype if settled else None  # type: ignore[union-attr]


def read_dtype(made: Object) -> Dtype | None:
    """Read a type from what ``numpy.dtype`` was called with, and from its state.

    Returns
    -------
    dtype : Dtype or None
        None if it is none of NumPy's own, or not as NumPy pickles it.
    """
    arguments = whole_tuple(made.arguments)
    code = arguments[0] if arguments else None
    if type(code) is Global and code.name == "record" and code.module.startswith("numpy"):
        plain = _of_state("V", 0, made.state)
        return plain and plain._replace(name=f"(numpy.record, {plain.name})")
    match = _CODE.fullmatch(code) if type(code) is str else None
    # (code, align, copy), as NumPy writes it: without a copy it may be NumPy's own type, which
    # takes no state.
    if match is None or arguments is None or arguments[1:] != [False, True]:
        return None
    return _of_state(match[1], int(match[2]), made.state)


def _of_state(kind: str, size: int, state: Node) -> Dtype | None:
    parts = _parts(kind, size, state)
    if parts is None:
        return None
    order, base, names, fields, itemsize, flags, unit = parts
    if kind == "V" and base is not None and names is fields is None:
        found = _subarray(base)
    elif kind == "V" and base is None and names is not None:
        found = _structure(names, fields, itemsize, flags)
    elif base is names is fields is None:
        found = _simple(kind, size, ">" if order == ">" else "<", itemsize, unit)
    else:
        return None
    # Of what is not consistent NumPy believes each part: it would take bytes for objects.
    usual = _OBJECT_FLAGS[kind == "O"] if found is not None and found.has_objects else _PLAIN_FLAGS
    consistent = found is not None and flags & ~_ALIGNED in usual
    fits = found is None or kind != "V" or found.itemsize == itemsize
    return found if consistent and fits else None


def _parts(
    kind: str, size: int, state: Node
) -> tuple[Node, Node, Node, Node, int, int, str] | None:
    """Read a state: byte order, base, names, fields, item size, flags, and the unit of times."""
    if state is None:
        return "|", None, None, None, size * 4 if kind == "U" else size, 63 * (kind == "O"), ""
    # (version, byte order, (base, shape), names, fields, item size, alignment, flags, metadata)
    parts = whole_tuple(state)
    if parts is None or len(parts) not in (8, 9) or parts[0] not in (3, 4):
        return None
    order, base, names, fields, itemsize, alignment, flags = parts[1:8]
    if not isinstance(flags, int) or type(itemsize) is not int or alignment not in _ALIGNMENTS:
        return None
    # Of another order NumPy would swap the bytes, be they pointers.
    if order not in (("|",) if kind in "bOSV" else ("<", "|", "=", ">")):
        return None
    if not _has_metadata(kind, state, parts):
        return None
    if -_ALIGNED <= flags < 0:
        flags += 2 * _ALIGNED  # NumPy 1.x has them in a signed byte
    unit = _unit(parts[8]) if kind in "Mm" and len(parts) == 9 else ""
    return order, base, names, fields, itemsize, flags, unit


def _has_metadata(kind: str, state: Node, parts: list[Node]) -> bool:
    """Return whether times have a unit: NumPy crashes where theirs is missing."""
    metadata = parts[8] if len(parts) == 9 else None
    if kind in "Mm" and state is not None:
        return _unit_of(metadata) is not None
    return metadata is None or (type(metadata) is Container and metadata.kind == "dict")


def _simple(kind: str, size: int, order: str, itemsize: int, unit: str) -> Dtype | None:
    if kind in "SUV":
        if not 0 <= itemsize < 2**31 or (kind == "U" and itemsize % 4):
            return None
        length = itemsize // 4 if kind == "U" else itemsize
        field = f"{order if kind == 'U' else ''}{kind}{length}"
        return Dtype(field if kind == "U" else f"|{field}", f"'{field}'", itemsize, False)
    if size not in _SIZES[kind]:
        return None
    if kind in "bO":
        return Dtype(*(("bool", "'?'") if kind == "b" else ("object", "'O'")), size, kind == "O")
    name = f"{_NAMES[kind]}{8 * size}{unit}"
    field = f"{order if size > 1 else ''}{kind}{size}{unit}"
    return Dtype(field if order == ">" and size > 1 else name, f"'{field}'", size, False)


def _unit(metadata: Node) -> str:
    unit = _unit_of(metadata)
    if unit is None or unit[0] == "generic":
        return ""
    return f"[{'' if unit[1] == 1 else unit[1]}{unit[0]}]"


def _unit_of(metadata: Node) -> tuple[str, int] | None:
    # (None or a dict, (unit, how many of it, and two more))
    parts = whole_tuple(metadata)
    unit = whole_tuple(parts[1]) if parts and len(parts) == 2 else None
    if not unit or len(unit) != 4 or type(unit[0]) is not bytes or type(unit[1]) is not int:
        return None
    name = unit[0].decode("ascii", "replace")
    known = 0 < unit[1] < 2**31 and all(type(one) is int and one == 1 for one in unit[2:])
    return (name, unit[1]) if name in _UNITS and known else None


def _subarray(base: Node) -> Dtype | None:
    parts = whole_tuple(base)
    dtype = dtype_of(parts[0]) if parts and len(parts) == 2 else None
    if dtype is None or parts is None:
        return None
    shape, _, _, size_bytes, _ = array_info(parts[1], dtype, "C", None)
    if not size_bytes and prod(shape) > _MOST_NESTED:
        raise LimitError("a type of NumPy's with too many empty items")
    text = f"{dtype.field}, {shape}"
    return _named(f"({text})", text, size_bytes, (dtype,))._replace(is_subarray=True)


def _structure(names: Node, fields: Node, itemsize: int, flags: int) -> Dtype | None:
    if type(fields) is not Container or not 0 <= itemsize < 2**31:
        return None
    if fields.sealed == ATTRIBUTES:
        raise LimitError("the attributes of an object are the fields of a type")
    fields.sealed = FIELDS
    every, known = whole_tuple(names), whole_dict(fields)
    if every is not None and len(set(map(repr, every))) < len(every):
        return None
    if every is None or known is None:  # more fields than are kept
        return _named("", "", itemsize)._replace(has_objects=bool(flags & 1), is_whole=False)
    if not all(_fits(field, itemsize) for field in known.values()) or _objects_overlap(known):
        return None
    found: list[tuple[str, Dtype, int]] = []
    for name in every:
        parts = whole_tuple(known.get(name)) if type(name) is str else None
        dtype = dtype_of(parts[0]) if parts and len(parts) in (2, 3) else None
        if dtype is None or parts is None or type(name) is not str or type(parts[1]) is not int:
            return None
        found.append((name, dtype, parts[1]))
    text = _written(found, itemsize, aligned=bool(flags & _ALIGNED))
    named = _named(text, text, itemsize, tuple(dtype for _, dtype, _ in found))
    return named._replace(is_whole=named.is_whole and _titles_match(known, fields, found))


def _fits(field: Node, itemsize: int) -> bool:
    """Return whether a field, its title perhaps with it, lies within what it is a field of."""
    parts = whole_tuple(field)
    dtype = dtype_of(parts[0]) if parts and len(parts) in (2, 3) else None
    if parts is None or dtype is None or type(parts[1]) is not int:
        return False
    return 0 <= parts[1] <= itemsize - dtype.itemsize


def _objects_overlap(known: dict[str, Node]) -> bool:
    """Return whether a field has bytes of another that holds objects: they would be pointers."""
    places = []
    for field in {id(field): field for field in known.values()}.values():
        parts = whole_tuple(field)
        dtype = dtype_of(parts[0]) if parts else None
        if parts is not None and dtype is not None and type(parts[1]) is int:
            places.append((parts[1], parts[1] + dtype.itemsize, dtype.has_objects))
    if not any(has_objects for _, _, has_objects in places):
        return False
    places.sort()
    return any(start < end for (_, end, _), (start, _, _) in pairwise(places))


def _titles_match(
    known: dict[str, Node], fields: Container, found: list[tuple[str, Dtype, int]]
) -> bool:
    """Return whether nothing is a field but those that have names, which may be known twice."""
    named = {id(known[name]) for name, _, _ in found}
    return len(known) == fields.count and all(id(field) in named for field in known.values())


def _written(fields: list[tuple[str, Dtype, int]], itemsize: int, *, aligned: bool) -> str:
    offset = 0
    packed = not aligned
    for _, dtype, start in fields:
        packed = packed and start == offset
        offset += dtype.itemsize
    if packed and offset == itemsize:
        return "[" + ", ".join(f"({name!r}, {dtype.field})" for name, dtype, _ in fields) + "]"
    formats = ", ".join(f"({d.field})" if d.field.endswith(")") else d.field for _, d, _ in fields)
    return (
        f"{{'names': {[name for name, _, _ in fields]}, 'formats': [{formats}], "
        f"'offsets': {[start for _, _, start in fields]}, 'itemsize': {itemsize}"
        f"{', ' + repr('aligned') + ': True' if aligned else ''}}}"
    )


def _named(name: str, field: str, itemsize: int, inner: tuple[Dtype, ...] = ()) -> Dtype:
    # A structure may hold another one twice, and that one, and so on: NumPy visits all of them, and
    # takes the computer's own stack for it.
    depth = 1 + max((one.depth for one in inner), default=0)
    weight = 1 + sum(one.weight for one in inner)
    if depth > _DEEPEST or weight > _MOST_NESTED:
        raise LimitError("a type of NumPy's that holds too many others")
    if not 0 < len(name) <= LONGEST_NAME:
        name, field = f"|V{itemsize}", f"'V{itemsize}'"
    has_objects = any(one.has_objects for one in inner)
    is_whole = all(one.is_whole for one in inner)
    return Dtype(name, field, itemsize, has_objects, is_whole, inner, depth, weight)
