"""What a pickle holds, told without loading it: its values, NumPy's types, and their outline.

NumPy's part follows the ``__reduce__`` of its types, arrays and scalars (``descriptor.c``,
``methods.c`` and ``scalartypes.c.src`` of its ``multiarray``), versions 1.x and 2.x.
"""

from __future__ import annotations

import re
import struct
from math import prod
from typing import Literal, NamedTuple

_SHOWN = 60  # characters of a string or a number
_LONGEST_NAME = 300  # characters of a type's or a class's name
_DEEPEST = 100
_LARGEST = 2**63  # bytes: no array takes as many
UNKNOWN_NAME = "?"

_CODE = re.compile(r"([biufcOMmSUV])(\d{1,10})", re.ASCII)
_SIZES = {
    "b": (1,),
    "i": (1, 2, 4, 8),
    "u": (1, 2, 4, 8),
    "f": (2, 4, 8, 12, 16),
    "c": (8, 16, 24, 32),
    "O": (4, 8),
    "M": (8,),
    "m": (8,),
}
_NAMES = {"i": "int", "u": "uint", "f": "float", "c": "complex", "M": "datetime", "m": "timedelta"}
_FORMATS = {
    **{f"int{8 << n}": c for n, c in enumerate("bhiq")},
    **{f"uint{8 << n}": c for n, c in enumerate("BHIQ")},
    "bool": "?",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}


class Global(NamedTuple):
    """A class or function that the pickle names; `UNKNOWN_NAME` for a part that it computes."""

    module: str
    name: str


class Unknown(NamedTuple):
    """A value that cannot be told."""

    reason: str


RECONSTRUCTOR = Global("copyreg", "_reconstructor")
_MAKERS = (RECONSTRUCTOR, Global("copyreg", "__newobj__"), Global("copyreg", "__newobj_ex__"))


class Excerpt(NamedTuple):
    """The start of a value that is too long to keep.

    Attributes
    ----------
    kind : {"str", "bytes", "bytearray", "int"}
    start : str or bytes
    size_bytes : int or None
        As pickled: of a str in UTF-8. None if that was not told.
    """

    kind: str
    start: str | bytes
    size_bytes: int | None


class ArrayInfo(NamedTuple):
    """An array of NumPy.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        As NumPy's ``str(dtype)`` has it: ``float32``, ``<U10``, ``[('x', '<f4')]``; ``|V20`` where
        that is too long.
    order : {"C", "F"}
    size_bytes : int >= 0
        As its ``nbytes``; of an array of objects this is of the pointers alone.
    subclass : str
        ``numpy.ndarray``, or its subclass.
    """

    shape: tuple[int, ...]
    dtype: str
    order: Literal["C", "F"]
    size_bytes: int
    subclass: str


class Dtype(NamedTuple):
    """A type of NumPy's: its name, how it is written as that of a field, and what it takes."""

    name: str
    field: str
    itemsize: int
    has_objects: bool


class Container:
    """A list, tuple, dict, set or frozenset.

    Attributes
    ----------
    kind : str
    items : list of Node
        The first ones; keys and values by turns if it is a dict.
    count : int
        Of all its items, or pairs.
    """

    __slots__ = ("count", "items", "kind")

    def __init__(self, kind: str, items: list[Node], count: int) -> None:
        self.kind = kind
        self.items = items
        self.count = count

    def add(self, items: list[Node], count: int, most: int) -> None:
        """Take up so many items or pairs, and keep of them what still has room."""
        room = most - len(self.items)
        if room > 0:
            self.items += items[:room] if len(items) > room else items
        self.count += count

    def whole(self) -> bool:
        """Tell whether all its items were kept."""
        return len(self.items) == (2 * self.count if self.kind == "dict" else self.count)

    def children(self) -> list[Node]:
        """Return the nodes that it keeps."""
        return self.items

    def strip(self) -> None:
        """Drop what it keeps."""
        self.items = []


class Object:
    """What calling a class or a function makes.

    Attributes
    ----------
    target : Node
        The class or function: a `Global`, unless it is computed.
    made : str
        ``reduce`` by REDUCE, ``new`` by NEWOBJ or NEWOBJ_EX, ``call`` by INST or OBJ.
    arguments, state : Node
        What it was called with; what it was given by BUILD, None if nothing.
    items, pairs : Container or None
        What was appended or added to it; what was set in it.
    kind : {"object", "array", "dtype", "scalar"}
        Whether it is one of NumPy's.
    array : ArrayInfo or None
    dtype : Dtype or None
        The type that it is, or the scalar's.
    """

    __slots__ = ("arguments", "array", "dtype", "items", "kind", "made", "pairs", "state", "target")

    def __init__(self, target: Node, made: str, arguments: Node) -> None:
        self.target = target
        self.made = made
        self.arguments = arguments
        self.state: Node = None
        self.items: Container | None = None
        self.pairs: Container | None = None
        self.kind = "object"
        self.array: ArrayInfo | None = None
        self.dtype: Dtype | None = None

    def class_of(self) -> Node:
        """Return its class, or the function that made it: a `Global`, unless it is computed."""
        if self.made == "reduce" and self.target in _MAKERS:
            return (whole_tuple(self.arguments) or [None])[0]
        return self.target

    def holds(self, kind: str) -> Container:
        """Return what takes up its items, or the pairs if the kind is dict."""
        held = self.pairs if kind == "dict" else self.items
        if held is None:
            held = Container("dict" if kind == "dict" else "list", [], 0)
            if kind == "dict":
                self.pairs = held
            else:
                self.items = held
        return held

    def children(self) -> list[Node]:
        """Return the nodes that it keeps."""
        return [self.target, self.arguments, self.state, self.items, self.pairs]

    def strip(self) -> None:
        """Drop what it keeps, but for its class or function where that has a name."""
        self.arguments = Unknown("among too many")
        self.state = self.items = self.pairs = None
        if type(self.target) is not Global:
            self.target = self.arguments


Leaf = bool | int | float | complex | str | bytes | None
Node = Leaf | Excerpt | Global | Unknown | Container | Object


def whole_tuple(node: Node) -> list[Node] | None:
    """Return the items of a tuple that was kept whole; None of anything else."""
    if type(node) is Container and node.kind == "tuple" and node.whole():
        return node.items
    return None


def whole_dict(node: Node) -> dict[str, Node] | None:
    """Return what a dict that was kept whole has under strings; None of anything else."""
    if type(node) is not Container or node.kind != "dict" or not node.whole():
        return None
    pairs = zip(node.items[::2], node.items[1::2], strict=True)
    return {key: value for key, value in pairs if type(key) is str}


def array_info(shape: Node, dtype: Dtype, order: Node, subclass: Node) -> ArrayInfo:
    """Describe an array, its parts as NumPy and joblib pickle them.

    Raises
    ------
    ValueError
        If no array has such a shape.
    """
    sizes = whole_tuple(shape)
    if sizes is None or not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("the shape of an array is none")
    lengths = tuple(size for size in sizes if type(size) is int)
    size_bytes = prod(lengths) * dtype.itemsize
    if size_bytes >= _LARGEST or any(length >= _LARGEST for length in lengths):
        raise ValueError("the shape of an array is larger than any memory")
    name = _dotted(subclass) if type(subclass) is Global else "numpy.ndarray"
    return ArrayInfo(lengths, dtype.name, "F" if order == "F" else "C", size_bytes, name)


def dtype_of(node: Node) -> Dtype | None:
    """Return the type of NumPy's that a node is; None of anything else."""
    return node.dtype if type(node) is Object and node.kind == "dtype" else None


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
    if match is None:
        return None
    return _of_state(match[1], int(match[2]), made.state)


def _of_state(kind: str, size: int, state: Node) -> Dtype | None:
    # (version, byte order, (base, shape), names, fields, item size, alignment, flags, metadata)
    parts = whole_tuple(state)
    if parts is None:
        parts = [3, "<", None, None, None, size * 4 if kind == "U" else size, 1, kind == "O"]
        if state is not None:
            return None
    if len(parts) not in (8, 9) or parts[0] not in (3, 4):
        return None
    order, base, names, fields, itemsize, _, flags = parts[1:8]
    if not isinstance(flags, int) or type(itemsize) is not int or order not in ("<", "|", "=", ">"):
        return None
    if kind == "V" and (base is not None or names is not None):
        found = _subarray(base) if base is not None else _structure(names, fields, itemsize, flags)
    elif base is names is fields is None:
        unit = _unit(parts[8]) if kind in "Mm" and len(parts) == 9 else ""
        found = _simple(kind, size, ">" if order == ">" else "<", itemsize, unit)
    else:
        return None
    consistent = found is not None and found.has_objects == bool(flags & 1)
    return found if consistent else None


def _simple(kind: str, size: int, order: str, itemsize: int, unit: str) -> Dtype | None:
    if kind in "SUV":
        if not 0 <= itemsize < 2**31:
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
    # (None or a dict, (unit, how many of it, and two more))
    parts = whole_tuple(metadata)
    unit = whole_tuple(parts[1]) if parts and len(parts) == 2 else None
    if not unit or len(unit) != 4 or type(unit[0]) is not bytes or type(unit[1]) is not int:
        return ""
    if unit[0] == b"generic" or not 0 < len(unit[0]) < 10 or not unit[0].isalnum():
        return ""
    return f"[{'' if unit[1] == 1 else unit[1]}{unit[0].decode('ascii')}]"


def _subarray(base: Node) -> Dtype | None:
    parts = whole_tuple(base)
    dtype = dtype_of(parts[0]) if parts and len(parts) == 2 else None
    if dtype is None or parts is None:
        return None
    shape, _, _, size_bytes, _ = array_info(parts[1], dtype, "C", None)
    text = f"{dtype.field}, {shape}"
    return _named(f"({text})", text, size_bytes, dtype.has_objects)


def _structure(names: Node, fields: Node, itemsize: int, flags: int) -> Dtype | None:
    if not 0 <= itemsize < 2**31:
        return None
    every, known = whole_tuple(names), whole_dict(fields)
    if every is None or known is None:  # more fields than are kept
        return _named("", "", itemsize, bool(flags & 1))
    found: list[tuple[str, Dtype, int]] = []
    for name in every:
        parts = whole_tuple(known.get(name)) if type(name) is str else None
        dtype = dtype_of(parts[0]) if parts and len(parts) in (2, 3) else None
        if dtype is None or parts is None or type(name) is not str or type(parts[1]) is not int:
            return None
        found.append((name, dtype, parts[1]))
    text = _written(found, itemsize, aligned=bool(flags & 128))
    return _named(text, text, itemsize, any(dtype.has_objects for _, dtype, _ in found))


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


def _named(name: str, field: str, itemsize: int, has_objects: bool) -> Dtype:
    # A structure may hold another one twice, and that one, and so on.
    if not 0 < len(name) <= _LONGEST_NAME:
        name, field = f"|V{itemsize}", f"'V{itemsize}'"
    return Dtype(name, field, itemsize, has_objects)


class Line(NamedTuple):
    """A line of an outline.

    Attributes
    ----------
    depth : int >= 0
        How far it is indented.
    text : str
        Printable, and all ASCII unless a string or a name in it is not.
    size_bytes : int or None
        What an array takes in memory, or a long string where it is pickled.
    """

    depth: int
    text: str
    size_bytes: int | None


class _Rest(NamedTuple):
    """How many more there are in a container than are shown."""

    left: int


def outline(node: Node, *, depth: int = 3, width: int = 10) -> list[Line]:
    """Say what a value is, a line for each value in it.

    Parameters
    ----------
    node : Node
    depth : int >= 0
        How many levels to show below the value itself.
    width : int >= 0
        How many values to show of each that holds others.

    Returns
    -------
    lines : list of Line
        What is held twice is shown in full once only, so that what holds itself ends as well.
    """
    lines: list[Line] = []
    shown: set[int] = set()
    waiting: list[tuple[int, str, Node | _Rest]] = [(0, "", node)]
    while waiting:
        level, label, value = waiting.pop()
        if isinstance(value, _Rest):
            lines.append(Line(level, f"... and {value.left} more", None))
            continue
        children, count = _children(value)
        again = bool(count) and id(value) in shown
        text = label + _text(value) + (", shown above" if again else "")
        lines.append(Line(level, text, _size(value)))
        if count and not again and level < min(depth, _DEEPEST):
            shown.add(id(value))
            below: list[tuple[int, str, Node | _Rest]] = [
                (level + 1, name, child) for name, child in children[:width]
            ]
            if count > len(below):
                below.append((level + 1, "", _Rest(count - len(below))))
            waiting += reversed(below)
    return lines


_Children = tuple[list[tuple[str, Node]], int]


def _children(node: Node) -> _Children:
    """Return the kept values in a node, each with a label, and the count of all of them."""
    if type(node) is Container:
        if node.kind != "dict":
            return [("", item) for item in node.items], node.count
        pairs = zip(node.items[::2], node.items[1::2], strict=False)
        return [(f"{_text(key)}: ", value) for key, value in pairs], node.count
    if type(node) is not Object or node.kind in ("dtype", "scalar"):
        return [], 0
    if node.kind == "array":
        return _children(node.items) if node.items is not None else ([], 0)
    state = node.state
    children: list[tuple[str, Node]] = []
    count = 0
    if state is not None and not (type(state) is Container and state.kind == "dict"):
        children, count = [("state: ", state)], 1
        state = None
    arguments = node.arguments
    if node.target == RECONSTRUCTOR:  # (class, base, what the base is made of)
        arguments = (whole_tuple(arguments) or [None])[-1]
    for part in (arguments, node.items, node.pairs, state):
        more, number = _children(part) if type(part) is Container else ([], 0)
        children += more
        count += number
    return children, count


def _text(node: Node) -> str:
    if type(node) is Container:
        return f"{node.kind} of {node.count}"
    if type(node) is Object:
        return _object_text(node)
    if type(node) is Global:
        return _dotted(node)
    if type(node) is Unknown:
        return f"unknown ({node.reason})"
    if type(node) is Excerpt and node.kind in ("int", "float"):
        return f"{node.kind} {_printable(str(node.start)):.40}..."
    if type(node) is Excerpt:
        return f"{node.kind} {_cut(repr(node.start))}"
    return _cut(repr(node))


def _object_text(node: Object) -> str:
    if node.array is not None:
        shape, dtype, order, _, subclass = node.array
        name = "array" if subclass == "numpy.ndarray" else subclass
        return f"{name}, shape {shape}, dtype {dtype}{', F order' if order == 'F' else ''}"
    if node.dtype is not None:
        value = _scalar(node, node.dtype) if node.kind == "scalar" else ""
        return f"{node.kind} {node.dtype.name}{value}"
    named = node.class_of()
    return _dotted(named) if type(named) is Global else "object of a computed class"


def _scalar(node: Object, dtype: Dtype) -> str:
    parts = whole_tuple(node.arguments) or [None]
    data = parts[-1]
    if type(data) is not bytes or len(data) != dtype.itemsize:
        return ""
    if dtype.name in _FORMATS:
        return f": {struct.unpack('<' + _FORMATS[dtype.name], data)[0]!r}"
    if dtype.name.startswith("<U"):
        return f": {_cut(repr(data.decode('utf-32-le', 'replace')))}"
    return ""


def _size(node: Node) -> int | None:
    if type(node) is Object and node.array is not None:
        return node.array.size_bytes
    return node.size_bytes if type(node) is Excerpt else None


def _dotted(named: Global) -> str:
    return _cut(_printable(f"{named.module}.{named.name}"), _LONGEST_NAME)


def _printable(text: str) -> str:
    # A hostile pickle may hold what a terminal obeys.
    return text if text.isprintable() else ascii(text)[1:-1]


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."
