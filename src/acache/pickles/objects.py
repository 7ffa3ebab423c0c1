"""The opcodes that name classes and functions, call them, and set the state of what they made."""

from __future__ import annotations

from acache.pickles.arrays import (
    COPYING,
    MASKED_MAKER,
    STATEFUL,
    WRAPPERS,
    called,
    created,
    read_array,
)
from acache.pickles.machine import Handler, Machine
from acache.pickles.nodes import (
    SEALED,
    UNKNOWN_NAME,
    Container,
    Excerpt,
    Global,
    LimitError,
    Node,
    Object,
    Unknown,
    whole_tuple,
)


def _extension(size: int) -> Handler:
    def push(m: Machine, data: bytes, i: int) -> int:
        code = int.from_bytes(data[i : i + size], "little")
        if not 0 < code < 2**31:
            raise ValueError("an extension has no such code")
        m.stack.append(m.name("copyreg", f"extension {code}"))
        return i + size

    return push


def _two_lines(m: Machine, data: bytes, i: int) -> tuple[Global, int]:
    module, i = m.line(data, i)
    name, i = m.line(data, i) if module is not None else (None, i)
    if module is None or name is None:
        raise ValueError("a name is too long")
    return m.name(module.decode(), name.decode()), i


def _global(m: Machine, data: bytes, i: int) -> int:
    named, i = _two_lines(m, data, i)
    m.stack.append(named)
    return i


def _stack_global(m: Machine, data: bytes, i: int) -> int:
    name, module = m.stack.pop(), m.stack.pop()
    m.pin(module, name)
    m.stack.append(m.name(_part(module), _part(name)))
    return i


def _part(node: Node) -> str:
    if isinstance(node, (Excerpt, Unknown, Object)):
        return UNKNOWN_NAME
    if type(node) is not str:
        raise ValueError("a name is no string")
    return node


def _callable(node: Node) -> Node:
    if not isinstance(node, (Global, Unknown, Object)):
        raise ValueError("what is called is neither class nor function")
    return node


def _reduce(m: Machine, data: bytes, i: int) -> int:
    arguments = m.stack.pop()
    target = _callable(m.stack[-1])
    if target in COPYING:
        m.copied(arguments)
    calling = Object(target, "reduce", arguments)
    calling.weight = sum(map(m.weight, whole_tuple(arguments) or ()))
    made = m.stack[-1] = called(calling)
    if type(made) is Container and made.kind == "tuple":
        m.measure(made, made.items)
    if type(made) is Object:
        if made.array is not None:
            m.found(made.array)
        if m.watcher is not None:
            m.watcher.made(made)
    return i


def _new(m: Machine, data: bytes, i: int) -> int:
    arguments = m.stack.pop()
    made = m.stack[-1] = created(_callable(m.stack[-1]), arguments)
    if isinstance(made, Container):
        m.measure(made, made.items)
    elif m.watcher is not None:
        m.watcher.made(made)
    return i


def _new_ex(m: Machine, data: bytes, i: int) -> int:
    named, arguments = m.stack.pop(), m.stack.pop()
    made = Object(_callable(m.stack[-1]), "new", arguments)
    if type(named) is not Container or named.count:
        made.arguments = Container("tuple", [arguments, named], 2)
    m.stack[-1] = made
    if m.watcher is not None:
        m.watcher.made(made)
    return i


def _called_with(m: Machine, target: Node, items: list[Node], count: int) -> None:
    arguments = Container("tuple", items[: m.most_items], count)
    made = Object(_callable(target), "call", arguments)
    m.stack.append(made)
    if m.watcher is not None:
        m.watcher.made(made)


def _inst(m: Machine, data: bytes, i: int) -> int:
    named, i = _two_lines(m, data, i)
    _called_with(m, named, *m.pop_mark())
    return i


def _obj(m: Machine, data: bytes, i: int) -> int:
    items, count = m.pop_mark()
    _called_with(m, items[0], items[1:], count - 1)
    return i


def _build(m: Machine, data: bytes, i: int) -> int:
    state = m.stack.pop()
    made = m.stack[-1]
    named = made.class_of() if type(made) is Object and made.kind != "scalar" else None
    # What may be a wrapper, nobody knows, decides on where the next opcode is.
    if type(made) is not Object or type(named) is not Global or UNKNOWN_NAME in named:
        raise ValueError("a state is set on what is no known object")
    # What was made of the first state would not be what the second one says.
    if made.settled:
        raise ValueError("a state is set twice")
    made.settled = True
    if named in WRAPPERS and not m.outer and m.stream.method != "compat":
        return read_array(m, made, state, data, i)
    made.state = state
    m.copied(state)
    settle = STATEFUL.get(named)
    if settle is not None:
        settle(made)
        if made.array is not None:
            m.found(made.array)
            m.nested(made.nesting)
            if made.items is not None:
                m.allocated(made.array.size_bytes)
            if named == MASKED_MAKER and made.dtype is not None:
                m.allocated(2 * made.dtype.itemsize)  # what is filled in, twice
    else:
        _seal(state)
    if m.watcher is not None:
        m.watcher.built(made, named)
    return i


def _seal(state: Node) -> None:
    """Let nothing change a dict any more that may be the attributes of something by now."""
    for one in (state, *(whole_tuple(state) or ())):
        if type(one) is Container and one.kind == "dict":
            if one.structure not in (None, SEALED):
                raise LimitError("the fields of a type are the state of something")
            one.structure = SEALED


def _persistent(m: Machine, data: bytes, i: int) -> int:
    m.outside = True
    m.stack[-1] = Unknown("persistent id")
    return i


OBJECTS: dict[str, Handler] = {
    "Q": _persistent,
    "R": _reduce,
    "b": _build,
    "c": _global,
    "i": _inst,
    "o": _obj,
    "\x81": _new,
    "\x82": _extension(1),
    "\x83": _extension(2),
    "\x84": _extension(4),
    "\x92": _new_ex,
    "\x93": _stack_global,
}
