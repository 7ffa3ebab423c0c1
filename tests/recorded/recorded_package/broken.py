"""Functions whose storing is cut short, or whose result cannot be pickled."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMELESS = [lambda: None]


def killed_at_output(count: int) -> np.ndarray:
    """Return an array: the process dies before output.pkl has its name."""
    return np.arange(count)


def killed_at_metadata(count: int) -> np.ndarray:
    """Return an array: the process dies before metadata.json has its name."""
    return np.arange(count)


def killed_at_code(count: int) -> np.ndarray:
    """Return an array: the process dies before func_code.py has its name."""
    return np.arange(count)


def returns_generator(count: int) -> list[Any]:
    """Return what makes pickle raise a TypeError after some bytes."""
    return [np.arange(count), (number for number in range(count))]


def returns_lambda(count: int) -> list[Any]:
    """Return what makes pickle raise a PicklingError after some bytes."""
    return [np.arange(count), NAMELESS[0]]
