"""The opcodes that carry a value: numbers, strings, bytes, and what is outside of the pickle."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from itertools import chain
from struct import Struct

from acache.pickles.machine import SHORT, Handler, Machine
from acache.pickles.nodes import EXCERPT, Excerpt, LimitError, Node, Unknown

_LONGEST_NUMBER = 5_000  # digits: Python itself reads 4,300 unless it is told to read more


def _constant(value: Node) -> Handler:
    def push(m: Machine, data: bytes, i: int) -> int:
        m.stack.append(value)
        return i

    return push


def _number(code: str, layout: str) -> Handler:
    """Push a number, and those of its kind that follow: lists of numbers are long."""
    fixed = Struct(f"{layout[0]}x{layout[1]}")
    size, first = fixed.size, ord(code)
    several = re.compile(b"(?:%b.{%d}){1,1000}" % (re.escape(code.encode()), size - 1), re.DOTALL)

    def push(m: Machine, data: bytes, i: int) -> int:
        begin = i - 1
        end = begin + size
        if data[end] != first:
            m.stack += fixed.unpack_from(data, begin)
            return end
        # The last one may reach into the zeros behind the window: that is noticed after.
        end = several.match(data, begin).end()  # type: ignore[union-attr]
        left = m.frame_end - m.base - begin
        if 0 < left < end - begin:  # a frame ends between two of them
            end = begin + max(left // size, 1) * size
        if size == 2:
            m.stack += data[i:end:2]
        else:
            m.stack += chain.from_iterable(fixed.iter_unpack(data[begin:end]))
        return end

    return push


_float = _number("G", ">d")
_ANY_FLOAT = 0.5  # equal to no integer, so that it passes for none
_NUMBERS = (8, 16)  # bytes of NumPy's numbers; dates and names of units have others


def _one_float(m: Machine, data: bytes, i: int) -> int:
    end = i + 8
    if m.contents or data[end] == ord("G"):
        return _float(m, data, i)
    m.stack.append(_ANY_FLOAT)
    m.passed_over(i, end)
    return end


def _short_bytes(m: Machine, data: bytes, i: int) -> int:
    size = data[i]
    i += 1
    end = i + size
    if m.contents or size not in _NUMBERS:
        m.stack.append(data[i:end])
    else:
        m.stack.append(Excerpt("bytes", b"", size))
        m.passed_over(i, end)
    return end


def _short_text(m: Machine, data: bytes, i: int) -> int:
    end = i + 1 + data[i]
    m.stack.append(data[i + 1 : end].decode("utf-8", "surrogatepass"))
    return end


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _ascii(data: bytes) -> str:
    return data.decode("ascii")  # strings of Python 2, as joblib decodes them


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _bytearray(data: bytes) -> Excerpt:
    return Excerpt("bytearray", data[:EXCERPT], len(data))


def _sized(
    layout: str, kind: str, value: Callable[[bytes], Node], encoding: str | None = None
) -> Handler:
    length = Struct(layout)

    def push(m: Machine, data: bytes, i: int) -> int:
        size: int = length.unpack_from(data, i)[0]
        i += length.size
        if size < 0:
            raise ValueError("a length is negative")
        if size <= SHORT:
            m.stack.append(value(data[i : i + size]))
            return i + size
        start = data[i : i + EXCERPT]
        text = "" if kind == "int" else start.decode("utf-8", "ignore") if kind == "str" else start
        m.stack.append(Excerpt(kind, text, size))
        if encoding is None:
            return i + size
        decode = codecs.getincrementaldecoder(encoding)("surrogatepass").decode
        for piece in m.pieces(data, i, size):
            decode(piece)
        decode(b"", True)
        return m.after(i + size)

    return push


def _numbered(kind: str, value: Callable[[bytes], Node]) -> Handler:
    def push(m: Machine, data: bytes, i: int) -> int:
        line, after = m.line(data, i, _LONGEST_NUMBER)
        if line is None:
            raise LimitError("a number with too many digits")
        number = value(line)
        short = kind == "float" or len(line) <= SHORT
        m.stack.append(number if short else Excerpt(kind, line[:EXCERPT].decode(), None))
        return after

    return push


def _lined(kind: str, value: Callable[[bytes], Node], encoding: str = "latin-1") -> Handler:
    def push(m: Machine, data: bytes, i: int) -> int:
        line, after = m.line(data, i)
        if line is None:
            start = data[i : i + EXCERPT].decode(encoding, "ignore")
            end = m.base + after if m.resume is None else m.resume[1]
            m.stack.append(Excerpt(kind, start, end - 1 - m.base - i))
        else:
            m.stack.append(value(line))
        return after

    return push


def _text_int(line: bytes) -> Node:
    if line in (b"00", b"01"):
        return line == b"01"
    return int(line, 0)


def _text_long(line: bytes) -> int:
    return int(line[:-1] if line.endswith(b"L") else line, 0)


def _text_string(line: bytes) -> str:
    if len(line) < 2 or line[0] != line[-1] or line[:1] not in (b"'", b'"'):
        raise ValueError("a string is not quoted")
    return _ascii(codecs.escape_decode(line[1:-1])[0])


def _text_unicode(line: bytes) -> str:
    return line.decode("raw-unicode-escape")


def _persistent(m: Machine, data: bytes, i: int) -> int:
    _, after = m.line(data, i)
    m.outside = True
    m.stack.append(Unknown("persistent id"))
    return after


def _buffer(m: Machine, data: bytes, i: int) -> int:
    m.outside = True
    m.stack.append(Unknown("buffer elsewhere"))
    return i


LITERALS: dict[str, Handler] = {
    "F": _numbered("float", float),
    "I": _numbered("int", _text_int),
    "J": _number("J", "<i"),
    "K": _number("K", "<B"),
    "L": _numbered("int", _text_long),
    "M": _number("M", "<H"),
    "N": _constant(None),
    "P": _persistent,
    "S": _lined("str", _text_string),
    "T": _sized("<i", "str", _ascii, "ascii"),
    "U": _sized("<B", "str", _ascii),
    "V": _lined("str", _text_unicode, "raw-unicode-escape"),
    "X": _sized("<I", "str", _decoded, "utf-8"),
    "G": _one_float,
    "B": _sized("<I", "bytes", bytes),
    "C": _short_bytes,
    "\x88": _constant(True),
    "\x89": _constant(False),
    "\x8a": _sized("<B", "int", _integer),
    "\x8b": _sized("<i", "int", _integer),
    "\x8c": _short_text,
    "\x8d": _sized("<Q", "str", _decoded, "utf-8"),
    "\x8e": _sized("<Q", "bytes", bytes),
    "\x96": _sized("<Q", "bytearray", _bytearray),
    "\x97": _buffer,
}
