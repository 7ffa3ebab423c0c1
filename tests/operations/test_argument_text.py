"""Arguments are told in a line, arrays by their shape and type first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.operations.argument_text import readable


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(3),
        np.zeros((2, 3), dtype=np.float32),
        np.zeros((2, 3, 4), dtype=np.complex64),
        np.zeros(0),
        np.arange(5000, dtype=np.int16),
        np.zeros((1025, 44), dtype=np.complex64),
        np.array([[True], [False]]),
    ],
)
def test_text_of_real_arrays(array: np.ndarray) -> None:
    told = readable(repr(array))
    shape = f"shape {array.shape}" if array.size else "shape "
    assert told.startswith(f"array, {shape}")
    if f"dtype={array.dtype}" in repr(array):
        assert f", dtype {array.dtype}" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("array([1., 2.])", "array, shape (2,): [1., 2.]"),
        ("array([[1, 2],\n       [3, 4]])", "array, shape (2, 2): [[1, 2], [3, 4]]"),
        ("array([1, ..., 9], dtype=int16)", "array, dtype int16: [1, ..., 9]"),
        ("array([], dtype=float64)", "array, shape (0,), dtype float64: []"),
        ("array([1., ..., 2.], shape=(7,), dtype=float32)",
         "array, shape (7,), dtype float32: [1., ..., 2.]"),
        ("array(['a, b'], dtype='<U4')", "array, dtype '<U4': ['a, b']"),
        ("array(3.)", "array"),
        ("array([1, 2", "array"),
        ("memmap([1., 2.])", "memmap, shape (2,): [1., 2.]"),
        ("  a\n   b", "a b"),
        ("", ""),
        ("None", "None"),
    ],
)  # fmt: skip
def test_text_of_other_arguments(text: str, told: str) -> None:
    assert readable(text) == told


@given(st.text("array([]),.=shapedtyp0123 \n'"))
def test_text_is_always_one_line(text: str) -> None:
    assert "\n" not in readable(f"array({text}")
