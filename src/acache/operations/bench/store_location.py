"""Where a benchmark makes its private stores: on the file system to be measured."""

from __future__ import annotations

import os
import tempfile


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
        itself, unless it may be the store; else the system's temporary folder.
    """
    if location is None:
        return tempfile.gettempdir()
    location = os.path.realpath(location)
    parent = os.path.dirname(location)
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(location):
        return parent if _writable(parent) else tempfile.gettempdir()
    device = os.stat(location).st_dev
    for folder in [parent] if _may_be_store(location) else [parent, location]:
        if os.stat(folder).st_dev == device and _writable(folder):
            return folder
    return tempfile.gettempdir()


def _may_be_store(location: str) -> bool:
    """Return whether a location may be a store itself, with modules' folders in it."""
    try:
        names = os.listdir(location)
    except OSError:
        return True
    return any(not name.startswith(".") and name != "joblib" for name in names)


def is_other_disk(folder: str, location: str | None) -> bool:
    """Return whether a folder is on another file system than an existing location."""
    if location is None or not os.path.isdir(location):
        return False
    return os.stat(folder).st_dev != os.stat(location).st_dev


def _writable(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
