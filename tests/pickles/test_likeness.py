"""Files are alike where they differ in arrays and numbers alone, and are then read alike."""

from __future__ import annotations

import numpy as np
import pytest

from acache.pickles import Likeness
from acache.pickles.likeness import _MOST_BYTES, _MOST_OF_A_SIZE
from tests.helpers.samples import described, dumped, shown

VALUE = {
    "a": np.arange(3.0),
    "b": [np.ones((2, 2), np.int16), "text"],
    "c": np.array([None, 1]),
    "d": [1.5, np.float64(2), 7],
}


@pytest.mark.parametrize("protocol", [2, 3, 5])
@pytest.mark.parametrize("contents", [True, False])
def test_likeness_lets_only_bytes_of_arrays_and_numbers_differ(
    protocol: int, contents: bool
) -> None:
    data = dumped(VALUE, protocol=protocol)
    read = described(data, contents=contents)
    inside = {at for begin, end in read.passed for at in range(begin, end)}
    # The array of objects is a pickle of its own. Bytes are strings in protocol 2.
    numbers = 0 if contents else 8 if protocol == 2 else 8 + 8
    assert len(inside) == 3 * 8 + 4 * 2 + numbers
    alike = Likeness()
    alike.remember(data, read.passed)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        assert alike.knows(bytes(changed)) == (at in inside), at
        if at in inside:
            assert shown(described(bytes(changed), contents=contents)) == shown(read)
    assert alike.knows(data)
    assert not alike.knows(data + b".")
    assert not alike.knows(data[:-1])


def test_likeness_remembers_some_files_of_a_size() -> None:
    alike = Likeness()
    files = [b"%03d" % number for number in range(2 * _MOST_OF_A_SIZE)]
    for file in files:
        alike.remember(file, ())
    assert [alike.knows(file) for file in files] == [True] * _MOST_OF_A_SIZE + [False] * (
        _MOST_OF_A_SIZE
    )


def test_likeness_takes_bounded_memory() -> None:
    alike, size = Likeness(), 1 << 16
    sizes = range(size, size + 2 * _MOST_BYTES // size)
    for one in sizes:
        alike.remember(bytes(one), ())
    known = sum(alike.knows(bytes(one)) for one in sizes)
    assert 0 < known * size <= _MOST_BYTES


def test_likeness_remembers_no_file_with_many_arrays() -> None:
    alike, value = Likeness(), [np.zeros(1) for _ in range(200)]
    data = dumped(value)
    alike.remember(data, described(data).passed)
    assert not alike.knows(data)
