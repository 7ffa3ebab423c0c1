"""Folders of one command alone, which vanish at its end, whatever ends it."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from acache.system.signals import uninterrupted


@contextmanager
def private_folder(prefix: str, *, parent: str | None = None) -> Iterator[str]:
    """Make a folder that nobody else uses, and remove it at the end with all that is in it.

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


def _remove(folder: str) -> None:
    """Remove a folder, and what a script has made read-only in it, as far as it can be removed."""
    if os.path.islink(folder):  # a script has put it there; what it leads to is not ours
        os.unlink(folder)
        return
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    with contextlib.suppress(OSError):
        _open_up(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: str) -> None:
    os.chmod(folder, 0o700)
    for current, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(current, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
