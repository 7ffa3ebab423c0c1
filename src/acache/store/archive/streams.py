"""The compression around an archive: plain, gzip or zstd, read and written as a stream."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, cast

from acache.system.errors import AcacheError

Compression = Literal["gzip", "zstd"]

SUFFIXES: dict[str, Compression | None] = {
    ".tar": None,
    ".tar.gz": "gzip",
    ".tgz": "gzip",
    ".tar.zst": "zstd",
    ".tzst": "zstd",
}
_MAGIC: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_GZIP_LEVEL = 6
_ZSTD_LEVEL = 3
# A frame's header may claim a window of any size; the usual limit, 128 MiB.
_ZSTD_WINDOW = 1 << 27
# What is larger unpacked, and so many times as large as the file, is not read to its end.
_MOST_BYTES, _MOST_TIMES = 1 << 34, 200


class DamagedArchiveError(AcacheError):
    """An archive that ends too early, or is not what its writer wrote."""


class Writer(Protocol):
    """What an archive is written to."""

    def write(self, data: bytes, /) -> Any:
        """Write all of some bytes."""

    def close(self) -> None:
        """Write what is held back."""


class _Zstd(NamedTuple):
    """What reads and writes zstd: the standard library's since Python 3.14, or a package."""

    reader: Callable[[BinaryIO], Any]
    writer: Callable[[BinaryIO], Writer]
    error: type[Exception]


def compression_of(name: str) -> Compression | None:
    """Return how an archive of a name is to be compressed; None if it is not.

    Raises
    ------
    KeyError
        If no archive has such a name.
    """
    ending = next((one for one in SUFFIXES if name.lower().endswith(one)), None)
    if ending is None:
        raise KeyError(name)
    return SUFFIXES[ending]


class Unpacked:
    """The archive in a file, without its compression, which is known by its first bytes.

    Parameters
    ----------
    file : binary file
        Seekable, at its beginning.

    Raises
    ------
    AcacheError
        If it is compressed with zstd, and nothing here reads that.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._read_bytes = 0
        first = file.read(4)
        file.seek(0)
        found = [kind for magic, kind in _MAGIC.items() if first.startswith(magic)]
        self._is_plain = not found
        self._errors: tuple[type[Exception], ...] = (EOFError, gzip.BadGzipFile, zlib.error)
        self._inner: Any = file
        if found == ["gzip"]:
            self._inner = gzip.GzipFile(fileobj=file, mode="rb")
        elif found == ["zstd"]:
            zstd = _zstd()
            self._inner = zstd.reader(file)
            self._errors = (EOFError, zstd.error)

    def read(self, size: int) -> bytes:
        """Return the next bytes; fewer than asked for only where there are no more.

        Raises
        ------
        DamagedArchiveError
            If the compressed stream is damaged, ends too early, or holds far too much.
        """
        parts = []
        while size:
            try:
                part = cast(bytes, self._inner.read(size))
            except self._errors as error:
                raise DamagedArchiveError(f"its compressed stream is damaged: {error}") from None
            if not part:
                break
            parts.append(part)
            size -= len(part)
            self._read_bytes += len(part)
        self._require_sense()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def skip(self, size: int) -> bool:
        """Pass over bytes; return whether there were as many."""
        if self._is_plain:
            here = self._file.tell()
            if here + size > os.fstat(self._file.fileno()).st_size:
                return False
            self._file.seek(here + size)
            return True
        while size:
            part = self.read(min(size, 1 << 18))
            if not part:
                return False
            size -= len(part)
        return True

    def finish(self) -> None:
        """Read to the end, where the checksum of what was read is."""
        while not self._is_plain and self.read(1 << 18):
            pass

    def _require_sense(self) -> None:
        if self._is_plain or self._read_bytes <= _MOST_BYTES:
            return
        if self._read_bytes > _MOST_TIMES * self._file.tell():
            raise DamagedArchiveError(
                f"it unpacks to more than {self._read_bytes >> 30} GiB, which is {_MOST_TIMES}"
                " times its size"
            )


def packing(file: BinaryIO, compression: Compression | None) -> Writer:
    """Return what compresses into a file, which stays open when that is closed.

    Raises
    ------
    AcacheError
        If nothing here writes zstd.
    """
    if compression == "gzip":
        # Without name and time: the same content makes the same file.
        return gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
    return _zstd().writer(file) if compression == "zstd" else _Plain(file)


class _Plain:
    """A file that is closed by somebody else."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write

    def close(self) -> None:
        """Do nothing."""


def _zstd() -> _Zstd:
    try:
        library = import_module("compression.zstd")
    except ImportError:
        return _zstd_of_package()
    window = {library.DecompressionParameter.window_log_max: _ZSTD_WINDOW.bit_length() - 1}
    parameter = library.CompressionParameter
    checked = {parameter.compression_level: _ZSTD_LEVEL, parameter.checksum_flag: 1}
    return _Zstd(
        lambda file: library.ZstdFile(file, "rb", options=window),
        lambda file: cast(Writer, library.ZstdFile(file, "wb", options=checked)),
        library.ZstdError,
    )


def _zstd_of_package() -> _Zstd:
    try:
        package = import_module("zstandard")
    except ImportError:
        raise AcacheError(
            "nothing here reads or writes zstd: install 'acache[zstd]', or use .tar.gz"
        ) from None

    def reader(file: BinaryIO) -> Any:
        unpacker = package.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        return unpacker.stream_reader(file, read_across_frames=True, closefd=False)

    def writer(file: BinaryIO) -> Writer:
        packer = package.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True)
        return cast(Writer, packer.stream_writer(file, closefd=False))

    return _Zstd(reader, writer, package.ZstdError)
