"""What is dropped so that a pickle of any size takes little memory, and what never is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from acache.pickles.nodes import Container, Global, Node, Object

_FEW = 5  # values in what is worked on, which are never dropped: an Object has five
ALIGNMENT = "numpy_array_alignment_bytes"
# Strings that are remembered however many there are: what tells of an array is made of them.
_WORDS = frozenset("CF<>=|") | {
    *("subclass", "shape", "order", "dtype", "allow_mmap", ALIGNMENT, "latin1"),
    *("numpy", "ndarray", "joblib.numpy_pickle", "NumpyArrayWrapper"),
}


def is_needed(value: Node) -> bool:
    """Tell whether what follows may be misread once a value is forgotten."""
    return (
        type(value) is Global
        or (type(value) is Object and value.kind == "dtype")
        or (type(value) is str and value in _WORDS)
    )


def is_short(value: Node) -> bool:
    """Tell whether a value takes little room: a string, a type, or a tuple of a few numbers."""
    if type(value) is Object:
        return value.kind == "dtype"
    return type(value) in (str, bytes) or (
        type(value) is Container
        and value.kind == "tuple"
        and len(value.items) <= _FEW
        and all(type(item) in (int, str, float, type(None)) for item in value.items)
    )


Tree = Container | Object


def trees(nodes: Iterable[Node]) -> list[Tree]:
    """Pick the nodes that hold others."""
    return [n for n in nodes if (type(n) is Container and n.items) or type(n) is Object]


def thin_out(roots: Iterator[Tree], most: int) -> bool:
    """Drop what the roots hold beyond so many values; each has half of what those before left."""
    seen: set[int] = set()
    left, dropped = most, False
    waiting: deque[Tree] = deque()
    for root in roots:
        share = left // 2
        waiting.append(root)
        while waiting:
            node = waiting.popleft()
            if id(node) in seen:
                continue
            seen.add(id(node))
            children = node.children()
            if len(children) > share and not (node is root and len(children) <= _FEW):
                node.strip()
                dropped = True
                continue
            share -= len(children)
            left -= len(children)
            waiting += trees(children)
    return dropped
