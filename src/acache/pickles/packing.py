"""Compressing a stream as joblib compresses it, from whatever form it has.

joblib writes the same bytes with and without compression, and compresses them as one stream, by the
classes in ``joblib/compressor.py``. Arrays are aligned, and can be mapped, once it is unpacked.
"""

from __future__ import annotations

from importlib import import_module
from typing import BinaryIO, Literal, NamedTuple, Protocol

from acache.pickles.compression import (
    MAGIC_BYTES,
    DamagedError,
    MissingPackageError,
    detect,
    open_stream,
)

Method = Literal["zlib", "gzip", "bz2", "lzma", "xz", "lz4", "none"]
METHODS: tuple[Method, ...] = ("zlib", "gzip", "bz2", "lzma", "xz", "lz4", "none")
Result = Literal["packed", "same", "not-smaller"]

_PART = 1 << 20  # bytes: what is held in memory at once
# joblib's defaults; lzma and xz choose theirs themselves.
_ZLIB_LEVEL, _BZ2_LEVEL, _LZ4_LEVEL = 3, 9, 0


class Packed(NamedTuple):
    """What became of a result.

    Attributes
    ----------
    result : {"packed", "same", "not-smaller"}
        Whether it was written in the new form; or has that form already; or would not be smaller
        than it is without compression.
    before_bytes, after_bytes : int >= 0
        Of the file, before and after.
    """

    result: Result
    before_bytes: int
    after_bytes: int


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def require_method(method: Method, level: int | None = None) -> None:
    """See that a method can be used here.

    Raises
    ------
    MissingPackageError
        If what compresses is not installed.
    """
    _packer(method, level)


def pack(old: BinaryIO, new: BinaryIO, method: Method, level: int | None = None) -> Packed:
    """Write a file of joblib's in another form, which holds the same pickle to the byte.

    Parameters
    ----------
    old : binary file
        Seekable, at its beginning.
    new : binary file
        What is written to it is of use only if the result is ``packed``.
    method : str
        One of `METHODS`.
    level : int, optional
        From 1 to 9; by default joblib's.

    Raises
    ------
    DamagedError
        If the old file is damaged, or cannot have another form.
    MissingPackageError
        If what reads or writes it is not installed.
    """
    current = detect(old.read(MAGIC_BYTES))
    old.seek(0)
    if current == "compat":
        raise DamagedError("was written by joblib before 0.10, which kept arrays in other files")
    if current == (None if method == "none" else method):
        size = old.seek(0, 2)
        return Packed("same", size, size)
    stream, packer = open_stream(old, current), _packer(method, level)
    raw_bytes = after_bytes = 0
    while part := stream.read(_PART):
        if not raw_bytes and detect(part[:MAGIC_BYTES]) is not None:
            raise DamagedError("is compressed twice")
        raw_bytes += len(part)
        after_bytes += _write(new, packer.compress(part))
    if not stream.at_end():
        raise DamagedError("goes on after its end")
    after_bytes += _write(new, packer.flush())
    before_bytes = old.seek(0, 2)
    if method != "none" and after_bytes >= raw_bytes:
        return Packed("not-smaller", before_bytes, before_bytes)
    return Packed("packed", before_bytes, after_bytes)


def _write(file: BinaryIO, data: bytes) -> int:
    file.write(data)
    return len(data)


class _Plain:
    """Compresses nothing."""

    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


class _Lz4:
    """lz4 with the methods of `bz2.BZ2Compressor`."""

    def __init__(self, level: int) -> None:
        frame = import_module("lz4.frame")
        self._inner = frame.LZ4FrameCompressor(compression_level=level)
        self._begun = False

    def compress(self, data: bytes, /) -> bytes:
        return self._begin() + bytes(self._inner.compress(data))

    def flush(self) -> bytes:
        return self._begin() + bytes(self._inner.flush())

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return bytes(self._inner.begin())


def _packer(method: Method, level: int | None) -> _Packer:
    try:
        if method == "none":
            return _Plain()
        if method == "lz4":
            return _Lz4(_LZ4_LEVEL if level is None else level)
        if method == "bz2":
            from bz2 import BZ2Compressor

            return BZ2Compressor(_BZ2_LEVEL if level is None else level)
        if method in ("lzma", "xz"):
            from lzma import FORMAT_ALONE, FORMAT_XZ, LZMACompressor

            return LZMACompressor(FORMAT_ALONE if method == "lzma" else FORMAT_XZ, preset=level)
        from zlib import DEF_MEM_LEVEL, DEFLATED, compressobj

        chosen = _ZLIB_LEVEL if level is None else level
        return compressobj(chosen, DEFLATED, 31 if method == "gzip" else 15, DEF_MEM_LEVEL, 0)
    except ImportError as missing:
        name = "lz4" if method == "lz4" else missing.name
        raise MissingPackageError(f"{name} is not installed, which writes {method}") from None
