"""A store in a folder of the local file system."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from stat import S_ISDIR
from typing import BinaryIO

from acache.store.format import METADATA, OUTPUT, SOURCE, is_hash, parse_metadata, split_source
from acache.store.functions import holds_source, list_folders, list_functions
from acache.store.levels import recorded_level
from acache.store.model import FolderStatus, ForeignResult, Found, Metadata, Unreadable
from acache.store.parallel import fold_walk
from acache.store.scan import LARGEST_METADATA, Walk, join, opened_root
from acache.store.store import DEFAULTS, F, Removal, ScanOptions, Store
from acache.system.dirfd import (
    NotAFileError,
    close_folder,
    open_below,
    open_file,
    read_file,
    reading_changes_access,
)
from acache.system.errors import ConfigurationError

_LARGEST_SOURCE = 16 << 20  # bytes


class LocalStore(Store):
    """A store in a folder; see `acache.store.store.Store`.

    Folders are held open and their content is named relative to them; no link is followed but the
    store's own folder.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.location = os.path.abspath(os.path.expanduser(os.fspath(location)))
        self.path = os.path.join(self.location, "joblib")
        if os.path.exists(self.location) and not os.path.isdir(self.location):
            raise ConfigurationError(f"{self.location} is a file, not a folder with a cache in it")
        self.exists = _is_folder(self.path)
        if not self.exists and holds_source(self.location):
            self.path = self.location
            self.exists = True

    @property
    def _folder(self) -> str | None:
        return self.path if self.exists else None

    def functions(
        self, unreadable: list[Unreadable] | None = None, *, most: int | None = None
    ) -> Iterator[str]:
        """Walk the functions; where the system counts links, a large folder is not listed."""
        with opened_root(self._folder) as root:
            problems = [] if unreadable is None else unreadable
            if isinstance(root, Unreadable):
                problems.append(root)
            elif root is not None:
                yield from list_functions(root, problems, most)

    def scan(self, options: ScanOptions = DEFAULTS) -> Iterator[Found]:
        """Walk the store in this process."""
        return Walk(self._folder, options).everything()

    def fold(self, new_fold: Callable[[], F], options: ScanOptions = DEFAULTS) -> F:
        """Walk the store into a fold, by two processes if the options allow."""
        return fold_walk(partial(Walk, self._folder, options), new_fold, options)

    def hashes(self, function: str) -> list[str]:
        """List the folders of a function that are named like an argument hash."""
        with opened_root(self._folder) as root:
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

    def metadata(self, function: str, argument_hash: str) -> Metadata | None:
        """Read an entry's ``metadata.json``; of one larger than 64 MB long texts are shortened."""
        path = f"{self.entry_address(function, argument_hash)}/{METADATA}"
        try:
            data = _read(path, limit=LARGEST_METADATA)
        except NotAFileError as error:
            if error.errno != errno.EFBIG:
                raise
            from acache.store.large_metadata import read_large_metadata

            with open_file(path) as file:
                return read_large_metadata(file)
        return None if data is None else parse_metadata(data)

    def open_output(self, function: str, argument_hash: str) -> AbstractContextManager[BinaryIO]:
        """Open an entry's ``output.pkl``; a link is refused."""
        return open_file(self._output(function, argument_hash))

    def reading_changes_access(self, function: str, argument_hash: str) -> bool:
        """Return whether another user owns the ``output.pkl``."""
        return reading_changes_access(self._output(function, argument_hash))

    def lacks_output(self, function: str, argument_hash: str) -> bool:
        """Return whether there is a folder, and no ``output.pkl`` in it."""
        folder = self.entry_address(function, argument_hash)
        return os.path.isdir(folder) and not os.path.isfile(f"{folder}/{OUTPUT}")

    def foreign_result(self, path: str) -> ForeignResult | None:
        """Return the link, or the ``output.pkl`` that is not a file, which joblib would open."""
        name = path.rpartition("/")[2]
        if is_hash(name) and not os.path.islink(self.address(path)):
            path = f"{path}/{OUTPUT}"  # nothing else in there is read
        folder, _, name = path.rpartition("/")
        is_output = name == OUTPUT and is_hash(folder.rpartition("/")[2])
        whole = self.address(path)
        if os.path.islink(whole):
            return ForeignResult(path, True) if is_output or os.path.isdir(whole) else None
        return ForeignResult(path, False) if is_output and os.path.lexists(whole) else None

    def source(self, function: str) -> str | None:
        """Read a function's ``func_code.py``; a link is refused."""
        data = _read(self.source_address(function), limit=_LARGEST_SOURCE)
        return None if data is None else split_source(data.decode("utf-8", "replace"))

    def source_bytes(self, function: str) -> bytes | None:
        """Read a function's ``func_code.py``, or what it links to."""
        path = os.path.realpath(self.source_address(function))
        if os.path.isdir(path):
            raise IsADirectoryError(f"{path} is a folder")
        return _read(path, limit=_LARGEST_SOURCE)

    def recorded_level(self, function: str) -> int | None:
        """Return what is kept in the location."""
        return recorded_level(self.location, function)

    def removing(
        self, *, grace: float, now: float | None = None
    ) -> AbstractContextManager[Removal]:
        """Open the store's folder for deletion."""
        # What only reads does not load what deletes.
        from acache.store.remove import LocalRemoval

        return LocalRemoval(self.path, grace=grace, now=time.time() if now is None else now)

    def free_bytes(self) -> int:
        """Return how many bytes are free on the file system."""
        return shutil.disk_usage(self.path).free

    def folders(self) -> Iterator[FolderStatus]:
        """Walk the folders by their paths."""
        return list_folders(self.path)

    def address(self, path: str) -> str:
        """Return an absolute path."""
        return f"{self.path}/{path}" if path else self.path

    def entry_address(self, function: str, argument_hash: str) -> str:
        """Return the absolute path of an entry's folder."""
        return self.address(join(function, argument_hash))

    def source_address(self, function: str) -> str:
        """Return an absolute path."""
        return self.address(join(function, SOURCE))

    def _output(self, function: str, argument_hash: str) -> str:
        return f"{self.entry_address(function, argument_hash)}/{OUTPUT}"


def _read(path: str, *, limit: int) -> bytes | None:
    try:
        return read_file(path, limit=limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_folder(path: str) -> bool:
    try:
        return S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
