"""A store in a folder of the local file system."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from stat import S_ISDIR
from typing import TYPE_CHECKING, BinaryIO

from acache.store.changes import LARGEST_SOURCE, Removal, StoredEntry, StoredSource, Writing
from acache.store.folder import LARGEST_METADATA
from acache.store.format import METADATA, OUTPUT, SOURCE, is_hash, parse_metadata, split_source
from acache.store.functions import (
    holds_second_store,
    holds_source,
    list_folders,
    list_functions,
    list_hashes,
)
from acache.store.layout import (
    BELOW_JOBLIB,
    JOBLIB,
    SPLIT,
    entry_path,
    function_path,
    is_group,
    is_rest,
    is_surely_group,
)
from acache.store.levels import recorded_level
from acache.store.model import FolderStatus, ForeignResult, Found, Metadata, Unreadable
from acache.store.parallel import fold_walk
from acache.store.scan import Walk, opened_root
from acache.store.store import DEFAULTS, F, ScanOptions, Store
from acache.system.dirfd import (
    NotAFileError,
    open_file,
    open_in,
    read_file,
    read_known,
    reading_changes_access,
)
from acache.system.errors import ConfigurationError

if TYPE_CHECKING:
    from acache.store.handing import Sharing


class LocalStore(Store):
    """A store in a folder; see `acache.store.store.Store`.

    Folders are held open and their content is named relative to them; no link is followed but the
    store's own folder.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.location = os.path.abspath(os.path.expanduser(os.fspath(location)))
        self.path = os.path.join(self.location, JOBLIB)
        if os.path.exists(self.location) and not os.path.isdir(self.location):
            raise ConfigurationError(f"{self.location} is a file, not a folder with a cache in it")
        self.exists = _is_folder(self.path)
        self._both = self.exists and not os.path.islink(self.path)
        self._both = self._both and holds_second_store(self.location)
        if self._both or (not self.exists and holds_source(self.location)):
            self.path = self.location
            self.exists = True
        self._function_places = (BELOW_JOBLIB, 0) if self._both else (0,)
        self._places = (*self._function_places, *(SPLIT | one for one in self._function_places))

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
                yield from list_functions(root, problems, both=self._both, most=most)

    def scan(self, options: ScanOptions = DEFAULTS) -> Iterator[Found]:
        """Walk the store in this process."""
        return Walk(self._folder, self._both, options).everything()

    def fold(self, new_fold: Callable[[], F], options: ScanOptions = DEFAULTS) -> F:
        """Walk the store into a fold, by two processes if the options allow."""
        return fold_walk(partial(Walk, self._folder, self._both, options), new_fold, options)

    def sharing(self) -> Sharing:
        """Return what divides looking into entries' folders among processes."""
        from acache.store.local_sharing import LocalSharing

        return LocalSharing(self, partial(Walk, self._folder, self._both))

    def hashes(self, function: str, prefix: str = "") -> list[str]:
        """List the folders of a function that are named like an entry."""
        with opened_root(self._folder) as root:
            if root is None or isinstance(root, Unreadable):
                return []
            paths = [function_path(function, place) for place in self._function_places]
            return list_hashes(root, paths, prefix)

    def metadata(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Metadata | None:
        """Read an entry's ``metadata.json``; of one larger than 64 MB long texts are shortened."""
        for folder in self._entry_folders(function, argument_hash, place):
            metadata = _metadata(f"{folder}/{METADATA}")
            if metadata is not None:
                return metadata
        return None

    def open_output(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Open an entry's ``output.pkl``; a link is refused."""
        return open_file(self._output(function, argument_hash, place))

    @contextmanager
    def open_entry(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Iterator[StoredEntry]:
        """Open an entry's ``output.pkl``, and read its ``metadata.json``; links are refused."""
        path = self._output(function, argument_hash, place)
        with open_in(path, None) as output:
            status = os.fstat(output.fileno())
            metadata, recorded_ns = _read_dated(
                f"{os.path.dirname(path)}/{METADATA}", limit=LARGEST_METADATA
            )
            yield StoredEntry(
                output,
                status.st_size,
                status.st_mtime_ns,
                status.st_atime_ns,
                metadata,
                recorded_ns,
            )

    def reading_changes_access(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> bool:
        """Return whether another user owns the ``output.pkl``."""
        return reading_changes_access(self._output(function, argument_hash, place))

    def lacks_output(self, path: str) -> bool:
        """Return whether there is a folder, and no ``output.pkl`` in it."""
        folder = self.address(path)
        return os.path.isdir(folder) and not os.path.isfile(f"{folder}/{OUTPUT}")

    def foreign_result(self, path: str) -> ForeignResult | None:
        """Return the link, or the ``output.pkl`` that is not a file, which joblib would open."""
        if _is_entry(path) and not os.path.islink(self.address(path)):
            path = f"{path}/{OUTPUT}"  # nothing else in there is read
        folder, _, name = path.rpartition("/")
        is_output = name == OUTPUT and _is_entry(folder)
        whole = self.address(path)
        if os.path.islink(whole):
            return ForeignResult(path, True) if is_output or os.path.isdir(whole) else None
        return ForeignResult(path, False) if is_output and os.path.lexists(whole) else None

    def source(self, function: str) -> str | None:
        """Read a function's ``func_code.py``; a link is refused."""
        data = _read(self._latest_source(function), limit=LARGEST_SOURCE)
        return None if data is None else split_source(data.decode("utf-8", "replace"))

    def source_addresses(self, function: str) -> list[str]:
        """Return the path in each folder of the function that holds anything."""
        paths = [self.address(function_path(function, place)) for place in self._function_places]
        held = [path for path in paths if _holds_anything(path)] if len(paths) > 1 else paths
        return [f"{path}/{SOURCE}" for path in held or paths[-1:]]

    def source_bytes(self, address: str) -> bytes | None:
        """Read a ``func_code.py``, or what it links to."""
        path = os.path.realpath(address)
        if os.path.isdir(path):
            raise IsADirectoryError(f"{path} is a folder")
        return _read(path, limit=LARGEST_SOURCE)

    def stored_source(self, function: str, place: int = 0) -> StoredSource | None:
        """Read the ``func_code.py`` in the folder that also holds the entries of a place."""
        path = self.address(f"{function_path(function, place)}/{SOURCE}")
        data, modified_ns = _read_dated(path, limit=LARGEST_SOURCE)
        return None if data is None else StoredSource(data, modified_ns)

    def has_source(self, function: str, place: int, source: StoredSource) -> bool:
        """Compare time and size."""
        try:
            status = os.lstat(self.address(f"{function_path(function, place)}/{SOURCE}"))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (status.st_mtime_ns, status.st_size) == (source.modified_ns, len(source.data))

    def recorded_level(self, function: str) -> int | None:
        """Return what is kept in the location."""
        return recorded_level(self.location, function)

    def removing(
        self, *, grace: float, now: float | None = None
    ) -> AbstractContextManager[Removal]:
        """Open the store's folder for deletion."""
        # What only reads does not load what deletes.
        from acache.store.remove import LocalRemoval

        moment = time.time() if now is None else now
        return LocalRemoval(self.path, places=self._places, grace=grace, now=moment)

    def writing(
        self, *, split: bool | None = None, dry_run: bool = False
    ) -> AbstractContextManager[Writing]:
        """Open the store's folder, if there is one."""
        # What only reads does not load what writes.
        from acache.store.write import LocalWriting

        return LocalWriting(
            self.location,
            self.path,
            exists=self.exists,
            places=self._function_places,
            split=split,
            dry_run=dry_run,
        )

    def free_bytes(self) -> int:
        """Return how many bytes are free on the file system."""
        return shutil.disk_usage(self.path).free

    def folders(self) -> Iterator[FolderStatus]:
        """Walk the folders by their paths."""
        return list_folders(self.path)

    def address(self, path: str) -> str:
        """Return an absolute path."""
        return f"{self.path}/{path}" if path else self.path

    def entry_address(self, function: str, argument_hash: str, place: int | None = None) -> str:
        """Return the absolute path of an entry's folder."""
        folders = self._entry_folders(function, argument_hash, place)
        return next(filter(os.path.isdir, folders), folders[0])

    def _entry_folders(self, function: str, argument_hash: str, place: int | None) -> list[str]:
        """Return where an entry's folder may be, or is if its place is known."""
        places = self._places if place is None else (place,)
        return [self.address(entry_path(function, argument_hash, one)) for one in places]

    def _output(self, function: str, argument_hash: str, place: int | None) -> str:
        folders = self._entry_folders(function, argument_hash, place)
        outputs = [f"{folder}/{OUTPUT}" for folder in folders]
        return (
            next(filter(os.path.lexists, outputs), outputs[0]) if len(outputs) > 1 else outputs[0]
        )

    def _latest_source(self, function: str) -> str:
        """Return the source that was written last: of the code that was used last."""
        addresses = self.source_addresses(function)
        return max(addresses, key=_modified) if len(addresses) > 1 else addresses[0]


def _read(path: str, *, limit: int) -> bytes | None:
    try:
        return read_file(path, limit=limit)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read_dated(path: str, *, limit: int) -> tuple[bytes | None, int]:
    """Read a file, and its modification time; None if there is none."""
    try:
        status = os.lstat(path)
        return read_known(path, None, status, limit=limit), status.st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None, 0


def _is_folder(path: str) -> bool:
    try:
        return S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_entry(path: str) -> bool:
    """Return whether a path below the store is named like an entry's folder."""
    above, _, name = path.rpartition("/")
    return is_hash(name) or (is_rest(name) and is_group(above.rpartition("/")[2]))


def _holds_anything(folder: str) -> bool:
    """Return whether a function's folder holds its source, or something named like an entry."""
    try:
        with os.scandir(folder) as children:
            return any(
                child.name == SOURCE or is_hash(child.name) or is_surely_group(child.name)
                for child in children
            )
    except OSError:
        return False


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return 0.0


def _metadata(path: str) -> Metadata | None:
    try:
        data = _read(path, limit=LARGEST_METADATA)
    except NotAFileError as error:
        if error.errno != errno.EFBIG:
            raise
        from acache.store.large_metadata import read_large_metadata

        with open_file(path) as file:
            return read_large_metadata(file)
    return None if data is None else parse_metadata(data)
