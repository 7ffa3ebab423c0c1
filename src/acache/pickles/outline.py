"""The outline of a value: a line on each value in it, as deep and as wide as wished."""

from __future__ import annotations

import struct
from typing import NamedTuple

from acache.pickles.nodes import (
    RECONSTRUCTOR,
    Container,
    Dtype,
    Excerpt,
    Global,
    Node,
    Object,
    Unknown,
    cut,
    dotted,
    printable,
    whole_tuple,
)

_DEEPEST = 100
_FORMATS = {
    **{f"int{8 << n}": c for n, c in enumerate("bhiq")},
    **{f"uint{8 << n}": c for n, c in enumerate("BHIQ")},
    "bool": "?",
    "float16": "e",
    "float32": "f",
    "float64": "d",
}


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
        return dotted(node)
    if type(node) is Unknown:
        return f"unknown ({node.reason})"
    if type(node) is Excerpt and node.kind in ("int", "float"):
        return f"{node.kind} {printable(str(node.start)):.40}..."
    if type(node) is Excerpt:
        return f"{node.kind} {cut(repr(node.start))}"
    return cut(repr(node))


def _object_text(node: Object) -> str:
    if node.array is not None:
        shape, dtype, order, _, subclass = node.array
        name = "array" if subclass == "numpy.ndarray" else subclass
        return f"{name}, shape {shape}, dtype {dtype}{', F order' if order == 'F' else ''}"
    if node.dtype is not None:
        value = _scalar(node, node.dtype) if node.kind == "scalar" else ""
        return f"{node.kind} {node.dtype.name}{value}"
    named = node.class_of()
    return dotted(named) if type(named) is Global else "object of a computed class"


def _scalar(node: Object, dtype: Dtype) -> str:
    parts = whole_tuple(node.arguments) or [None]
    data = parts[-1]
    if type(data) is not bytes or len(data) != dtype.itemsize:
        return ""
    if dtype.name in _FORMATS:
        return f": {struct.unpack('<' + _FORMATS[dtype.name], data)[0]!r}"
    if dtype.name.startswith("<U"):
        return f": {cut(repr(data.decode('utf-32-le', 'replace')))}"
    return ""


def _size(node: Node) -> int | None:
    if type(node) is Object and node.array is not None:
        return node.array.size_bytes
    return node.size_bytes if type(node) is Excerpt else None
