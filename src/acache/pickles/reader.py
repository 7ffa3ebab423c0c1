"""The unpickler that makes symbols of all that a pickle names, calls and fills: nothing runs."""

from __future__ import annotations

from typing import Protocol

from acache.pickles.arrays import (
    MASKED_MAKER,
    STATEFUL,
    WRAPPERS,
    called,
    wrapped_array,
)
from acache.pickles.compression import Stream
from acache.pickles.containers import CONTAINERS, ContainerReader
from acache.pickles.costs import Costs, deepen, depth_of, measure
from acache.pickles.literals import LiteralReader
from acache.pickles.memo import Memo
from acache.pickles.nodes import (
    ATTRIBUTES,
    FIELDS,
    FORGOTTEN,
    UNKNOWN_NAME,
    ArrayInfo,
    Container,
    Excerpt,
    Global,
    LimitError,
    Node,
    Object,
    Unknown,
    whole_tuple,
)

_MOST_ARRAYS = 1_000
_MOST_NAMES = 5_000
_LONGEST_NAME = 256


class Watcher(Protocol):
    """Is called, as a pickle is followed, for all that loading it would look up and call.

    What it was called for before an error is what loading would have done until there.
    """

    def named(self, named: Global, /) -> None:
        """Take note of a class or function that is looked up; of each once."""

    def made(self, made: Object, /) -> None:
        """Take note of a call; of none that makes a plain value which is known."""

    def built(self, made: Object, named: Global, /) -> None:
        """Take note of a state that was set on what a class or function made."""

    def filled(self, made: Object, keys: list[Node], /) -> None:
        """Take note of items, or of pairs with these keys, that were put into what was made."""


class Reader(ContainerReader):
    """Reads a pickle of joblib's.

    Parameters
    ----------
    stream : Stream
    most_items : int
        How many items of each container to keep.
    watcher : Watcher or None
    contents : bool
        Whether to keep floats and short bytes.
    outer : Reader, optional
        Of the pickle in which this one is the items of an array.
    """

    # ruff: noqa: D102 - what unpickles an opcode has its name

    def __init__(
        self,
        stream: Stream,
        *,
        most_items: int,
        watcher: Watcher | None,
        contents: bool,
        outer: Reader | None = None,
    ) -> None:
        super().__init__(stream, contents=contents)
        self.memo = Memo()
        self.most_items = most_items
        self.outside = False  # whether it refers to what is not in it
        self._watcher = watcher
        self._outer = outer
        self.costs: Costs = outer.costs if outer else Costs(stream.tell)
        self.names: dict[Global, Global] = outer.names if outer else {}
        self.arrays: list[ArrayInfo] = outer.arrays if outer else []
        self.passed = outer.passed if outer else []

    def load(self) -> Node:
        """Follow the pickle to its end, and return its value."""
        value: Node = super().load()
        if self.in_frame():
            raise ValueError("ends within a frame")
        return value

    def find_class(self, module: str, name: str) -> Global:
        if max(len(module), len(name)) > _LONGEST_NAME:
            raise ValueError("a name is too long")
        named = Global(module, name)
        old = self.proto < 3
        # Whether a name in an array of objects is one of Python 2 is decided by that array's own
        # pickle up to joblib 1.5, by the pickle around it since then.
        if self._outer is not None and (self._outer.proto < 3) != old:
            if self._recorded(named) != self._recorded(_renamed(named)):
                raise LimitError("a name that joblib's versions read as another")
            return named
        return self._recorded(_renamed(named) if old else named)

    def _recorded(self, named: Global) -> Global:
        if named not in self.names:
            if len(self.names) >= _MOST_NAMES:
                raise LimitError(f"it names more than {_MOST_NAMES} classes and functions")
            self.names[named] = named
            if self._watcher is not None:
                self._watcher.named(named)
        return self.names[named]

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.append(self.find_class(_name_part(module), _name_part(name)))

    def get_extension(self, code: int) -> None:
        if code <= 0:
            raise ValueError("an extension has no such code")
        self.append(self._recorded(Global("copyreg", f"extension {code}")))

    def persistent_load(self, pid: object) -> Node:
        self.outside = True
        return Unknown("persistent id")

    def load_next_buffer(self) -> None:
        self.outside = True
        self.append(Unknown("buffer elsewhere"))

    def load_readonly_buffer(self) -> None:
        if type(self.stack[-1]) not in (bytes, Excerpt, Unknown):
            raise ValueError("what is made read-only is no buffer")

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        calling = Object(_callable(self.stack[-1]), "reduce", arguments)
        made = self.stack[-1] = called(calling)
        if type(made) is Object:
            self._made(made)
        self.costs.copy(arguments)

    def load_newobj(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = made = Object(_callable(self.stack[-1]), "new", arguments)
        self._made(made)

    def load_newobj_ex(self) -> None:
        named, arguments = self.stack.pop(), self.stack.pop()
        if type(named) is not Container or named.count:
            arguments = Container("tuple", [arguments, named], 2)
        self.stack[-1] = made = Object(_callable(self.stack[-1]), "new", arguments)
        self._made(made)

    def _instantiate(self, target: Node, items: list[Node]) -> None:
        arguments = Container("tuple", [], 0)
        measure(arguments, items)
        arguments.add(items, self.most_items)
        made = Object(_callable(target), "call", arguments)
        self.append(made)
        self._made(made)

    def _made(self, made: Object) -> None:
        arguments = made.arguments
        if type(arguments) is Container and made.weight == 0:
            made.weight = arguments.weight - arguments.count
        deepen(made, depth_of(arguments))
        if made.array is not None:
            self._found(made.array)
        if self._watcher is not None:
            self._watcher.made(made)

    def filled(self, made: Object, keys: list[Node]) -> None:
        if self._watcher is not None:
            self._watcher.filled(made, keys)

    def load_build(self) -> None:
        state = self.stack.pop()
        made = self.stack[-1]
        named = made.class_of() if type(made) is Object and made.kind != "scalar" else None
        if made is FORGOTTEN:
            raise LimitError("something gets a state that is among too many")
        # What may be a wrapper, nobody knows, decides on where the next opcode is.
        if type(made) is not Object or type(named) is not Global or UNKNOWN_NAME in named:
            raise ValueError("a state is set on what is no known object")
        # What was made of the first state would not be what the second one says.
        if made.settled:
            raise ValueError("a state is set twice")
        made.settled = True
        if named in WRAPPERS and self._outer is None and self.stream.method != "compat":
            self.stack[-1] = self._read_array(made, state)
            return
        made.state = state
        self.costs.copy(state)
        deepen(made, depth_of(state))
        if named in STATEFUL:
            STATEFUL[named](made)
            self._allocate(made, twice=named == MASKED_MAKER)
        else:
            _seal(state)
        if self._watcher is not None:
            self._watcher.built(made, named)

    def _allocate(self, made: Object, *, twice: bool) -> None:
        """Count what NumPy makes that takes more memory than its pickle."""
        if made.array is not None:
            self._found(made.array)
            if made.items is not None:
                self.costs.add(made.array.size_bytes // 64)
        if made.dtype is not None:
            if twice:  # what a masked array is filled with
                self.costs.add(made.dtype.itemsize // 32)
            if made.kind == "dtype":
                self.costs.add(len(made.dtype.fields))

    def _found(self, array: ArrayInfo) -> None:
        if len(self.arrays) < _MOST_ARRAYS:
            self.arrays.append(array)

    def _read_array(self, wrapper: Object, state: Node) -> Object:
        """Return the array behind its wrapper, as ``NumpyArrayWrapper.read_array`` does."""
        array, is_aligned = wrapped_array(wrapper, state)
        if self.in_frame():
            raise ValueError("an array is in a frame")  # joblib would read on behind the frame
        if array.dtype is not None and array.dtype.has_objects:
            return self._read_objects(array)
        if array.array is not None:
            self._found(array.array)
            if is_aligned:  # since joblib 1.2
                self._file_read(int.from_bytes(self._file_read(1), "little"))
            self.pass_over(array.array.size_bytes)
        return array

    def _read_objects(self, array: Object) -> Object:
        """Return an array of objects, which are a pickle of their own."""
        inner = Reader(
            self.stream,
            most_items=self.most_items,
            watcher=self._watcher,
            contents=self.contents,
            outer=self,
        )
        try:
            value = inner.load()
        finally:
            self.short, self.outside = inner.short, self.outside or inner.outside
        if type(value) is not Object or value.array is None:
            raise ValueError("the items of an array are no array")
        array.array, array.items, array.depth = value.array, value.items, value.depth
        return array


Reader.dispatch = {
    **{code: getattr(Reader, load.__name__) for code, load in LiteralReader.dispatch.items()},
    **{code[0]: load for code, load in CONTAINERS.items()},
}


def _name_part(node: Node) -> str:
    if isinstance(node, (Excerpt, Unknown, Object)):
        return UNKNOWN_NAME
    if type(node) is not str:
        raise ValueError("a name is no string")
    return node


def _callable(node: Node) -> Node:
    if not isinstance(node, (Global, Unknown, Object)):
        raise ValueError("what is called is neither class nor function")
    return node


def _seal(state: Node) -> None:
    """Let nothing change a dict any more that may be the attributes of an object by now."""
    for one in (state, *(whole_tuple(state) or ())):
        if type(one) is Container and one.kind == "dict":
            if one.sealed == FIELDS:
                raise LimitError("the fields of a type are the attributes of an object")
            one.sealed = ATTRIBUTES


def _renamed(named: Global) -> Global:
    """Translate a name of Python 2, as unpickling protocols 0 to 2 does."""
    from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING

    if named in NAME_MAPPING:
        return Global(*NAME_MAPPING[named])
    return Global(IMPORT_MAPPING.get(named.module, named.module), named.name)
