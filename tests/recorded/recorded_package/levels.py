"""Functions decorated with a level, written in the three ways librosa's users know."""

from __future__ import annotations

import numpy as np

from . import _cache
from ._cache import cache


@cache(level=20)
def by_keyword(count: int) -> np.ndarray:
    """Return an array: the level is given by keyword."""
    return np.hanning(count)


@cache(30)
def by_position(count: int) -> np.ndarray:
    """Return an array: the level is given by position."""
    return np.hamming(count)


@_cache.cache(level=10)
def by_module(count: int, *, scale: float = 1.0) -> np.ndarray:
    """Return an array: the decorator is an attribute of its module."""
    return np.bartlett(count) * scale


@cache(level=40)
def never_called(count: int) -> np.ndarray:
    """Return an array, were it ever called: its folder stays empty."""
    return np.blackman(count)
