"""Deletion, the only place where it happens: one entry, one leftover at a time.

At each moment the store is one that joblib reads. ``output.pkl`` goes first, as it is what makes an
entry a hit; then what else joblib wrote; then the folder, if nothing else is in it. Nothing is
followed, and nothing is removed for its folder's sake.
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict
from stat import S_ISREG
from types import TracebackType

from acache.folders import (
    Folder,
    close_folder,
    open_below,
    open_folder,
    rmdir_in,
    stat_in,
    unlink_in,
)
from acache.layout import METADATA, OUTPUT, SOURCE, parse_temporary
from acache.processes import may_be_writing

_MOST_OPEN = 32  # functions' folders that are held open; an order by age jumps between them
_STAYS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT)


class Removal:
    """Removes from a store whose folder is open. What vanished meanwhile is no error.

    Parameters
    ----------
    root : Folder
    grace : float >= 0
        Temporary files that were written to within this many seconds before `now` stay, and so do
        those whose process still lives on this host.
    now : float
        Unix seconds.
    """

    def __init__(self, root: Folder, *, grace: float, now: float) -> None:
        self._root = root
        self._grace = grace
        self._now = now
        self._functions: OrderedDict[str, Folder] = OrderedDict()

    def __enter__(self) -> Removal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._functions:
            close_folder(self._functions.popitem()[1])

    def entry(self, function: str, argument_hash: str, *, created: float | None = None) -> bool:
        """Remove an entry, with its own temporary files past the grace.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        argument_hash : str
        created : float, optional
            When it was written, Unix seconds: a result that was written since stays.

        Returns
        -------
        removed : bool
            Whether this call made a hit a miss.

        Raises
        ------
        OSError
            If something could not be removed.
        """
        parent = self._function(function)
        if parent is None:
            return False
        try:
            folder = open_folder(argument_hash, parent)
        except FileNotFoundError:
            return False
        try:
            status = stat_in(OUTPUT, folder)
            if not S_ISREG(status.st_mode) or created not in (None, status.st_mtime):
                return False
            unlink_in(OUTPUT, folder)
            _unlink_regular(METADATA, folder)
        except FileNotFoundError:
            return False
        finally:
            close_folder(folder)
        if not _rmdir(argument_hash, parent):
            self._remnants(argument_hash, parent)
        return True

    def leftover(self, path: str, kind: str) -> bool:
        """Remove a leftover, unless it may still be written to or has become an entry.

        Parameters
        ----------
        path : str
            Below the store, ``/`` between its parts.
        kind : {"file", "folder"}
            See `acache.records.Leftover`.

        Returns
        -------
        removed : bool
            Whether it is gone. A folder that holds something foreign stays, emptied of
            what joblib wrote.
        """
        above, _, name = path.rpartition("/")
        if kind == "folder":
            parent = self._function(above)
            return parent is not None and self._remnants(name, parent)
        try:
            folder = open_below(above, self._root)
        except FileNotFoundError:
            return True  # it went with its entry
        try:
            return self._temporary(name, folder)
        finally:
            close_folder(folder)

    def _function(self, function: str) -> Folder | None:
        folder = self._functions.get(function)
        if folder is not None:
            self._functions.move_to_end(function)
            return folder
        try:
            folder = open_below(function, self._root)
        except FileNotFoundError:
            return None
        self._functions[function] = folder
        if len(self._functions) > _MOST_OPEN:
            close_folder(self._functions.popitem(last=False)[1])
        return folder

    def _remnants(self, argument_hash: str, parent: Folder) -> bool:
        """Remove what an interrupted write or deletion left of an entry, and its folder."""
        try:
            folder = open_folder(argument_hash, parent)
        except FileNotFoundError:
            return False
        try:
            names = os.listdir(folder)
            if OUTPUT in names:
                return False  # an entry, once more
            temporaries = [n for n in names if _is_entry_temporary(n)]
            stays = [name for name in temporaries if not self._temporary(name, folder)]
            if stays:
                return False  # a write in flight
            removed = METADATA in names and _unlink_regular(METADATA, folder)
        except FileNotFoundError:
            return False
        finally:
            close_folder(folder)
        return _rmdir(argument_hash, parent) or removed or bool(temporaries)

    def _temporary(self, name: str, folder: Folder) -> bool:
        """Remove a temporary file that is past the grace; False if it stays."""
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


def is_expired(name: str, modified: float, *, grace: float, now: float) -> bool:
    """Tell whether a temporary file may be removed.

    Parameters
    ----------
    name : str
        Of the file, without its folder.
    modified : float
        When it was last written to, Unix seconds.
    grace : float >= 0
        Seconds.
    now : float
        Unix seconds.

    Returns
    -------
    expired : bool
        False within the grace, and while its process lives on this host.
    """
    temporary = parse_temporary(name)
    return (
        temporary is not None
        and modified <= now - grace
        and not may_be_writing(temporary.pid, modified)
    )


def _is_entry_temporary(name: str) -> bool:
    temporary = parse_temporary(name)
    return temporary is not None and temporary.target != SOURCE


def _unlink_regular(name: str, folder: Folder) -> bool:
    """Remove a regular file; what is no such file is foreign, and stays."""
    try:
        if not S_ISREG(stat_in(name, folder).st_mode):
            return False
        unlink_in(name, folder)
    except FileNotFoundError:
        return False
    return True


def _rmdir(name: str, parent: Folder) -> bool:
    """Remove a folder if nothing is in it; False if it stays."""
    try:
        rmdir_in(name, parent)
    except OSError as error:
        if error.errno not in _STAYS:
            raise
        return False
    return True
