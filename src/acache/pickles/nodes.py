"""The values that a pickle holds, as far as they are kept: NumPy's arrays and types among them."""

from __future__ import annotations

from typing import Literal, NamedTuple

UNKNOWN_NAME = "?"
EXCERPT = 64  # bytes at the start of a long value
SHOWN = 60  # characters of a string or a number
LONGEST_NAME = 300  # characters of a type's or a class's name


class LimitError(ValueError):
    """A pickle that may be sound, but is more than can be followed here."""


class Global(NamedTuple):
    """A class or function that the pickle names; `UNKNOWN_NAME` for a part that it computes."""

    module: str
    name: str


class Unknown(NamedTuple):
    """A value that cannot be told, and what it weighs; see `Container`."""

    reason: str
    weight: int = 0


RECONSTRUCTOR = Global("copyreg", "_reconstructor")
_MAKERS = (RECONSTRUCTOR, Global("copyreg", "__newobj__"), Global("copyreg", "__newobj_ex__"))


class Excerpt(NamedTuple):
    """The start of a value that is too long to keep.

    Attributes
    ----------
    kind : {"str", "bytes", "bytearray", "int"}
    start : str or bytes
    size_bytes : int or None
        As pickled: of a str in UTF-8, or escaped as protocol 0 has it. None if that was not told.
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
    """A type of NumPy's.

    Attributes
    ----------
    name : str
        As NumPy's ``str(dtype)`` has it.
    field : str
        How it is written as the type of a field.
    itemsize : int >= 0
        Bytes.
    has_objects : bool
        Whether it holds references to objects.
    is_whole : bool
        Whether every field of a structure was seen.
    fields : tuple of Dtype
        Of a structure; of an array within a structure, its items'.
    depth, weight : int > 0
        How deep types are nested in it, and how many there are.
    is_subarray : bool
        Whether it is an array within a structure.
    """

    name: str
    field: str
    itemsize: int
    has_objects: bool
    is_whole: bool = True
    fields: tuple[Dtype, ...] = ()
    depth: int = 1
    weight: int = 1
    is_subarray: bool = False


SEALED = (None, 0, 0, None)


class Container:
    """A list, tuple, dict, set or frozenset.

    Attributes
    ----------
    kind : str
    items : list of Node
        The first ones; keys and values by turns if it is a dict.
    count : int
        Of all its items, or pairs.
    depth : int
        How deep tuples are nested in a tuple; 1 of anything else.
    weight : int
        How many values hashing it visits, were it a key; see `Machine.measure`.
    nesting : int
        How deep objects are nested in what it holds; see `Object`.
    structure : (Node, int, int, Dtype or None) or None
        The names, size and flags with which it is the fields of one of NumPy's types, and that
        type. NumPy keeps that very dict: it is never filled again. `SEALED` if it is the state of
        something else, which may keep it, too.
    """

    __slots__ = ("count", "depth", "items", "kind", "nesting", "structure", "weight")

    def __init__(self, kind: str, items: list[Node], count: int) -> None:
        self.kind = kind
        self.items = items
        self.count = count
        self.depth = self.weight = 1
        self.nesting = 0
        self.structure: tuple[Node, int, int, Dtype | None] | None = None

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
        The type that it is, or the array's or scalar's.
    settled : bool
        Whether it got its state: it never gets another one.
    weight : int
        How many values it stands for when it is compared or copied: of a range, its length.
    nesting : int > 0
        How deep arrays are nested in arrays, and containers that are objects in such.
    """

    __slots__ = (
        *("arguments", "array", "dtype", "items", "kind", "made", "nesting", "pairs", "settled"),
        *("state", "target", "weight"),
    )

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
        self.settled = False
        self.weight = 0
        self.nesting = 1

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


def dotted(named: Global) -> str:
    """Show a name, which may be anything, as Python code has it."""
    return cut(printable(f"{named.module}.{named.name}"), LONGEST_NAME)


def printable(text: str) -> str:
    """Escape what a terminal might obey: a hostile pickle may hold it."""
    return text if text.isprintable() else ascii(text)[1:-1]


def cut(text: str, most: int = SHOWN) -> str:
    """Shorten a text to so many characters."""
    return text if len(text) <= most else text[: most - 3] + "..."
