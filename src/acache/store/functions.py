"""The functions of a store, and its folders; no entry is looked into."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from acache.store.format import LOCALS, SOURCE, is_hash
from acache.store.model import FolderStatus, Unreadable
from acache.store.scan import Place, join, unreadable
from acache.system.dirfd import Folder, close_folder, is_regular, open_below, open_folder

_DEEPEST_FUNCTION = 16  # packages, module, classes and enclosing functions


def list_functions(
    root: Folder, problems: list[Unreadable], most: int | None = None
) -> Iterator[str]:
    """Walk the functions that have a source, or a folder named like an entry.

    What cannot be read is added to a list. `most` is that of `acache.store.store.Store.functions`.
    """
    pending = [""]
    while pending:
        path = pending.pop()
        try:
            folder = open_below(path, root)
        except OSError as error:
            problems += unreadable(Place(path, path), error)
            continue
        try:
            is_function, below = _names_in(folder, most)
            pending += [join(path, name) for name in below]
        except OSError as error:
            problems += unreadable(Place(path, path), error)
            continue
        finally:
            close_folder(folder)
        if is_function:
            yield path


def _names_in(folder: Folder, most: int | None) -> tuple[bool, list[str]]:
    """Return whether a folder is a function's, and the folders in it that are no entries."""
    is_function = False
    below: list[str] = []
    # On most systems a folder has a link for each folder in it: counted without listing.
    if most is not None and os.stat(folder).st_nlink > most and is_regular(SOURCE, folder):
        return True, [LOCALS]
    with os.scandir(folder) as children:
        for number, child in enumerate(children):
            if is_function and most is not None and number >= most:
                return True, below if LOCALS in below else [*below, LOCALS]
            if child.name == SOURCE or is_hash(child.name):
                is_function = True
            elif child.is_dir(follow_symlinks=False):
                below.append(child.name)
    return is_function, below


def list_folders(store: str) -> Iterator[FolderStatus]:
    """Walk the folders of modules and functions below a path; see `Store.folders`."""
    pending = [store]
    while pending:
        path = pending.pop()
        with contextlib.suppress(OSError):  # it vanished, or what is in it cannot be looked up
            status = os.stat(path)
            is_function, links = False, list[str]()
            with contextlib.suppress(OSError):  # it cannot be listed
                is_function = _list_folder(path, pending, links)
            yield FolderStatus(path, status, is_function, tuple(links))


def _list_folder(path: str, pending: list[str], links: list[str]) -> bool:
    """Sort what a folder holds; return whether it is a function's."""
    is_function = False
    folder = open_folder(path)
    try:
        with os.scandir(folder) as children:
            for child in children:
                if child.is_symlink():
                    if child.is_dir():
                        links.append(f"{path}/{child.name}")
                elif not child.is_dir():
                    is_function = is_function or child.name == SOURCE
                elif is_hash(child.name):
                    is_function = True
                else:
                    pending.append(f"{path}/{child.name}")
    finally:
        close_folder(folder)
    return is_function


def holds_source(location: str) -> bool:
    """Return whether any function's source is below a folder; the nearest folders come first.

    Not every folder that has a store somewhere below is one itself: no name of a module begins with
    a dot, and a folder ``joblib`` is most likely the store of another location.
    """
    level = [location]
    for _ in range(_DEEPEST_FUNCTION):
        below: list[str] = []
        for folder in level:
            try:
                with os.scandir(folder) as children:
                    for child in children:
                        if child.name == SOURCE and not child.is_dir():
                            return True
                        if child.is_dir(follow_symlinks=False) and not (
                            child.name.startswith(".")
                            or child.name == "joblib"
                            or is_hash(child.name)
                        ):
                            below.append(child.path)
            except OSError as error:
                if folder == location and not isinstance(error, FileNotFoundError):
                    raise
        level = below
    return False
