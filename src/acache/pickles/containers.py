"""The unpickler that makes symbols of a pickle's containers: nothing is hashed."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

from acache.pickles.costs import Costs, deepen, measure
from acache.pickles.literals import LiteralReader
from acache.pickles.memo import Memo
from acache.pickles.nodes import FORGOTTEN, Container, LimitError, Node, Object

_MOST_HELD, _ALWAYS_HELD = 2_000_000, 100_000  # values, the latter however small the file is
_MOST_MARKS = 10_000
_HASHING = ("dict", "set", "frozenset")


class ContainerReader(LiteralReader):
    """Reads the plain values of a pickle, and its containers."""

    # ruff: noqa: D102 - what unpickles an opcode has its name
    memo: Memo
    costs: Costs
    most_items: int

    def check(self) -> None:
        """Refuse to hold too much, but for what takes as many bytes in the file."""
        self.memo.thin_out()
        held = len(self.memo) + len(self.stack) + sum(map(len, self.metastack))
        if held > min(_MOST_HELD, _ALWAYS_HELD + self.stream.raw_bytes()):
            raise LimitError(f"more than {held:,} values at once")
        if len(self.metastack) > _MOST_MARKS:
            raise LimitError("nested too deep")

    def load_memoize(self) -> None:
        self.memo.memoize(self.stack[-1])

    def load_put(self) -> None:
        self.memo.put(int(self.readline()), self.stack[-1])

    def load_binput(self) -> None:
        self.memo.put(self.read(1)[0], self.stack[-1])

    def load_long_binput(self) -> None:
        self.memo.put(int.from_bytes(self.read(4), "little"), self.stack[-1])

    def load_append(self) -> None:
        self.fill("list", [self.stack.pop()])

    def load_setitem(self) -> None:
        value = self.stack.pop()
        self.fill("dict", [self.stack.pop(), value])

    def collect(self, kind: str, items: list[Node]) -> None:
        """Push a new container."""
        self.append(Container(kind, [], 0))
        self.fill(kind, items)

    def fill(self, kind: str, items: list[Node]) -> None:
        """Put items, or a dict's keys and values, into the container at the top."""
        if kind in _HASHING:
            self.costs.hash(items[::2] if kind == "dict" else items)
        if kind == "dict" and len(items) % 2:
            raise ValueError("a key has no value")
        target = self.stack[-1]
        if type(target) is Object:
            if target.array is not None:
                raise ValueError("an array is filled")
            held = target.holds(kind)
            self._add(held, items)
            target.weight = max(target.weight, held.weight)
            deepen(target, held.depth)
            self.filled(target, items[::2] if kind == "dict" else [])
        elif type(target) is Container and target.kind == kind:
            self._add(target, items)
        elif target is FORGOTTEN:
            raise LimitError("something is filled that is among too many")
        else:
            raise ValueError(f"what should be a {kind} is none")

    def _add(self, target: Container, items: list[Node]) -> None:
        if target.sealed:
            raise LimitError(f"the {target.sealed} are changed")
        measure(target, items)
        target.add(items, self.most_items)

    def filled(self, made: Object, keys: list[Node]) -> None:
        """Note that items, or pairs with these keys, were put into what was made."""


def _empty(kind: str) -> Callable[[Any], None]:
    return lambda reader: reader.append(Container(kind, [], 0))


def _marked(kind: str) -> Callable[[Any], None]:
    return lambda reader: reader.collect(kind, reader.pop_mark())


def _filled(kind: str) -> Callable[[Any], None]:
    return lambda reader: reader.fill(kind, reader.pop_mark())


def _tuple(size: int) -> Callable[[Any], None]:
    def load(reader: ContainerReader) -> None:
        items = reader.stack[-size:]
        if len(items) < size:
            raise IndexError
        made = Container("tuple", items, size)
        measure(made, items)
        reader.stack[-size:] = [made]

    return load


CONTAINERS: dict[bytes, Callable[[Any], None]] = {
    pickle.EMPTY_TUPLE: _empty("tuple"),
    pickle.EMPTY_LIST: _empty("list"),
    pickle.EMPTY_DICT: _empty("dict"),
    pickle.EMPTY_SET: _empty("set"),
    pickle.TUPLE: _marked("tuple"),
    pickle.TUPLE1: _tuple(1),
    pickle.TUPLE2: _tuple(2),
    pickle.TUPLE3: _tuple(3),
    pickle.LIST: _marked("list"),
    pickle.DICT: _marked("dict"),
    pickle.FROZENSET: _marked("frozenset"),
    pickle.APPENDS: _filled("list"),
    pickle.SETITEMS: _filled("dict"),
    pickle.ADDITEMS: _filled("set"),
}
