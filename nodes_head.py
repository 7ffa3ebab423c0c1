"""The values that a pickle holds, as far as they are kept: NumPy's arrays and types among them."""

from __future__ import annotations

from typing import Literal, NamedTuple

UNKNOWN_NAME = "?"  # stands for a part of a name that is computed
PARSER_CODE = "\ndef _parse_args("  # the start of what SciPy's distributions execute: kept whole
EXCERPT = 64  # bytes at the start of a long value
SHOWN = 60  # characters of a string or a number
LONGEST_NAME = 300  # characters of a type's or a class's name


class LimitError(ValueError):
    """A pickle that may be sound, but is more than can be read here."""


class Global(NamedTuple):
    """A class or function that the pickle names."""

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
    """The start of a str, bytes, bytearray or int that is too long to keep, and its size."""

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
    """A type of NumPy's, and the types of its fields, or of an inner array's items."""

    name: str  # as NumPy's str(dtype) has it
    field: str  # as it is written as the type of a field
    itemsize: int
    has_objects: bool
    is_whole: bool = True  # whether every field was seen
    fields: tuple[Dtype, ...] = ()
    depth: int = 1  # how deep types are nested in it
    weight: int = 1  # how many there are
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
    weight, depth : int
        How many values hashing it visits, were it a key; how deep values are nested in it.
    sealed : str or None
        `ATTRIBUTES` or `FIELDS`, if a dict became that: then nothing is put into it any more.
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
        per_item = 2 if self.kind == "dict" else 1
        room = per_item * most - len(self.items)
        if room > 0:
            self.items += items[:room] if len(items) > room else items
        self.count += len(items) // per_item

    def whole(self) -> bool:
        """Return whether all its items were kept."""
        return len(self.items) == (2 * self.count if self.kind == "dict" else self.count)


class Object:
    """What calling a class or a function makes.

    Attributes
    ----------
    target : Node
        The class or function: a `Global`, unless it is computed.
    made : {"reduce", "new", "call"}
        By REDUCE; by NEWOBJ or NEWOBJ_EX; by INST or OBJ.
    arguments, state : Node
        What it was called with; what it was given by BUILD, None if nothing.
    items, pairs : Container or None
        What was appended or added to it; what was set in it.
    kind : {"object", "array", "dtype", "scalar"}
        Whether it is one of NumPy's; then it has `dtype`, and an array `array`.
    settled : bool
        Whether it got its state: it never gets another one.
    weight, depth : int
        See `Container`; of a range its length.
    """

    __slots__ = (
        *("arguments", "array", "depth", "dtype", "items", "kind", "made", "pairs", "settled"),
        *("state", "target", "weight"),
    )
