"""What is packed is what joblib packs, and holds the same pickle to the byte."""

from __future__ import annotations

import io
import os
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.pickles import DamagedError, MissingPackageError
from acache.pickles.packing import METHODS, Method, pack

VALUE = {
    "a": np.arange(10_000.0).reshape(100, 100),
    "b": [np.ones((3, 4), order="F"), np.array([1, "x", None], object)],
    "c": "text" * 100,
}
COMPRESSED = [method for method in METHODS if method != "none"]


def dumped(compress: object, value: object = VALUE) -> bytes:
    """Have joblib write a value as its store does."""
    file = io.BytesIO()
    joblib.numpy_pickle.dump(value, file, compress=compress)
    return file.getvalue()


def packed(data: bytes, method: Method, level: int | None = None) -> bytes:
    new = io.BytesIO()
    told = pack(io.BytesIO(data), new, method, level)
    assert told.before_bytes == len(data)
    assert told.result == "packed"
    assert told.after_bytes == len(new.getvalue())
    return new.getvalue()


@pytest.mark.parametrize("method", COMPRESSED)
def test_methods_write_what_joblib_writes(method: Method) -> None:
    assert packed(dumped(False), method) == dumped(method)
    assert packed(dumped(False), method, 1) == dumped((method, 1))


@pytest.mark.parametrize("method", COMPRESSED)
@pytest.mark.parametrize("other", METHODS)
def test_forms_become_any_other(method: Method, other: Method) -> None:
    data = packed(dumped(False), method)
    if other == method:
        assert pack(io.BytesIO(data), io.BytesIO(), other).result == "same"
    else:
        again = packed(data, other)
        assert again == dumped(other if other != "none" else False)
        value = joblib.load(io.BytesIO(again))
        np.testing.assert_equal(value["a"], VALUE["a"])
        assert value["c"] == VALUE["c"]


@pytest.mark.parametrize("method", COMPRESSED)
def test_arrays_are_mapped_once_they_are_unpacked(method: Method, tmp_path: Path) -> None:
    path = tmp_path / "output.pkl"
    path.write_bytes(packed(dumped(method), "none"))
    value = joblib.load(path, mmap_mode="r")
    assert isinstance(value["a"], np.memmap)
    assert value["a"].ctypes.data % 16 == 0
    np.testing.assert_equal(value["a"], VALUE["a"])


@given(st.binary(max_size=300), st.sampled_from(COMPRESSED))
def test_bytes_come_back_whatever_they_are(data: bytes, method: Method) -> None:
    data = b"\x80\x04" + data * 50
    new = io.BytesIO()
    if pack(io.BytesIO(data), new, method).result == "packed":
        assert packed(new.getvalue(), "none") == data
    else:
        assert len(new.getvalue()) >= len(data)


def test_noise_that_does_not_become_smaller_is_not_wanted() -> None:
    noise = dumped(False, os.urandom(10_000))
    told = pack(io.BytesIO(noise), io.BytesIO(), "zlib")
    assert told == ("not-smaller", len(noise), len(noise))


@pytest.mark.parametrize("method", COMPRESSED)
@pytest.mark.parametrize("damage", ["cut", "followed", "flipped"])
def test_damaged_files_are_not_packed(method: Method, damage: str) -> None:
    data = dumped(method)
    if damage == "flipped":
        if method == "lz4":
            pytest.skip("joblib's lz4 has no checksum")
        middle = len(data) // 2
        data = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    else:
        data = data[:-9] if damage == "cut" else data + b"more"
    with pytest.raises(DamagedError):
        pack(io.BytesIO(data), io.BytesIO(), "none")


def test_files_of_another_kind_are_not_packed() -> None:
    twice = io.BytesIO()
    joblib.numpy_pickle.dump(1, twice, compress="zlib")
    import gzip

    with pytest.raises(DamagedError, match="compressed twice"):
        pack(io.BytesIO(gzip.compress(twice.getvalue())), io.BytesIO(), "none")
    with pytest.raises(DamagedError, match=r"before 0\.10"):
        pack(io.BytesIO(b"ZF0x10                "), io.BytesIO(), "none")


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lz4.frame", None)
    with pytest.raises(MissingPackageError, match="lz4 is not installed, which writes lz4"):
        pack(io.BytesIO(dumped(False)), io.BytesIO(), "lz4")
