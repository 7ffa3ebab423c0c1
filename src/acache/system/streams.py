"""Copying from one open file to another."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import BinaryIO

_BLOCK = 1 << 20  # bytes: what is held in memory at once


def copy_exactly(file: BinaryIO, write: Callable[[bytes], object], size_bytes: int) -> None:
    """Copy so many bytes.

    Raises
    ------
    OSError
        If the file ends before.
    """
    left = size_bytes
    while left:
        block = file.read(min(left, _BLOCK))
        if not block:
            raise OSError(errno.EIO, f"the result ends {left:,} bytes early")
        write(block)
        left -= len(block)
