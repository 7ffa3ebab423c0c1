"""The store on disk: its functions, its entries, and what else lies in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from stat import S_ISDIR
from typing import BinaryIO

from acache.store import format as layout
from acache.store.format import METADATA, OUTPUT, SOURCE, is_hash
from acache.store.model import Found, Metadata, Unreadable
from acache.store.remove import Removal
from acache.store.scan import LARGEST_METADATA, Inodes, Select, Share, Walk, Watcher, functions
from acache.system.dirfd import (
    Folder,
    close_folder,
    is_noticed,
    open_below,
    open_folder,
    opened_unnoticed,
    read_file,
)
from acache.system.errors import ConfigurationError

_LARGEST_SOURCE = 16 << 20
_DEEPEST_FUNCTION = 16  # packages, module, classes and enclosing functions


class Store:
    """A joblib store: the folder in which `joblib.Memory` keeps its results.

    Parameters
    ----------
    location : str or os.PathLike
        What was given to `joblib.Memory`. The store is ``LOCATION/joblib`` where that is a folder;
        or else the location itself, as it is when joblib was given a `pathlib.Path`, if there is
        any ``func_code.py`` below it.

    Attributes
    ----------
    location : str
        Absolute.
    path : str
        Of the store, whether it exists or not.
    exists : bool
        Whether there was a store when this object was made.

    Raises
    ------
    ConfigurationError
        If the location is a file.
    PermissionError
        If the location may not be looked into.

    Examples
    --------
    >>> from acache import Store
    >>> Store("/nowhere").exists
    False
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.location = os.path.abspath(os.path.expanduser(os.fspath(location)))
        self.path = os.path.join(self.location, "joblib")
        if os.path.exists(self.location) and not os.path.isdir(self.location):
            raise ConfigurationError(f"{self.location} is a file, not a folder with a cache in it")
        self.exists = _is_folder(self.path)
        if not self.exists and _holds_source(self.location):
            self.path = self.location
            self.exists = True

    def functions(
        self, unreadable: list[Unreadable] | None = None, *, most: int | None = None
    ) -> Iterator[str]:
        """Walk the functions that have a source, or a folder named like an entry.

        Entries are not looked into.

        Parameters
        ----------
        unreadable : list of Unreadable, optional
            Gets the folders that cannot be read.
        most : int, optional
            After this many names a function's folder is left: time does not grow with the entries.
            Functions that are defined in it are found all the same; one that only has the folder
            in common with it, as module and function may have one name, can be missed.

        Yields
        ------
        function : str
            Function id, ``/`` between its parts; in the order of the file system.
        """
        with self._opened() as root:
            told = [] if unreadable is None else unreadable
            if isinstance(root, Unreadable):
                told.append(root)
            elif root is not None:
                yield from functions(root, told, most)

    def scan(self, *, durations: bool = False, select: Select | None = None) -> Iterator[Found]:
        """Walk everything in the store, each file and folder once.

        The walk goes on where something vanishes or cannot be read. Links are not followed, but
        for the store's own folder. Of a file with several names only the first takes room on disk,
        as in ``du``.

        Parameters
        ----------
        durations : bool
            Whether to read what joblib recorded of each entry's compute time. Without it no file
            is opened.
        select : callable, optional
            Is asked with a function id, ``/`` between its parts, and the name of a folder that may
            be an entry of that function; where it returns False, the folder stays shut.

        Yields
        ------
        found : Entry, Leftover, Other or Unreadable
            In the order of the file system.
        """
        return self.scan_shared(durations=durations, seen=set(), share=None, select=select)

    def scan_shared(
        self,
        *,
        durations: bool,
        seen: Inodes | None,
        share: Share | None,
        select: Select | None,
        watcher: Watcher | None = None,
    ) -> Iterator[Found]:
        """Walk the store as `scan` does, without what is shared out; see `acache.store.scan`."""
        with self._opened() as root:
            if isinstance(root, Unreadable):
                yield root
            elif root is not None:
                walk = Walk(
                    root,
                    durations=durations,
                    seen=seen,
                    share=share,
                    select=select,
                    watcher=watcher,
                )
                yield from walk.everything()

    def scan_share(
        self,
        groups: Iterable[tuple[str, bool, list[str]]],
        *,
        durations: bool,
        seen: Inodes | None,
        watcher: Watcher | None = None,
    ) -> Iterator[Found]:
        """Walk what was shared out: paths, whether they have a source, and names in them."""
        with self._opened() as root:
            if root is None or isinstance(root, Unreadable):
                return  # vanished: the one who shares it out tells anything else
            walk = Walk(root, durations=durations, seen=seen, watcher=watcher)
            for path, has_source, names in groups:
                yield from walk.hash_folders(path, names, has_source)

    def hashes(self, function: str) -> list[str]:
        """List the folders of a function that are named like an argument hash; they stay shut.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.

        Returns
        -------
        hashes : list of str
            In the order of the file system; empty if the function's folder is gone or unreadable.
        """
        with self._opened() as root:
            if root is None or isinstance(root, Unreadable):
                return []
            try:
                folder = open_below(function, root)
            except OSError:
                return []
            try:
                return [name for name in os.listdir(folder) if is_hash(name)]
            finally:
                close_folder(folder)

    @contextmanager
    def removing(self, *, grace: float, now: float | None = None) -> Iterator[Removal]:
        """Open the store for deletion: the one way in which anything is deleted.

        Parameters
        ----------
        grace : float >= 0
            Temporary files that were written to within this many seconds stay.
        now : float, optional
            Unix seconds that the grace counts from.

        Yields
        ------
        removal : acache.store.remove.Removal

        Raises
        ------
        OSError
            If the store's folder cannot be opened.
        """
        root = open_folder(self.path)
        try:
            with Removal(root, grace=grace, now=time.time() if now is None else now) as removal:
                yield removal
        finally:
            close_folder(root)

    @contextmanager
    def _opened(self) -> Iterator[Folder | Unreadable | None]:
        try:
            root = open_folder(self.path) if self.exists else None
        except FileNotFoundError:
            root = None
        except OSError as error:
            yield Unreadable("", error.strerror or str(error))
            return
        try:
            yield root
        finally:
            if root is not None:
                close_folder(root)

    def metadata(self, function: str, argument_hash: str) -> Metadata | None:
        """Read what joblib recorded of an entry.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        argument_hash : str

        Returns
        -------
        metadata : Metadata or None
            None if there is no ``metadata.json``; the entry is a hit all the same.

        Raises
        ------
        ValueError
            If it is not what joblib writes.
        OSError
            If it cannot be read.
        """
        data = self._read(f"{function}/{argument_hash}/{METADATA}", limit=LARGEST_METADATA)
        return None if data is None else layout.parse_metadata(data)

    def opened_output(self, function: str, argument_hash: str) -> AbstractContextManager[BinaryIO]:
        """Open an entry's ``output.pkl``, to be read and never to be loaded: that runs code.

        Its access time is put back at the end, where the system allows.

        Raises
        ------
        OSError
            If it cannot be opened.
        """
        return opened_unnoticed(f"{self.path}/{function}/{argument_hash}/{OUTPUT}")

    def is_noticed(self, function: str, argument_hash: str) -> bool:
        """Tell whether reading an entry's ``output.pkl`` may change its last access all the same.

        Raises
        ------
        OSError
            If there is no such file.
        """
        return is_noticed(f"{self.path}/{function}/{argument_hash}/{OUTPUT}")

    def lacks_output(self, function: str, argument_hash: str) -> bool:
        """Tell whether there is an entry's folder, and no ``output.pkl`` in it."""
        folder = f"{self.path}/{function}/{argument_hash}"
        return os.path.isdir(folder) and not os.path.isfile(f"{folder}/{OUTPUT}")

    def source(self, function: str) -> str | None:
        """Read the source that joblib stored for a function.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.

        Returns
        -------
        source : str or None
            With its decorators, without joblib's line about the first line; None if there is no
            ``func_code.py``.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        data = self.source_bytes(function)
        return None if data is None else layout.split_source(data.decode("utf-8", "replace"))

    def source_bytes(self, function: str) -> bytes | None:
        """Read a function's ``func_code.py`` as it is; see `source`."""
        return self._read(f"{function}/{SOURCE}", limit=_LARGEST_SOURCE)

    def _read(self, path: str, *, limit: int) -> bytes | None:
        try:
            return read_file(f"{self.path}/{path}", limit=limit)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _is_folder(path: str) -> bool:
    try:
        return S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _holds_source(location: str) -> bool:
    """Tell whether any function's source lies below a folder; the nearest folders come first.

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
