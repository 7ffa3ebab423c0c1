"""Finding the stores below a folder: each is known by the sources that joblib keeps in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from acache.store.call_writer import location_of
from acache.store.format import SOURCE, is_hash
from acache.store.layout import JOBLIB
from acache.store.model import Unreadable
from acache.system.mounts import mount_points

_MARK = "# Created by joblib"  # the first line of the .gitignore that joblib puts into a location


def find_locations(
    folders: Iterable[str], *, cross: bool = False, unreadable: list[Unreadable] | None = None
) -> Iterator[str]:
    """Walk folders for the locations of joblib stores. Links are not followed.

    Parameters
    ----------
    folders : iterable of str
        Absolute paths.
    cross : bool
        Whether to look into other file systems that are mounted below the folders.
    unreadable : list of Unreadable, optional
        Gets the folders that cannot be read, by their absolute paths.

    Yields
    ------
    location : str
        What to give to `acache.Store`: the folder that holds a folder ``joblib`` with sources in
        it, or that holds them itself. In the order of the file system; each once.
    """
    failed = [] if unreadable is None else unreadable
    mounts = None if cross else mount_points()
    found: set[str] = set()
    for folder in folders:
        top = folder.rstrip(os.sep) or os.sep
        waiting = [top]
        crosses = _never if cross else _crossing(top, mounts)
        while waiting:
            path = waiting.pop()
            try:
                inner, has_source = _look_into(path)
            except FileNotFoundError:
                continue
            except OSError as error:
                failed.append(Unreadable(path, error.strerror or str(error)))
                continue
            if has_source:
                root = _store_of(path, top)
                location = location_of(root)
                if location not in found:
                    found.add(location)
                    yield location
                # What else lies in the store, perhaps millions of folders, is not walked.
                below = root.rstrip(os.sep) + os.sep
                waiting = [other for other in waiting if not other.startswith(below)]
                continue
            waiting += [one for one in inner if not crosses(one)]


def _look_into(path: str) -> tuple[list[str], bool]:
    """Return the folders in a folder, and whether a function's source lies in it."""
    inner = []
    has_source = False
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.path)
            elif entry.name == SOURCE:
                has_source = True
    return inner, has_source


def _store_of(function: str, top: str) -> str:
    """Return the store that holds a function's folder, which lies below or at `top`."""
    above = _ancestors(function, top)
    named = [path for path in above if os.path.basename(path) == JOBLIB]
    marked = [path for path in above if is_marked(path)]
    for path in named:
        # A module named joblib has a folder of that name in the store.
        location = os.path.dirname(path)
        if location not in named and (not marked or location == marked[0]):
            return path
    if marked:
        return marked[0]
    root = above[0]
    for path in above[1:]:
        root = path
        if not _holds_folders_alone(path):
            break
    return root


def _ancestors(path: str, top: str) -> list[str]:
    """Return a folder and those above it, as far as `top`."""
    found = [path]
    while path != top and os.path.dirname(path) != path:
        path = os.path.dirname(path)
        found.append(path)
    return found


def is_marked(path: str) -> bool:
    """Return whether joblib made a folder a location: since 1.5 it leaves a ``.gitignore``."""
    try:
        with open(os.path.join(path, ".gitignore"), encoding="utf-8", errors="replace") as file:
            return file.read(len(_MARK)) == _MARK
    except OSError:
        return False


def _holds_folders_alone(path: str) -> bool:
    """Return whether a folder may belong to a module or function of a store."""
    try:
        with os.scandir(path) as entries:
            return all(
                entry.name == SOURCE or (entry.is_dir() and not is_hash(entry.name))
                for entry in entries
            )
    except OSError:
        return False


def _crossing(top: str, mounts: set[str] | None) -> Callable[[str], bool]:
    """Return what tells whether a folder lies on another file system than `top`."""
    if mounts is not None and os.path.realpath(top) == top:
        return mounts.__contains__  # a look-up instead of a system call for each folder
    try:
        device = os.stat(top).st_dev
    except OSError:
        return _never
    return lambda path: _device(path) not in (None, device)


def _never(path: str) -> bool:
    return False


def _device(path: str) -> int | None:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return None
