"""Temporary folders and files of one command, removed at its end, however it ends."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from acache.system.signals import uninterrupted

_MOST_IN_MEMORY = 16 << 20  # bytes
_BLOCK = 1 << 20  # bytes


@contextmanager
def private_folder(prefix: str, *, parent: str | None = None) -> Iterator[str]:
    """Make a folder for this process alone, and remove it at the end with all that is in it.

    Parameters
    ----------
    prefix : str
        What its name begins with.
    parent : str, optional
        Where it is made; by default in the system's temporary folder.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = None
    try:
        with uninterrupted():
            folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
        yield folder
    finally:
        if folder is not None:
            with uninterrupted():
                _remove(folder)


@contextmanager
def seekable(file: BinaryIO, *, parent: str | None = None) -> Iterator[BinaryIO]:
    """Give the rest of a file as one that can be read again: as it is, or from a temporary file.

    Parameters
    ----------
    file : binary file
    parent : str, optional
        Where what is large goes; by default the system's temporary folder.
    """
    if file.seekable():
        yield file
        return
    with tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY, dir=parent) as spooled:
        shutil.copyfileobj(file, spooled, _BLOCK)
        spooled.seek(0)
        yield cast(BinaryIO, spooled)


def _remove(folder: str) -> None:
    """Remove a folder, and what a script has made read-only in it, as far as possible."""
    if os.path.islink(folder):  # made by a script; what it leads to stays
        os.unlink(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    with contextlib.suppress(OSError):
        _make_writable(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _make_writable(folder: str) -> None:
    os.chmod(folder, 0o700)
    for current, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(current, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
