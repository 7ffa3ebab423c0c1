"""The standard library's unpickler, but that it keeps only the start of a long value.

joblib's unpickler is a subclass of it, too: so both read the same bytes as the same opcodes.
"""

from __future__ import annotations

import codecs
import io
import pickle
from collections.abc import Callable
from struct import unpack
from typing import Any, ClassVar

from acache.pickles.compression import DamagedError, Stream
from acache.pickles.nodes import EXCERPT, PARSER_CODE, Excerpt, LimitError, Node

_SHORT = 256  # bytes: what is longer is not kept
_LONGEST_CODE = 2_048
_PIECE = 1 << 16
_LONGEST_FRAME = 140_000  # bytes: pickle ends a frame after 64 KiB, and one value of as many more
_MOST_PASSED = 1_000
_ANY_FLOAT = 0.5  # equal to no integer
_NUMBERS = (8, 16)  # bytes of NumPy's numbers; dates and names of units have others


class PickleError(DamagedError):
    """A pickle that cannot be followed: what is wrong, and at which byte, uncompressed."""


class LiteralReader(pickle._Unpickler):
    """Reads the plain values of a pickle.

    Attributes
    ----------
    short : bool
        Whether the stream ended before what was to be read.
    passed : list of (int, int)
        Where bytes begin and end that nothing depends on.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]]
    stack: list[Any]
    metastack: list[list[Any]]
    memo: dict[int, Any]
    append: Callable[[Node], None]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    pop_mark: Callable[[], list[Any]]
    proto: int
    _unframer: Any

    # ruff: noqa: D102 - what unpickles an opcode has its name

    def __init__(self, stream: Stream, *, contents: bool) -> None:
        super().__init__(io.BytesIO())
        self._file_read, self._file_readline = self._read, self._read_line
        self.stream = stream
        self.contents = contents
        self.short = False
        self.passed: list[tuple[int, int]] = []
        self._checked = 0

    def _read(self, size: int) -> bytes:
        data = self.stream.read(size)
        self.short = self.short or len(data) < size
        if self.stream.tell() > self._checked + _PIECE:
            self._checked = self.stream.tell()
            self.check()
        return data

    def _read_line(self) -> bytes:
        line = self.stream.read_line(_PIECE)
        if line[-1:] != b"\n":
            if len(line) == _PIECE:
                raise LimitError("a line is too long")
            self.short = True
            raise EOFError  # it would be taken for a whole one, but for its last byte
        return line

    def check(self) -> None:
        """Refuse to follow what takes too much memory; called now and then."""

    def in_frame(self) -> int:
        """Return how many bytes of the current frame are left."""
        frame = self._unframer.current_frame
        return len(frame.getbuffer()) - frame.tell() if frame else 0

    def position(self) -> int:
        """Return how many bytes were read."""
        return self.stream.tell() - self.in_frame()

    def pass_over(self, size: int) -> None:
        """Skip bytes that nothing depends on."""
        begin = self.position()
        if self.in_frame():
            self.read(size)
        else:
            self.short = self.stream.skip(size) < size
        if len(self.passed) < _MOST_PASSED:
            self.passed.append((begin, begin + size))

    def load_frame(self) -> None:
        (size,) = unpack("<Q", self.read(8))
        if size > _LONGEST_FRAME:
            raise LimitError("a frame is longer than pickle writes any")
        self._unframer.load_frame(size)

    def load_binfloat(self) -> None:
        if self.contents:
            self.append(unpack(">d", self.read(8))[0])
        else:
            self.pass_over(8)
            self.append(_ANY_FLOAT)

    def load_short_binbytes(self) -> None:
        (size,) = self.read(1)
        if self.contents or size not in _NUMBERS:
            self.append(self.read(size))
        else:
            self.pass_over(size)
            self.append(Excerpt("bytes", b"", size))

    def load_unicode(self) -> None:
        size = 0
        line = part = self.readline() if self.in_frame() else self.stream.read_line(_PIECE)
        while part and part[-1:] != b"\n":
            part = self.stream.read_line(_PIECE)
            size += len(part)
        self.short = self.short or not part
        if not size and len(line) <= _SHORT:
            self.append(str(line[:-1], "raw-unicode-escape"))
        else:
            start = str(line[:EXCERPT], "raw-unicode-escape", "ignore")
            self.append(Excerpt("str", start, size + len(line) - 1))

    def load_string(self) -> None:
        super().load_string()  # type: ignore[misc]
        if len(self.stack[-1]) > _SHORT:
            self.stack[-1] = Excerpt("str", self.stack[-1][:EXCERPT], None)

    def load_long(self) -> None:
        super().load_long()  # type: ignore[misc]
        self._shorten()

    def load_int(self) -> None:
        super().load_int()  # type: ignore[misc]
        self._shorten()

    def _shorten(self) -> None:
        number = self.stack[-1]
        if number.bit_length() > 8 * _SHORT:
            self.stack[-1] = Excerpt("int", str(number)[:EXCERPT], number.bit_length() // 8)

    def load_binbytes(self) -> None:
        self._sized("bytes", unpack("<I", self.read(4))[0])

    def load_binbytes8(self) -> None:
        self._sized("bytes", unpack("<Q", self.read(8))[0])

    def load_bytearray8(self) -> None:
        (size,) = unpack("<Q", self.read(8))
        start = self._start(size)
        self.append(Excerpt("bytearray", start[:EXCERPT], size))

    def load_binunicode(self) -> None:
        self._sized("str", unpack("<I", self.read(4))[0], "utf-8", "surrogatepass")

    def load_binunicode8(self) -> None:
        self._sized("str", unpack("<Q", self.read(8))[0], "utf-8", "surrogatepass")

    def load_binstring(self) -> None:
        (size,) = unpack("<i", self.read(4))
        if size < 0:
            raise ValueError("BINSTRING pickle has negative byte count")
        self._sized("str", size, "ascii")  # as joblib decodes strings of Python 2

    def load_long4(self) -> None:
        (size,) = unpack("<i", self.read(4))
        if size < 0:
            raise ValueError("LONG pickle has negative byte count")
        start = self._start(size)
        if size <= _SHORT:
            self.append(int.from_bytes(start, "little", signed=True))
        else:
            self.append(Excerpt("int", "", size))

    def _start(self, size: int, decode: Callable[[bytes], object] = len) -> bytes:
        """Read a value to its end, and return its start."""
        if size <= _PIECE or self.in_frame():
            if size > _LONGEST_FRAME:
                raise ValueError("a value is longer than its frame")
            data = self.read(size)
            decode(data)
            return data
        start = data = self._read(_PIECE)
        decode(data)
        left = size - _PIECE
        while left and not self.short:
            data = self._read(min(left, _PIECE))
            decode(data)
            left -= len(data)
        return start

    def _sized(self, kind: str, size: int, encoding: str = "", errors: str = "strict") -> None:
        if size <= _SHORT:
            data = self.read(size)
            self.append(data.decode(encoding, errors) if encoding else data)
        elif not encoding:
            self.append(Excerpt(kind, self._start(size)[:EXCERPT], size))
        else:
            decoder = codecs.getincrementaldecoder(encoding)(errors)
            start = self._start(size, decoder.decode)
            decoder.decode(b"", True)
            if size <= _LONGEST_CODE and start.startswith(PARSER_CODE.encode()):
                self.append(start.decode(encoding, errors))
            else:
                self.append(Excerpt(kind, start[:EXCERPT].decode(encoding, "ignore"), size))
