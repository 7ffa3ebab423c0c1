"""The values that a pickle holds, as far as they are kept: NumPy's arrays and types among them."""

from __future__ import annotations

from typing import Literal, NamedTuple

UNKNOWN_NAME = "?"
PARSER_CODE = "\ndef _parse_args("  # the start of what SciPy's distributions execute: kept whole
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
    """A value that is not in the pickle, or was dropped."""

    reason: str


FORGOTTEN = Unknown("among too many")
LIGHT = 100  # the most that anything dropped weighs, and the deepest that it is nested


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


ATTRIBUTES, FIELDS = "attributes of an object", "fields of a type"


class Container:
    """A list, tuple, dict, set or frozenset.

    Attributes
    ----------
    kind : str
    items : list of Node
        The first ones; keys and values by turns if it is a dict.
    count : int
        Of all its items, or pairs.
    weight : int
        How many values hashing it visits, were it a key.
    depth : int
        How deep containers and objects are nested in it.
    sealed : {None, "attributes of an object", "fields of a type"}
        What a dict is by now: nothing is put into it any more.
    """

    __slots__ = ("count", "depth", "items", "kind", "sealed", "weight")

    def __init__(self, kind: str, items: list[Node], count: int) -> None:
        self.kind = kind
        self.items = items
        self.count = count
        self.weight = self.depth = 1
        self.sealed: str | None = None

    def add(self, items: list[Node], most: int) -> None:
        """Take up items, or keys and values by turns, and keep of them what still has room."""
        is_dict = self.kind == "dict"
        room = (2 * most if is_dict else most) - len(self.items)
        if room > 0:
            self.items += items[:room] if len(items) > room else items
        self.count += len(items) // 2 if is_dict else len(items)

    def whole(self) -> bool:
        """Return whether all its items were kept."""
        return len(self.items) == (2 * self.count if self.kind == "dict" else self.count)


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
    depth : int
        See `Container`.
    """

    __slots__ = (
        *("arguments", "array", "depth", "dtype", "items", "kind", "made", "pairs", "settled"),
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
        self.depth = 1

    def class_of(self) -> Node:
        """Return its class, or the function that made it: a `Global`, unless it is computed."""
        if self.made == "reduce" and self.target in _MAKERS:
            return (whole_tuple(self.arguments) or [None])[0]
        return self.target

    def holds(self, kind: str) -> Container:
        """Return what takes up its items, or the pairs if the kind is dict."""
        if kind == "dict":
            self.pairs = self.pairs or Container("dict", [], 0)
            return self.pairs
        self.items = self.items or Container("list", [], 0)
        return self.items


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
