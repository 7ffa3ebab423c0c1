"""Streams that joblib compressed, or did not: read forward only, in bounded memory.

The magic bytes and their order are those of ``joblib/compressor.py`` and of
``_detect_compressor`` in ``joblib/numpy_pickle_utils.py``, versions 0.17 to 1.6.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Protocol

from acache.system.errors import AcacheError

if TYPE_CHECKING:
    import zlib

MAGIC_BYTES = 5  # the longest of the magic bytes
_MAGIC = (
    (b"ZF", "compat"),  # before joblib 0.9.3
    (b"\x78", "zlib"),
    (b"\x1f\x8b", "gzip"),
    (b"BZ", "bz2"),
    (b"\x5d\x00", "lzma"),
    (b"\xfd7zXZ", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_FIRST = frozenset(magic[:1] for magic, _ in _MAGIC)
_PART = 1 << 18  # bytes: what is decompressed at once of what is only skipped
_AHEAD = 1 << 13  # bytes: what is read at once of what is not
_BLOCK = 1 << 16  # bytes: what is read at once of what is compressed
# The dictionary of xz's highest preset takes 64 MiB. A header may claim 4 GiB.
_LZMA_MEMORY = 1 << 27
# What is larger uncompressed, and so many times as large as the file, is not read to its end: an
# array of zeros takes minutes there, and a bomb days.
_MOST_BYTES, _MOST_TIMES = 1 << 34, 200
_COMPAT_LENGTH = len(hex(2**64))


class DamagedError(AcacheError):
    """Content that is not what its writer writes: one line on what, and where.

    Attributes
    ----------
    truncated : bool
        Whether nothing is wrong but that it ends too early, as if the writer was killed.
    limited : bool
        Whether it may be sound: there is too much of something to follow it in bounded memory, or
        it holds what is not known here.
    """

    def __init__(self, reason: str, *, truncated: bool = False, limited: bool = False) -> None:
        super().__init__(reason)
        self.truncated = truncated
        self.limited = limited


class MissingPackageError(AcacheError):
    """The package, or the part of Python, that decompresses this is not installed."""


class _Decompressor(Protocol):
    """What `bz2.BZ2Decompressor` and its like have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


_Tools = tuple[Callable[[], _Decompressor], tuple[type[Exception], ...]]


def detect(first_bytes: bytes) -> str | None:
    """Tell how a file is compressed, as joblib tells it.

    Parameters
    ----------
    first_bytes : bytes
        The first `MAGIC_BYTES` of the file, or more; fewer if it is shorter.

    Returns
    -------
    method : {"zlib", "gzip", "bz2", "lzma", "xz", "lz4", "compat"} or None
        None if it is not compressed; ``compat`` is zlib below a header of joblib before 0.9.3.
    """
    if first_bytes[:1] in _FIRST:
        for magic, method in _MAGIC:
            if first_bytes.startswith(magic):
                return method
    return None


def ends_in_magic(first_bytes: bytes) -> bool:
    """Return whether a file ends within the marker of its compression."""
    cut = 0 < len(first_bytes) < MAGIC_BYTES
    return cut and any(
        magic.startswith(first_bytes) and magic != first_bytes for magic, _ in _MAGIC
    )


def open_stream(file: BinaryIO, method: str | None) -> Stream:
    """Read a file from where it stands on.

    Parameters
    ----------
    file : binary file
        Stays open, and must not be moved meanwhile. Unbuffered is fine.
    method : str or None
        See `detect`.

    Raises
    ------
    DamagedError
        If a ``compat`` file has no such header.
    MissingPackageError
        If what decompresses it is not installed.
    """
    if method is not None:
        return _CompressedStream(file, method)
    return Stream(file)


class Stream:
    """Bytes that are read once, from the first to the last.

    Attributes
    ----------
    method : str or None
        See `detect`.
    """

    method: str | None = None

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._base = 0  # where the buffer begins
        self._buffer = b""
        self._at = 0  # in the buffer

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer than asked for only where the stream ends.

        Raises
        ------
        DamagedError
            If the compressed stream is damaged, or ends before its own end.
        """
        begin, end = self._at, self._at + size
        if end > len(self._buffer):
            self._fill(size)
            begin, end = self._at, min(self._at + size, len(self._buffer))
        self._at = end
        return self._buffer[begin:end]

    def read_line(self, most: int) -> bytes:
        """Return the bytes up to the next end of a line; not more than so many."""
        end = self._buffer.find(b"\n", self._at) + 1
        if not end:
            self._fill(most)
            end = self._buffer.find(b"\n", self._at) + 1 or len(self._buffer)
        return self.read(min(end - self._at, most))

    def skip(self, size: int) -> int:
        """Pass over bytes, none of which stay in memory.

        Returns
        -------
        skipped : int
            Less than the size only where the stream ends.

        Raises
        ------
        DamagedError
            See `read`.
        """
        left = size - len(self.read(min(size, len(self._buffer) - self._at)))
        if left and self._file.seekable() and self.method is None:
            # Seeking beyond the end would not fail.
            here = self._file.tell()
            there = min(here + left, self._file.seek(0, 2))
            self._base += self._file.seek(max(there, here)) - here
            return size - left + max(there - here, 0)
        while left:
            part = self._pull(min(left, _PART))
            if not part:
                break
            left -= len(part)
            self._base += len(part)
        return size - left

    def tell(self) -> int:
        """Return how many bytes were read or passed over, uncompressed."""
        return self._base + self._at

    def raw_bytes(self) -> int:
        """Return how many bytes were read before any decompression."""
        return self.tell()

    def at_end(self) -> bool:
        """Return whether nothing follows, and the compressed stream ended as it should.

        Its checksum, where it has one, was right then. What follows a compressed stream without
        being one is not read; that it is there makes this false.

        Raises
        ------
        DamagedError
            See `read`.
        """
        self._fill(1)
        return self._at == len(self._buffer)

    def _fill(self, size: int) -> None:
        """Have so many bytes in the buffer, if there are as many."""
        parts = [self._buffer[self._at :]]
        left = size - len(parts[0])
        while left > 0:
            part = self._pull(max(left, _AHEAD))
            if not part:
                break
            parts.append(part)
            left -= len(part)
        self._base += self._at
        self._at = 0
        self._buffer = b"".join(parts)

    def _pull(self, size: int) -> bytes:
        return self._file.read(size)


class _CompressedStream(Stream):
    """A compressed file, or several in a row where joblib's own classes go on reading."""

    def __init__(self, file: BinaryIO, method: str) -> None:
        super().__init__(file)
        self.method = method
        self._promised = _read_compat_header(file) if method == "compat" else None
        self._make, self._errors = _tools(method)
        self._decompressor = self._make()
        self._full = False  # the last part was as large as allowed: there may be more of it
        self._over = False
        self._followed = False
        self._raw_bytes = 0

    def raw_bytes(self) -> int:
        return self._raw_bytes

    def at_end(self) -> bool:
        ended = super().at_end()
        if ended and self._promised not in (None, self.tell()):
            raise DamagedError(f"{self.tell()} bytes, where {self._promised} were to come")
        return ended and not self._followed

    def _pull(self, size: int) -> bytes:
        if self.tell() > _MOST_BYTES and self.tell() > _MOST_TIMES * self._file.tell():
            reason = f"more than {self.tell() >> 30} GiB in a {self.method} stream"
            raise DamagedError(f"{reason} that is {_MOST_TIMES} times smaller", limited=True)
        data = b""
        while not data and not self._over:
            if self._decompressor.eof:
                data = self._next_member(size)
                continue
            block = b""
            if self._decompressor.needs_input and not self._full:
                block = self._file.read(_BLOCK)
                self._raw_bytes += len(block)
                if not block:
                    raise DamagedError(f"the {self.method} stream ends too early", truncated=True)
            data = self._decompress(block, size)
        return data

    def _next_member(self, size: int) -> bytes:
        rest = self._decompressor.unused_data or self._file.read(_BLOCK)
        if not rest:
            self._over = True
            return b""
        # joblib hangs at what follows a zlib or gzip stream: nothing of it is ever read.
        if self.method not in ("zlib", "gzip", "compat"):
            self._decompressor = self._make()
            try:
                return self._decompress(rest, size)
            except DamagedError:
                if self.method == "lz4":
                    raise
        self._over = self._followed = True  # bz2 and lzma pass over what is no stream
        return b""

    def _decompress(self, block: bytes, size: int) -> bytes:
        try:
            data = self._decompressor.decompress(block, size)
        except self._errors as error:
            raise DamagedError(f"the {self.method} stream is damaged: {error}") from None
        self._full = len(data) == size
        return data


class _ZlibDecompressor:
    """zlib with the methods of `bz2.BZ2Decompressor`."""

    def __init__(self, inner: zlib._Decompress) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _read_compat_header(file: BinaryIO) -> int:
    """Read how many bytes ``write_zfile`` in ``joblib/numpy_pickle_compat.py`` compressed."""
    header = file.read(2 + _COMPAT_LENGTH)
    try:
        length = int(header[2:], 16)
    except ValueError:
        short = len(header) < 2 + _COMPAT_LENGTH
        raise DamagedError("the header of joblib 0.9 is damaged", truncated=short) from None
    start = file.tell()
    if file.read(1) != b" ":  # joblib before 0.8.4 under Python 2 wrote one more
        file.seek(start)
    return length


def _tools(method: str) -> _Tools:
    try:
        if method == "bz2":
            from bz2 import BZ2Decompressor

            return BZ2Decompressor, (OSError, ValueError, EOFError)
        if method in ("lzma", "xz"):
            from lzma import FORMAT_AUTO, LZMADecompressor, LZMAError

            return lambda: LZMADecompressor(FORMAT_AUTO, _LZMA_MEMORY), (LZMAError, EOFError)
        if method == "lz4":
            frame = import_module("lz4.frame")
            return frame.LZ4FrameDecompressor, (RuntimeError, ValueError, MemoryError)
        from zlib import decompressobj, error

        wbits = 31 if method == "gzip" else 15
        return lambda: _ZlibDecompressor(decompressobj(wbits)), (error,)
    except ImportError as missing:
        name = "lz4" if method == "lz4" else missing.name
        raise MissingPackageError(f"{name} is not installed, which reads {method}") from None
