"""The functions of a store, its folders, and the names of its entries, none of which is opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from acache.store.discovery import is_marked
from acache.store.folder import Position, unreadable
from acache.store.format import LOCALS, OUTPUT, SOURCE, is_hash
from acache.store.layout import JOBLIB, is_group, is_rest, is_surely_group, join
from acache.store.model import FolderStatus, Unreadable
from acache.system.dirfd import Folder, close_folder, is_regular, open_below, open_folder

_DEEPEST_FUNCTION = 16  # packages, module, classes and enclosing functions
_MOST_FOLDERS = 10_000  # looked into for a second store; 0.1 s


def list_functions(
    root: Folder, problems: list[Unreadable], *, both: bool, most: int | None
) -> Iterator[str]:
    """Walk the functions that have a source, or a folder named like an entry.

    What cannot be read is added to a list. For `both` see `acache.store.layout`, for `most`
    `acache.store.store.Store.functions`.
    """
    pending = [("", "")]  # path and function id
    yielded: set[str] = set()
    while pending:
        path, function = pending.pop()
        try:
            folder = open_below(path, root)
        except OSError as error:
            problems += unreadable(Position(path, function), error)
            continue
        try:
            names = _names_in(folder, most)
        except OSError as error:
            problems += unreadable(Position(path, function), error)
            continue
        finally:
            close_folder(folder)
        for name in names.below:
            is_store = both and not path and name == JOBLIB
            pending.append((join(path, name), "" if is_store else join(function, name)))
        if names.is_function and function not in yielded:
            yielded.add(function)
            yield function


class _Names(NamedTuple):
    """Whether a folder is a function's, and the folders in it that hold no entries of it."""

    is_function: bool
    below: list[str]


def _names_in(folder: Folder, most: int | None) -> _Names:
    is_function = False
    below: list[str] = []
    groups: list[str] = []
    # On most systems a folder has a link for each folder in it: counted without listing.
    if most is not None and os.stat(folder).st_nlink > most and is_regular(SOURCE, folder):
        return _Names(True, [LOCALS])
    with os.scandir(folder) as children:
        for number, child in enumerate(children):
            if is_function and most is not None and number >= most:
                return _Names(True, below if LOCALS in below else [*below, LOCALS])
            if child.name == SOURCE or is_hash(child.name):
                is_function = True
            elif child.is_dir(follow_symlinks=False):
                (groups if is_group(child.name) else below).append(child.name)
    for name in groups:
        # Most are groups, of which a function can have 4,096.
        if not (is_function and is_surely_group(name)):
            holds_entries, holds_others = _look_into(name, folder)
            is_function = is_function or holds_entries
            if holds_others:
                below.append(name)
    return _Names(is_function, below)


def _look_into(name: str, parent: Folder) -> tuple[bool, bool]:
    """Return whether a folder named like a group holds entries, and anything else."""
    try:
        folder = open_folder(name, parent)
    except OSError:
        return False, True  # it is reported when it is opened again
    try:
        names = os.listdir(folder)
    finally:
        close_folder(folder)
    entries = sum(map(is_rest, names))
    return entries > 0, entries < len(names)


def list_hashes(root: Folder, paths: Iterable[str], prefix: str) -> list[str]:
    """List the argument hashes of the entries in some folders of a function, each once."""
    found: dict[str, None] = {}
    for path in paths:
        try:
            folder = open_below(path, root)
        except OSError:
            continue
        try:
            for name in os.listdir(folder):
                if is_hash(name):
                    found[name] = None
                elif is_group(name) and (name.startswith(prefix) or prefix.startswith(name)):
                    found.update((name + rest, None) for rest in _rests(name, folder))
        except OSError:
            continue
        finally:
            close_folder(folder)
    return [argument_hash for argument_hash in found if argument_hash.startswith(prefix)]


def _rests(name: str, parent: Folder) -> list[str]:
    try:
        folder = open_folder(name, parent)
    except OSError:  # a file, or closed
        return []
    try:
        return list(filter(is_rest, os.listdir(folder)))
    finally:
        close_folder(folder)


def list_folders(store: str) -> Iterator[FolderStatus]:
    """Walk the folders below a path that are not entries; see `Store.folders`."""
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
    """Sort what a folder holds; return whether it is a function's, or a group of one."""
    is_function = False
    in_group = is_group(path.rpartition("/")[2])
    folder = open_folder(path)
    try:
        with os.scandir(folder) as children:
            for child in children:
                if child.is_symlink():
                    if child.is_dir():
                        links.append(f"{path}/{child.name}")
                elif not child.is_dir():
                    is_function = is_function or child.name == SOURCE
                elif is_hash(child.name) or (in_group and is_rest(child.name)):
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
                        if child.is_dir(follow_symlinks=False) and _may_be_module(child.name):
                            below.append(child.path)
            except OSError as error:
                if folder == location and not isinstance(error, FileNotFoundError):
                    raise
        level = below
    return False


def holds_second_store(location: str) -> bool:
    """Return whether a location that has a folder ``joblib`` is also a store itself.

    More is asked of it than by `holds_source`, as it may be somebody's home: on the way to a source
    or an entry there are only folders, which are no locations of their own. An entry will do, since
    joblib leaves out the source of a function that the process has stored elsewhere.
    """
    pending = [location]
    for _ in range(_MOST_FOLDERS):
        if not pending:
            break
        folder = pending.pop()
        try:
            is_function, modules = _explore(folder, at_top=folder == location)
        except OSError:
            continue
        if is_function:
            return True
        pending += modules
    return False


def _explore(folder: str, *, at_top: bool) -> tuple[bool, list[str]]:
    """Return whether a folder is a function's, and the folders in it if it may be a module's."""
    modules = []
    in_group = is_group(os.path.basename(folder))
    with os.scandir(folder) as children:
        for child in children:
            name = child.name
            if not child.is_dir(follow_symlinks=False):
                if name == SOURCE:
                    return True, []
                if not at_top and (name[0] != "." or is_marked(folder)):
                    return False, []
            elif is_hash(name) or (in_group and is_rest(name)):
                if os.path.isfile(os.path.join(child.path, OUTPUT)):
                    return True, []
            elif _may_be_module(name) and not (at_top and _is_copy(name)):
                modules.append(child.path)
    return False, modules


def _is_copy(name: str) -> bool:
    """Return whether a folder beside a store is rather a copy of it than a package."""
    return name.startswith(JOBLIB) or "." in name


def _may_be_module(name: str) -> bool:
    return not (name[0] == "." or name == JOBLIB or is_hash(name))
