"""What joblib cannot load is damaged: it is asked to load each of these pickles, and fails."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.numpy_pickle_compat import write_zfile

from acache.pickles import PickleError
from acache.pickles.compression import DamagedError
from tests.helpers.samples import described, dumped

LONG = b"x" * 300
SMALL = pickle.dumps([1, "abc", 2.5], 4)
FRAME = SMALL.index(b"\x95") + 1
OBJECTS = np.array([np.ones((2, 3)), np.uint16(1), None], object)


def flipped(data: bytes, before: bytes, after: bytes) -> bytes:
    assert data.count(before) == 1
    return data.replace(before, after)


def framed(length: int) -> bytes:
    return SMALL[:FRAME] + struct.pack("<Q", length) + SMALL[FRAME + 8 :]


def zfile(length: int) -> bytes:
    file = io.BytesIO()
    write_zfile(file, pickle.dumps([1, 2]))
    data = file.getvalue()
    return data[:2] + hex(length).encode().ljust(len(hex(2**64))) + data[2 + len(hex(2**64)) :]


WRONG = {
    "a long text that is no UTF-8": b"\x80\x04X" + struct.pack("<I", 300) + LONG[1:] + b"\xff.",
    "a text of Python 2": b"U\x02\xc3\xa9.",
    "a long text of Python 2": b"T" + struct.pack("<i", 300) + LONG[1:] + b"\xff.",
    "a long number": b"I" + b"1" * 300 + b"x\n.",
    "a longer number": b"L" + b"1" * 4500 + b"L\n.",
    "a longest number": b"L" + b"1" * 70_000 + b"L\n.",
    "a long float": b"F1." + b"0" * 300 + b"-\n.",
    "a frame that is too long": framed(2**62),
    "a frame that is too short": framed(8),
    "a length of joblib 0.9": zfile(1000),
    "a negative length of joblib 0.9": zfile(-5),
    "a list as a key": b"}]Ns.",
    "a dict in a set": b"\x80\x04\x8f(}\x90.",
    "dimensions": flipped(
        dumped(np.zeros((1, 1)), protocol=2), b"K\x01K\x01\x86", b"(" + b"K\x01" * 70 + b"t"
    ),
    "a scalar of few bytes": flipped(dumped(OBJECTS), b"C\x02\x01\x00", b"C\x01\x01"),
    "an array of other bytes": flipped(dumped(OBJECTS, protocol=5), b"K\x02K\x03", b"K\x02K\x04"),
    "a mask of other bytes": flipped(
        dumped(np.ma.array([7.0], mask=[1]), protocol=4), b"C\x01\x01", b"C\x02\x01\x01"
    ),
    "no buffer": b"\x80\x05K\x01\x98.",
}


# What joblib raises, in one version or another.
FAILURES = (
    *(AssertionError, EOFError, IndexError, MemoryError, OverflowError, TypeError, ValueError),
    pickle.UnpicklingError,
)


@pytest.mark.filterwarnings("ignore:The file .* has been generated with a joblib")
@pytest.mark.parametrize("name", WRONG)
def test_pickles_that_joblib_cannot_load_are_damaged(name: str, tmp_path: Path) -> None:
    path = tmp_path / "output.pkl"
    path.write_bytes(WRONG[name])
    with pytest.raises(FAILURES):
        joblib.load(path)
    with pytest.raises((PickleError, DamagedError)) as failed:
        described(WRONG[name])
    assert not failed.value.truncated


@pytest.mark.parametrize("size", [10, 300, 5_000, 70_000, 200_000])
@pytest.mark.parametrize("protocol", range(6))
def test_long_values_are_sound(size: int, protocol: int) -> None:
    value = ["é" * size, "x" * size, np.zeros(3), 10 ** min(size, 4000), 1 / 3, "end"]
    description = described(dumped(value, protocol=protocol))
    assert description.bytes_read == len(dumped(value, protocol=protocol))
    assert [a.shape for a in description.arrays] == [(3,)]
    assert not description.trailing


@pytest.mark.parametrize("numbers", [[1] * 40, [300] * 30, [70_000] * 20, [1.5] * 15])
def test_frame_may_end_between_any_two_numbers(numbers: list[float]) -> None:
    for size in range(65_370, 65_540):
        value = ["q" * size, *numbers, "r" * 65_560]  # what is large has no frame, nor what is tiny
        for data in (pickle.dumps(value, 4), pickle._dumps(value, 5), dumped(value)):
            assert described(data).bytes_read == len(data)


def test_frames_are_followed_however_many_there_are() -> None:
    frames = b"".join(b"\x95" + struct.pack("<Q", 2) + b"N0" for _ in range(100_000))
    data = b"\x80\x04" + frames + b"\x95" + struct.pack("<Q", 0) + b"K\x07."
    assert pickle.loads(data) == described(data).value == 7
