"""Deletion, which happens only here: one entry, one leftover at a time.

At each moment the store is one that joblib reads. ``output.pkl`` goes first, as it is what makes an
entry a hit; then what else joblib wrote; then the folder, if nothing else is in it. Nothing is
followed, and nothing foreign is removed because a folder is to go.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from stat import S_ISREG
from types import TracebackType

from acache.store.changes import PartlyRemovedError, Removal
from acache.store.format import METADATA, OUTPUT, is_entry_temporary
from acache.store.layout import SPLIT, divide, function_path, is_rest
from acache.store.leftovers import is_expired
from acache.store.model import Leftover
from acache.system.dirfd import (
    Folder,
    close_folder,
    is_regular,
    open_below,
    open_folder,
    rmdir_in,
    stat_in,
    unlink_in,
)

_STAYS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT)


class LocalRemoval(Removal):
    """Removes from a store's folder, which is held open; see `acache.store.changes.Removal`.

    Parameters
    ----------
    store : str
        Path of the store's folder.
    places : sequence of int
        Where entries may be; see `acache.store.model.Entry`.
    grace : float >= 0
        Temporary files that were written to within this many seconds before `now` stay, and so do
        those whose process still lives on this host.
    now : float
        Unix seconds.
    """

    def __init__(self, store: str, *, places: Sequence[int], grace: float, now: float) -> None:
        self._store = store
        self._places = places
        self._grace = grace
        self._now = now
        self._held: tuple[str, Folder] | None = None  # a function's folder

    def __enter__(self) -> LocalRemoval:
        self._root: Folder = open_folder(self._store)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release_function()
        close_folder(self._root)

    def entry(
        self,
        function: str,
        argument_hash: str,
        *,
        place: int | None = None,
        created: float | None = None,
        last_access: float | None = None,
    ) -> bool:
        """Remove an entry: what makes it a hit first, its folder last."""
        for one in self._places if place is None else (place,):
            parent = self._function(function_path(function, one))
            if parent is None:
                continue
            remove = self._split_entry if one & SPLIT else self._entry
            if remove(argument_hash, parent, created, last_access):
                return True
        return False

    def _split_entry(
        self, argument_hash: str, parent: Folder, created: float | None, last_access: float | None
    ) -> bool:
        """Remove an entry from a function's folder in the split layout, and its group if empty."""
        group, rest = divide(argument_hash)
        try:
            folder = open_folder(group, parent)
        except FileNotFoundError:
            return False
        try:
            removed = self._entry(rest, folder, created, last_access)
        finally:
            close_folder(folder)
        if removed:
            try:
                _rmdir(group, parent)
            except OSError as error:
                raise PartlyRemovedError(error.errno, error.strerror) from error
        return removed

    def _entry(
        self, name: str, parent: Folder, created: float | None, last_access: float | None
    ) -> bool:
        try:
            folder = open_folder(name, parent)
        except FileNotFoundError:
            return False
        try:
            status = stat_in(OUTPUT, folder)
            if not S_ISREG(status.st_mode) or created not in (None, status.st_mtime):
                return False
            if last_access is not None and status.st_atime > last_access:
                return False
            unlink_in(OUTPUT, folder)
            try:
                _unlink_regular(METADATA, folder)
                # While it is open: what the system then does to free it keeps nobody from writing.
                if not _rmdir(name, parent):
                    self._remnants(name, parent)
            except OSError as error:
                raise PartlyRemovedError(error.errno, error.strerror) from error
        except FileNotFoundError:
            return False
        finally:
            close_folder(folder)
        return True

    def leftover(self, leftover: Leftover) -> bool:
        """Remove a leftover; its file is looked at again before it goes."""
        above, _, name = leftover.path.rpartition("/")
        if leftover.kind == "folder":
            parent = self._function(above)
            if parent is None or not self._remnants(name, parent):
                return False
            if is_rest(name):
                self._remove_group(above)
            return True
        try:
            folder = open_below(above, self._root)
        except FileNotFoundError:
            return True  # it went with its entry
        try:
            return self._temporary(name, folder)
        finally:
            close_folder(folder)

    def _remove_group(self, path: str) -> None:
        """Remove the folder of a group in the split layout, if nothing is in it."""
        above, _, name = path.rpartition("/")
        parent = self._function(above)
        if parent is not None:
            _rmdir(name, parent)

    def _function(self, function: str) -> Folder | None:
        """Hold a function's folder open, as long as that is what lies at its path."""
        if self._held is not None:
            name, folder = self._held
            if name == function and self._is_in_place(function, folder):
                return folder
            self._release_function()
        try:
            folder = open_below(function, self._root)
        except FileNotFoundError:
            return None
        self._held = (function, folder)
        return folder

    def _is_in_place(self, function: str, folder: Folder) -> bool:
        """Return whether a folder is still where it was opened."""
        try:
            there, held = stat_in(function or ".", self._root), os.stat(folder)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def _release_function(self) -> None:
        if self._held is not None:
            close_folder(self._held[1])
            self._held = None

    def _remnants(self, argument_hash: str, parent: Folder) -> bool:
        """Remove what an interrupted write or deletion left of an entry, and its folder."""
        try:
            folder = open_folder(argument_hash, parent)
        except FileNotFoundError:
            return False
        try:
            if is_regular(OUTPUT, folder):
                return False  # it became an entry
            names = os.listdir(folder)
            temporaries = [n for n in names if is_entry_temporary(n) and is_regular(n, folder)]
            kept = [name for name in temporaries if not self._temporary(name, folder)]
            if kept:
                return False  # a write in flight
            removed = METADATA in names and _unlink_regular(METADATA, folder)
        except FileNotFoundError:
            return False
        finally:
            close_folder(folder)
        return _rmdir(argument_hash, parent) or removed or bool(temporaries)

    def _temporary(self, name: str, folder: Folder) -> bool:
        """Remove a temporary file that has expired; return whether it had."""
        try:
            status = stat_in(name, folder)
            if not S_ISREG(status.st_mode) or not is_expired(
                name, status.st_mtime, grace=self._grace, now=self._now
            ):
                return False
            unlink_in(name, folder)
        except FileNotFoundError:
            pass
        return True


def _unlink_regular(name: str, folder: Folder) -> bool:
    """Remove a regular file, if that is what it is; anything else is foreign."""
    try:
        if not S_ISREG(stat_in(name, folder).st_mode):
            return False
        unlink_in(name, folder)
    except FileNotFoundError:
        return False
    return True


def _rmdir(name: str, parent: Folder) -> bool:
    """Remove a folder if it is empty; return whether it was."""
    try:
        rmdir_in(name, parent)
    except OSError as error:
        if error.errno not in _STAYS:
            raise
        return False
    return True
