"""Compressed streams are told and read as joblib tells and reads them, in bounded memory."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.numpy_pickle_compat import write_zfile
from joblib.numpy_pickle_utils import _detect_compressor

from acache.pickles import compression
from acache.pickles.compression import (
    DamagedError,
    MissingPackageError,
    Stream,
    detect,
    open_stream,
)

METHODS = ["zlib", "gzip", "bz2", "lzma", "xz", "lz4"]
PLAIN = bytes(range(256)) * 40 + bytes(100_000) + b"end"


def lz4_compress(data: bytes) -> bytes:
    return pytest.importorskip("lz4.frame").compress(data, content_checksum=True)


def zfile(data: bytes) -> bytes:
    file = io.BytesIO()
    write_zfile(file, data)
    return file.getvalue()


COMPRESS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "xz": lzma.compress,
    "lz4": lz4_compress,
    "compat": zfile,
}


def opened(data: bytes, method: str | None) -> Stream:
    return open_stream(io.BytesIO(data), method)


class Pipe(io.RawIOBase):
    """A file that cannot seek, and gives a little at a time."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 7))


@pytest.mark.parametrize("method", METHODS)
def test_what_joblib_writes_is_told_by_its_first_bytes(method: str, tmp_path: Path) -> None:
    if method == "lz4":
        pytest.importorskip("lz4.frame")
    file = tmp_path / "output.pkl"
    joblib.dump([1, 2], file, compress=(method, 3))
    assert detect(file.read_bytes()) == method
    with file.open("rb") as opened_file:
        assert _detect_compressor(opened_file) == method


@given(st.binary(max_size=8) | st.sampled_from([b"ZF0", b"BZh", b"x\x9c", b"]\x00", b"]."]))
def test_any_bytes_are_told_as_joblib_tells_them(data: bytes) -> None:
    told = _detect_compressor(io.BytesIO(data))
    assert detect(data) == (None if told == "not-compressed" else told)


@pytest.mark.parametrize("method", COMPRESS)
def test_reading_gives_what_was_compressed(method: str | None) -> None:
    stream = opened(COMPRESS[method](PLAIN), method)
    assert stream.method == method
    assert stream.read(300) == PLAIN[:300]
    assert stream.skip(50_000) == 50_000
    assert stream.tell() == 50_300
    assert not stream.at_end()
    assert stream.read(10**6) == PLAIN[50_300:]
    assert stream.at_end()
    assert stream.read(1) == b""
    assert stream.tell() == len(PLAIN)


@pytest.mark.parametrize("method", COMPRESS)
def test_passing_over_ends_at_the_end(method: str | None) -> None:
    stream = opened(COMPRESS[method](PLAIN), method)
    stream.read(1)
    assert not stream.at_end()
    assert stream.skip(10**15) == len(PLAIN) - 1
    assert stream.tell() == len(PLAIN)
    assert stream.at_end()
    assert stream.skip(1) == 0


def test_a_stream_begins_where_its_file_stands() -> None:
    file = io.BytesIO(b"header" + PLAIN)
    file.seek(6)
    stream = open_stream(file, None)
    assert stream.skip(10) == 10
    assert stream.read(3) == PLAIN[10:13]
    assert stream.skip(10**6) == len(PLAIN) - 13


def test_a_file_that_cannot_seek() -> None:
    stream = open_stream(Pipe(PLAIN), None)
    assert stream.read(100) == PLAIN[:100]
    assert stream.skip(900) == 900
    assert not stream.at_end()
    assert stream.skip(3) == 3
    assert stream.read(20) == PLAIN[1003:1023]
    assert stream.skip(10**6) == len(PLAIN) - 1023
    assert stream.at_end()
    compressed = open_stream(Pipe(gzip.compress(PLAIN)), "gzip")
    assert compressed.read(10**6) == PLAIN
    assert compressed.at_end()


@given(
    st.sampled_from(list(COMPRESS)),
    st.lists(st.tuples(st.booleans(), st.integers(0, 3000))),
    st.binary(max_size=5000),
)
def test_any_way_of_reading(method: str | None, steps: list[tuple[bool, int]], data: bytes) -> None:
    plain = data * 3
    stream, reference = opened(COMPRESS[method](plain), method), io.BytesIO(plain)
    for reads, size in steps:
        expected = reference.read(size)
        assert (stream.read(size) if reads else stream.skip(size)) == (
            expected if reads else len(expected)
        )
        assert stream.tell() == reference.tell()
        assert stream.at_end() is (reference.tell() == len(plain))


@pytest.mark.parametrize("method", [*METHODS, "compat"])
def test_a_stream_cut_anywhere_is_truncated(method: str) -> None:
    data = COMPRESS[method](b"a small pickle " * 3)
    for size in range(len(data)):
        with pytest.raises(DamagedError) as caught:
            opened(data[:size], method).read(1000)
        assert caught.value.truncated, size


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lz4", "compat"])
def test_a_wrong_checksum_is_damage(method: str) -> None:
    data = bytearray(COMPRESS[method](PLAIN))
    # xz: the check is before its index of 12 bytes and footer of 12; bz2: bits, before padding
    data[{"xz": -32, "bz2": -3, "gzip": -6}.get(method, -2)] ^= 0x10
    with pytest.raises(DamagedError, match="is damaged") as caught:
        opened(bytes(data), method).read(10**6)
    assert not caught.value.truncated


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
def test_any_damage_is_an_error_or_none(method: str, data: st.DataObject) -> None:
    content = bytearray(COMPRESS[method](PLAIN[:500]))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    stream = opened(bytes(content), method)
    with contextlib.suppress(DamagedError):
        passed = stream.skip(10**7)
        assert stream.tell() == passed
        stream.at_end()


@pytest.mark.parametrize("method", ["bz2", "lzma", "xz", "lz4"])
def test_streams_in_a_row_are_one_as_they_are_to_joblib(method: str) -> None:
    stream = opened(COMPRESS[method](b"one") + COMPRESS[method](b"two"), method)
    assert stream.read(100) == b"onetwo"
    assert stream.at_end()


@pytest.mark.parametrize("method", ["zlib", "gzip"])
def test_nothing_behind_a_zlib_or_gzip_stream_is_read(method: str) -> None:
    stream = opened(COMPRESS[method](b"one") + COMPRESS[method](b"two"), method)
    assert stream.read(100) == b"one"
    assert not stream.at_end()


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_what_follows_a_stream_is_told(method: str) -> None:
    stream = opened(COMPRESS[method](b"one") + b"no stream at all, of no kind", method)
    assert stream.read(3) == b"one"
    assert not stream.at_end()
    assert stream.read(1) == b""


def test_what_follows_lz4_is_damage_as_it_is_to_joblib() -> None:
    stream = opened(lz4_compress(b"one") + b"no stream at all, of no kind", "lz4")
    assert stream.read(3) == b"one"
    with pytest.raises(DamagedError, match="lz4 stream is damaged"):
        stream.at_end()


@pytest.mark.parametrize("header", [b"ZF", b"ZF0x", b"ZFnothing of the kind, at all"])
def test_a_broken_header_of_old(header: bytes) -> None:
    with pytest.raises(DamagedError, match=r"header of joblib 0\.9"):
        opened(header, "compat")


def test_a_header_of_python_2_is_one_byte_longer() -> None:
    data = zfile(PLAIN)
    stream = opened(data[:21] + b" " + data[21:], "compat")
    assert stream.read(10**6) == PLAIN


def test_without_lz4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lz4", None)
    monkeypatch.setitem(sys.modules, "lz4.frame", None)
    with pytest.raises(MissingPackageError, match="lz4 is not installed"):
        opened(b"\x04\x22\x4d\x18", "lz4")


def test_a_header_that_claims_a_large_dictionary() -> None:
    data = b"\x5d" + (2**32 - 1).to_bytes(4, "little") + b"\xff" * 8 + bytes(20)
    with pytest.raises(DamagedError, match="lzma stream is damaged"):
        opened(data, "lzma").read(1)


@pytest.mark.parametrize("method", METHODS)
def test_a_bomb_takes_little_memory(method: str) -> None:
    size = 6_000_000
    stream = opened(COMPRESS[method](bytes(size)), method)
    stream.read(1)  # the dictionary of xz, and modules
    tracemalloc.start()
    try:
        assert stream.skip(2 * size) == size - 1
        assert stream.at_end()
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", METHODS)
def test_a_bomb_is_not_read_to_its_end(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_MOST_BYTES", 1_000_000)
    large = COMPRESS[method](bytes(30_000_000))
    stream = opened(large, method)
    with pytest.raises(DamagedError, match="more than 0 GiB in a") as raised:
        stream.skip(40_000_000)
    assert raised.value.limited
    assert stream.tell() < 20_000_000
    # Neither what is as large and no smaller when compressed, nor what is small.
    for sound in (random.Random(0).randbytes(3_000_000), bytes(900_000)):
        stream = opened(COMPRESS[method](sound), method)
        assert stream.skip(40_000_000) == len(sound)
        assert stream.at_end()
