"""Where the private stores of a benchmark lie."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from acache.interruption import uninterrupted

PREFIX = ".acache-bench-"


def folder_beside(location: str | None) -> str:
    """Choose the folder in which private stores are made.

    Parameters
    ----------
    location : str or None
        The configured location, absolute; its file system is the one to measure.

    Returns
    -------
    folder : str
        The folder that holds the location, or will; where that is another file system the location
        itself, if the store is a folder of its own in it; else the system's temporary folder.
    """
    if location is None:
        return tempfile.gettempdir()
    parent = os.path.dirname(location)
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(location):
        return parent if _writable(parent) else tempfile.gettempdir()
    device = os.stat(location).st_dev
    own = os.path.isdir(os.path.join(location, "joblib"))
    for folder in [parent, location] if own else [parent]:
        if os.stat(folder).st_dev == device and _writable(folder):
            return folder
    return tempfile.gettempdir()


@contextmanager
def private_folder(parent: str) -> Iterator[str]:
    """Make a folder that nobody else uses, and remove it at the end with all that is in it.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    folder = None
    try:
        with uninterrupted():
            folder = tempfile.mkdtemp(prefix=PREFIX, dir=parent)
        yield folder
    finally:
        if folder is not None:
            with uninterrupted():
                remove(folder)


def remove(folder: str) -> None:
    """Remove a folder, and what a script has made read-only in it, as far as it can be removed."""
    shutil.rmtree(folder, ignore_errors=True)
    if not os.path.lexists(folder):
        return
    for current, names, _ in os.walk(folder):
        for name in names:
            path = os.path.join(current, name)
            if not os.path.islink(path):
                os.chmod(path, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _writable(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
