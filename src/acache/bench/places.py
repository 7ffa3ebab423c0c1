"""Where the private stores of a benchmark lie: on the file system that is to be measured."""

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


def _writable(folder: str) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
