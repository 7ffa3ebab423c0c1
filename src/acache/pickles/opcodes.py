"""The opcodes that arrange what others made, the table of all of them, and the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from acache.pickles.literals import LITERALS
from acache.pickles.machine import (
    FAR,
    MOST_MEMO,
    SHORT,
    Handler,
    Machine,
    PickleError,
)
from acache.pickles.nodes import Container, Excerpt, LimitError, Unknown
from acache.pickles.objects import OBJECTS

_FAR_INDEX = 1 << 20


def _unknown_opcode(m: Machine, data: bytes, i: int) -> int:
    raise ValueError(f"{data[i - 1]:#04x} is no opcode")


def _empty(kind: str) -> Handler:
    def push(m: Machine, data: bytes, i: int) -> int:
        m.stack.append(Container(kind, [], 0))
        return i

    return push


def _proto(m: Machine, data: bytes, i: int) -> int:
    m.protocol = data[i]
    if m.protocol > 5:
        raise ValueError(f"protocol {m.protocol} is not known")
    if not m.outer:
        m.first_protocol = max(m.protocol, m.first_protocol)
    return i + 1


def _frame(m: Machine, data: bytes, i: int) -> int:
    if m.base + i < m.frame_end:
        raise ValueError("a frame begins within another")
    begin = m.base + i + 8
    m.frame_end = begin + int.from_bytes(data[i : i + 8], "little")
    m.turn = i + 8
    return FAR


def _stop(m: Machine, data: bytes, i: int) -> int:
    value = m.stack.pop()
    if m.base + i < m.frame_end:
        raise ValueError("ends within a frame")
    if m.outer:
        m.leave(value)
        return i
    m.value, m.stopped = value, i
    return FAR


def _mark(m: Machine, data: bytes, i: int) -> int:
    m.marks.append(m.stack)
    m.stack = []
    return i


def _pop(m: Machine, data: bytes, i: int) -> int:
    if m.stack or len(m.marks) in m.heads:
        m.stack.pop()
    else:
        m.pop_mark()
    return i


def _pop_mark(m: Machine, data: bytes, i: int) -> int:
    m.pop_mark()
    return i


def _dup(m: Machine, data: bytes, i: int) -> int:
    m.stack.append(m.stack[-1])
    return i


def _collected(kind: str) -> Handler:
    def collect(m: Machine, data: bytes, i: int) -> int:
        items, count = m.pop_mark()
        m.stack.append(Container(kind, [], 0))
        m.take_up(kind, items, count)
        return i

    return collect


def _tuple(size: int) -> Handler:
    def collect(m: Machine, data: bytes, i: int) -> int:
        stack = m.stack
        items = stack[-size:]
        if len(items) < size:
            raise IndexError
        stack[-size:] = [made := Container("tuple", items, size)]
        m.measure(made, items)
        return i

    return collect


def _extended(kind: str) -> Handler:
    def extend(m: Machine, data: bytes, i: int) -> int:
        m.take_up(kind, *m.pop_mark())
        return i

    return extend


def _append(m: Machine, data: bytes, i: int) -> int:
    m.take_up("list", [m.stack.pop()], 1)
    return i


def _set_item(m: Machine, data: bytes, i: int) -> int:
    value = m.stack.pop()
    m.take_up("dict", [m.stack.pop(), value], 2)
    return i


def _memoize(m: Machine, data: bytes, i: int) -> int:
    memo = m.memo
    size = len(memo)
    if size < MOST_MEMO:
        memo[size] = m.stack[-1]
    else:
        m.remember(None)
    return i


def _put(m: Machine, key: int) -> None:
    if key < 0:
        raise ValueError("an index is negative")
    if key > max(_FAR_INDEX, 2 * (len(m.memo) + m.forgotten)):
        raise LimitError("a memo too large to follow")  # in C it is an array
    if len(m.memo) < MOST_MEMO:
        m.memo[key] = m.stack[-1]
    else:
        m.remember(key)


def _indexed(size: int, do: Callable[[Machine, int], None]) -> Handler:
    def handle(m: Machine, data: bytes, i: int) -> int:
        do(m, int.from_bytes(data[i : i + size], "little"))
        return i + size

    return handle


def _line_indexed(do: Callable[[Machine, int], None]) -> Handler:
    def handle(m: Machine, data: bytes, i: int) -> int:
        line, after = m.line(data, i)
        if line is None:
            raise ValueError("an index is too long")
        do(m, int(line))
        return after

    return handle


def _read_only(m: Machine, data: bytes, i: int) -> int:
    if type(m.stack[-1]) not in (bytes, Excerpt, Unknown):
        raise ValueError("what is made read-only is no buffer")
    return i


_BY_CODE: dict[str, Handler] = {
    **LITERALS,
    **OBJECTS,
    "(": _mark,
    ".": _stop,
    "0": _pop,
    "1": _pop_mark,
    "2": _dup,
    "a": _append,
    "d": _collected("dict"),
    "}": _empty("dict"),
    "e": _extended("list"),
    "g": _line_indexed(Machine.recall),
    "h": _indexed(1, Machine.recall),
    "j": _indexed(4, Machine.recall),
    "l": _collected("list"),
    "]": _empty("list"),
    "p": _line_indexed(_put),
    "q": _indexed(1, _put),
    "r": _indexed(4, _put),
    "s": _set_item,
    "t": _collected("tuple"),
    ")": _empty("tuple"),
    "u": _extended("dict"),
    "\x80": _proto,
    "\x85": _tuple(1),
    "\x86": _tuple(2),
    "\x87": _tuple(3),
    "\x8f": _empty("set"),
    "\x90": _extended("set"),
    "\x91": _collected("frozenset"),
    "\x94": _memoize,
    "\x95": _frame,
    "\x98": _read_only,
}
_HANDLERS = [_BY_CODE.get(chr(code), _unknown_opcode) for code in range(256)]

# Opcodes that may be refused for an argument that the end of the file cut: its bytes, and whether
# it says how many more follow.
_ARGUMENTS = {
    **dict.fromkeys("h\x82", (1, False)),
    "\x8c": (1, True),
    "\x83": (2, False),
    **dict.fromkeys("j\x84", (4, False)),
    "X": (4, True),
    "\x95": (8, False),
    "\x8d": (8, True),
}


def run(m: Machine) -> None:
    """Follow the pickle to its end."""
    data, i, table = b"", 0, _HANDLERS
    try:
        while m.stopped < 0:
            data, i, fence = m.next_window(data, i)
            while i < fence:
                i = table[data[i]](m, data, i + 1)
    except LimitError as error:
        _refuse(m, data, i, str(error), limited=True)
    except IndexError:
        _refuse(m, data, i, "an opcode lacks what it works on")
    except ValueError as error:
        _refuse(m, data, i, str(error)[:SHORT])


def _refuse(m: Machine, data: bytes, i: int, reason: str, *, limited: bool = False) -> NoReturn:
    if _ends_inside(data, i, m.end):
        raise m.ended(m.end) from None
    what = "cannot be followed" if limited else "damaged"
    raise PickleError(f"{what} at byte {m.base + i}: {reason}", limited=limited) from None


def _ends_inside(data: bytes, i: int, end: int) -> bool:
    if not 0 <= i < end:
        return False
    size, counts = _ARGUMENTS.get(chr(data[i]), (0, False))
    after = i + 1 + size
    return after + (int.from_bytes(data[i + 1 : after], "little") if counts else 0) > end
