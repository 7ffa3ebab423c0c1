"""The walk over a store: which file or folder is what, each counted exactly once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from acache.store.folder import (
    FolderReader,
    Inodes,
    Position,
    kind_beside_entries,
    reason_of,
    unreadable,
)
from acache.store.format import SOURCE, is_hash
from acache.store.layout import (
    BELOW_JOBLIB,
    JOBLIB,
    SPLIT,
    function_path,
    is_group,
    is_rest,
    is_surely_group,
    join,
)
from acache.store.model import Found, Leftover, Other, Unreadable
from acache.store.store import ScanOptions
from acache.system.dirfd import Folder, close_folder, is_regular, open_below, open_folder

# Asked of each folder named like an entry (the position of its parent, its name, and whether the
# function has a source): True if another process looks into it.
HandOver = Callable[[Position, str, bool], bool]
Piece = tuple[Position, bool, list[str]]  # a folder, whether its function has a source, names in it


class Walk:
    """One walk over a store, or a part of one. What vanishes meanwhile is passed over.

    Parameters
    ----------
    store : str or None
        Path of the store's folder; None if it does not exist.
    both : bool
        Whether the folder is a location that holds two stores; see `acache.store.layout`.
    options : ScanOptions
    hand_over : callable, optional
        May take folders named like an entry out of this walk.

    Attributes
    ----------
    seen : set of (int, int) or None
        Device and inode of each file with several names, which takes room on disk once, where it
        is met first; None where it does wherever it is met.
    """

    def __init__(
        self,
        store: str | None,
        both: bool,
        options: ScanOptions,
        hand_over: HandOver | None = None,
    ) -> None:
        self.seen: Inodes | None = None if options.whole else set()
        self._store = store
        self._both = both
        self._options = options
        self._hand_over = hand_over

    def everything(self) -> Iterator[Found]:
        """Walk the whole store, or what the options name of it."""
        with opened_root(self._store) as root:
            if isinstance(root, Unreadable):
                yield root
            elif root is not None:
                self._reader = FolderReader(root, self._options, self.seen)
                function = self._options.function
                if function:  # what lies beside all functions has no folder of its own
                    places = (0, BELOW_JOBLIB) if self._both else (0,)
                    folders = [
                        Position(function_path(function, p), function, place=p) for p in places
                    ]
                    yield from self._folders(root, folders)
                    return
                try:
                    status = os.stat(root)
                except FileNotFoundError:  # a folder that is held as its path can vanish
                    return
                yield Other("", "folder", "", self._reader.usage(status))
                yield from self._folders(root, [Position("", "")])

    def part(self, pieces: Iterable[Piece]) -> Iterator[Found]:
        """Walk some folders named like entries; the other process reports what is wrong."""
        with opened_root(self._store) as root:
            if root is None or isinstance(root, Unreadable):
                return
            self._reader = FolderReader(root, self._options, self.seen)
            for here, has_source, names in pieces:
                try:
                    folder = open_below(here.path, root)
                except OSError as error:
                    yield from unreadable(here, error)
                    continue
                try:
                    for name in names:
                        entry = self._reader.plain_entry(here, name, folder)
                        if entry is not None:
                            yield entry
                        else:
                            yield from self._reader.entry_folder(here, name, folder, has_source)
                finally:
                    close_folder(folder)

    def _folders(self, root: Folder, pending: list[Position]) -> Iterator[Found]:
        self._pending = pending
        while self._pending:
            here = self._pending.pop()
            try:
                folder = open_below(here.path, root)
            except OSError as error:
                yield from unreadable(here, error)
                continue
            try:
                yield from self._children(here, folder)
            except OSError as error:
                yield from unreadable(here, error)
            finally:
                close_folder(folder)

    def _children(self, here: Position, folder: Folder) -> Iterator[Found]:
        reader = self._reader
        has_source = is_regular(SOURCE, folder)
        in_group = is_group(here.path.rpartition("/")[2])
        with os.scandir(folder) as children:
            for child in children:
                name = child.name
                if not child.is_dir(follow_symlinks=False):
                    yield from reader.one(here, name, folder, kind_beside_entries(name))
                elif is_hash(name):
                    if self._passes_over(here, name, has_source):
                        continue
                    entry = reader.plain_entry(here, name, folder)
                    if entry is not None:
                        yield entry
                    else:
                        yield from reader.entry_folder(here, name, folder, has_source)
                elif is_group(name):
                    yield from self._group(here, name, folder, has_source)
                elif not (in_group and is_rest(name)):  # those `_group` has looked into
                    for found in reader.one(here, name, folder, "folder"):
                        yield found
                        if isinstance(found, Other):
                            self._pending.append(self._below(here, name))

    def _passes_over(self, here: Position, name: str, has_source: bool) -> bool:
        """Return whether a folder named like an entry is left out, or handed over."""
        select = self._options.select
        if select is not None and not select(here.function, here.hash + name):
            return True
        return self._hand_over is not None and self._hand_over(here, name, has_source)

    def _group(
        self, above: Position, name: str, parent: Folder, has_source: bool
    ) -> Iterator[Found]:
        """Walk a folder named by three digits: the entries in it, and what else it may be."""
        reader = self._reader
        here = Position(join(above.path, name), above.function, name, above.place | SPLIT)
        try:
            folder = open_folder(name, parent)
        except OSError as error:
            yield from reader.closed_folder(above, name, parent, error)
            return
        count, has_others = 0, False
        try:
            status = os.stat(folder)
            with os.scandir(folder) as children:
                for child in children:
                    count += 1
                    if not is_rest(child.name) or not child.is_dir(follow_symlinks=False):
                        has_others = True
                    elif not self._passes_over(here, child.name, has_source):
                        entry = reader.plain_entry(here, child.name, folder)
                        if entry is not None:
                            yield entry
                        else:
                            yield from reader.entry_folder(here, child.name, folder, has_source)
        except OSError as error:
            yield from reader.closed_folder(above, name, parent, error)
            return
        finally:
            close_folder(folder)
        usage = reader.usage(status)
        if not count and has_source and is_surely_group(name):
            if status.st_nlink:  # or else it was removed meanwhile
                modified = status.st_mtime
                yield Leftover(here.path, "folder", here.function, name, usage, modified, False)
            return
        yield Other(here.path, "folder", join(above.function, name), usage)
        if has_others:
            self._pending.append(self._below(above, name))

    def _below(self, here: Position, name: str) -> Position:
        """Return the position of a function's or module's folder in another."""
        if self._both and not here.path and name == JOBLIB:
            return Position(JOBLIB, "", place=BELOW_JOBLIB)
        return Position(join(here.path, name), join(here.function, name), place=here.place)


@contextmanager
def opened_root(store: str | None) -> Iterator[Folder | Unreadable | None]:
    """Open a store's folder; None if it does not exist."""
    try:
        root = None if store is None else open_folder(store)
    except FileNotFoundError:
        root = None
    except OSError as error:
        yield Unreadable("", reason_of(error))
        return
    try:
        yield root
    finally:
        if root is not None:
            close_folder(root)
