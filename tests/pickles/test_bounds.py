"""Memory and time are bounded, whatever a pickle holds or claims."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acache.pickles import DamagedError, Description, PickleError, describe_file, outline
from tests.helpers.samples import F8, dumped, long, shown, wrapper


def peak(data: bytes, **options: int) -> tuple[int, Description | None]:
    file = io.BytesIO(data)
    with contextlib.suppress(DamagedError):
        describe_file(io.BytesIO(dumped([1], compress=3)))  # modules
    gc.freeze()  # else each collection goes through all that pytest and librosa hold
    tracemalloc.start()
    try:
        description = None
        with contextlib.suppress(PickleError):
            description = describe_file(file, **options)
        return tracemalloc.get_traced_memory()[1], description
    finally:
        tracemalloc.stop()
        gc.unfreeze()


@pytest.mark.parametrize("compress", [0, "zlib", "bz2", "xz"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_large_content_takes_little_memory(compress: int | str, protocol: int) -> None:
    size = 3_000_000
    for value in (b"x" * size, "x" * size, np.zeros(size, np.uint8), bytearray(b"x") * size):
        data = dumped(value, compress=(compress, 1) if compress else 0, protocol=protocol)
        most, description = peak(data)
        assert most < 2_500_000
        assert description is not None
        assert not description.trailing


class NearlyUnread(io.FileIO):
    """A file of which little may be read."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._count(len(data))
        return data

    def readinto(self, buffer: Any, /) -> int:
        size = super().readinto(buffer)
        self._count(size)
        return size

    def _count(self, size: int) -> None:
        self.bytes_read += size
        assert self.bytes_read < 100_000


def test_passing_over_an_array_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "output.pkl"
    with file.open("wb") as opened:  # a hole of a tebibyte
        opened.write(wrapper(F8, long(2**37) + b"\x85"))
        opened.seek(2**40, os.SEEK_CUR)
        try:
            opened.write(b".")
            opened.flush()
        except OSError:
            pytest.skip("no such large file here")
    with NearlyUnread(file) as opened:
        (found,) = describe_file(opened).arrays
    assert found.size_bytes == 2**40
    assert opened.bytes_read > 0


MANY = 52_000


@pytest.mark.parametrize(
    ("megabytes", "make"),
    [
        (1, lambda: list(range(MANY))),
        (2, lambda: tuple(map(float, range(MANY)))),
        (12, lambda: [str(i) * 5 for i in range(MANY)]),
        (10, lambda: {str(i): [i] for i in range(MANY // 4)}),
        (6, lambda: [[[j] * 3 for j in range(10)] for i in range(MANY // 40)]),
        (8, lambda: [{"name": str(i), "value": (i, [i])} for i in range(MANY // 10)]),
    ],
)
def test_many_values_take_little_memory(megabytes: int, make: Callable[[], Any]) -> None:
    data = dumped([make(), np.zeros(3), {"last": np.ones((2, 2))}])
    most, description = peak(data)
    assert most < megabytes * 10**6
    assert description is not None
    assert [a.shape for a in description.arrays] == [(3,), (2, 2)]
    lines = shown(description)
    assert lines[0] == "list of 3"
    assert len(lines) > 5


LARGE = 72_000  # bytes: with the window behind 65,536, what is held is seen to
MEMO = 51_000  # values: more than the memo holds, but for what tells of arrays
MORE = 30_000  # values: more than are kept


HOGS = {
    "marks": b"(" * LARGE,
    "lists": b"]" * LARGE,
    "lists remembered": b"]\x94" * MEMO,
    "lists in lists": b"]" * LARGE + b"a" * LARGE,
    "tuples in tuples": b")" + b"\x85" * LARGE,
    "pairs of the same": b")" + b"2\x86" * LARGE,
    "pairs of the same, remembered": b")" + b"\x942\x86" * MORE,
    "lists that hold themselves": b"]\x94h\x00a" * MORE,
    "pushed and popped": b"N" * LARGE + b"0" * LARGE,
    "tuples of three": b"(" + b"]]]\x87" * (LARGE * 2 // 3) + b"t",
    "trees": (b"(" * 30 + b"]" * 30 + b"t" * 30) * (LARGE // 90),
    "classes": b"".join(b"c%d\nx\n0" % i for i in range(LARGE // 10)),
    "calls of calls": b"cos\nx\n" + b")R" * (LARGE * 3 // 2),
    "states": b"cos\nx\n)\x81" + b"]\x94b" * MORE,
    "frames": b"\x95" + bytes(8),
    "strings": b"".join(b"\x8c\xff%0255d\x94" % i for i in range(LARGE // 10)),
    "strings dropped": b"(" + b"".join(b"\x8c\xff%0255d" % i for i in range(LARGE)) + b"t",
    "containers held": b"".join(b"](K\x01\x8c\x40%064de\x94" % i for i in range(LARGE // 12)),
    "indexes": b"N" + b"".join(b"r" + struct.pack("<I", i * 7) for i in range(MEMO)),
}


@pytest.mark.parametrize("name", HOGS)
def test_hostile_pickles_take_little_memory_and_end(name: str) -> None:
    data = b"\x80\x04" + HOGS[name] + b"."
    most, description = peak(data)
    assert most < 30_000_000
    if description is not None:
        assert len(outline(description.value, depth=10**6, width=10**6)) < 100_000
