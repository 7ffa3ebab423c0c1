"""Undecorated functions, which write_store.py hands to Memory.cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def ramp(count: int, step: float = 0.5) -> np.ndarray:
    """Return an array: called twice."""
    return np.arange(count) * step


def tempo(signal: np.ndarray) -> float:
    """Return a scalar for an array: cached in both stores by one process."""
    return float(np.abs(signal).sum())


def never_called(count: int) -> np.ndarray:
    """Return an array, were it ever called: its folder stays empty."""
    return np.zeros(count)


def packed(count: int) -> np.ndarray:
    """Return an array that is stored with compress="zlib"."""
    return np.arange(count) % 7


def mapped(count: int) -> np.ndarray:
    """Return an array that is stored for, and loaded as, a memory map."""
    return np.linspace(0.0, 1.0, count)


def größe(länge: int, breite: int) -> int:  # noqa: PLC2401 - the very point
    """Return a scalar under a name that is not ASCII."""
    return länge * breite


def make_gain(factor: float) -> Callable[[int], np.ndarray]:
    """Return a nested function."""

    def gain(count: int) -> np.ndarray:
        return np.arange(count) * factor

    return gain


class Mixer:
    """A class with a method to be cached."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def __repr__(self) -> str:
        return f"Mixer({self.channels})"

    def mix(self, count: int) -> np.ndarray:
        """Return an array: a method."""
        return np.full((self.channels, count), 0.25)


TRANSFORMS: dict[str, Callable[[Any], Any]] = {
    "double": lambda value: 2 * value,
}
