"""A store on object storage.

Below its URL the objects are named as the files of a location are, ``joblib/FUNCTION/HASH/...``;
or, where `acache` itself shares results, ``joblib/FUNCTION/source-<16 digits>/HASH/...``, so that
versions of a function do not remove each other's results. Commands read both.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from acache.store.bucket_format import is_version
from acache.store.bucket_listing import Listing, Places, Sorter, Sources
from acache.store.changes import LARGEST_SOURCE, Removal, StoredEntry, StoredSource, Writing
from acache.store.folder import LARGEST_METADATA
from acache.store.format import (
    METADATA,
    OUTPUT,
    SOURCE,
    is_hash,
    parse_metadata,
    split_source,
)
from acache.store.layout import JOBLIB, SPLIT, divide, is_group, join
from acache.store.levels import LONGEST_LEVEL, level_path
from acache.store.model import (
    Entry,
    FolderStatus,
    ForeignResult,
    Found,
    Leftover,
    Metadata,
    Unreadable,
)
from acache.store.objects import BucketError, Objects
from acache.store.store import DEFAULTS, F, ScanOptions, Store, Traits

if TYPE_CHECKING:
    from acache.store.handing import Sharing

_READERS = 32  # requests at a time for small objects
_TICK = 1000  # things found between two calls of progress


class BucketStore(Store):
    """A store on object storage; see `acache.store.store.Store`.

    Raises
    ------
    ConfigurationError
        If obstore is not installed, or the URL or the environment is not valid.
    BucketError
        If the server cannot be reached, or refuses.
    """

    is_trusted = False
    traits = Traits(access_times=False, durations=False, fork=False, batch=500)

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self._objects = Objects(os.fspath(location))
        self.location = self._objects.url
        with self._named():
            folders, _ = self._objects.children()
            self._base = JOBLIB if JOBLIB in folders else ""
            self.exists = bool(self._base) or self._holds_source()
        self.path = f"{self.location}/{JOBLIB}" if self._base or not self.exists else self.location
        self.places = Places()
        self._found: Sources = {}  # by the scan
        self._is_listed = False
        self._sources: dict[str, str | None] = {}
        self._levels: set[str] | None = None  # functions whose level is kept
        self._results: dict[str, set[str]] | None = None  # see `BucketWriting`

    def _holds_source(self) -> bool:
        page = next(self._objects.pages(), [])
        return any(os.path.basename(one.key) in (SOURCE, OUTPUT) for one in page)

    def __getstate__(self) -> dict[str, object]:
        return {"location": self.location}

    def __setstate__(self, state: dict[str, str]) -> None:
        self.__init__(state["location"])  # type: ignore[misc]
        self._results = {}  # a worker has it for one job

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Name the store in what is raised."""
        try:
            yield
        except BucketError as error:
            raise BucketError(error.errno, error.strerror, self.location) from None

    def _key(self, path: str) -> str:
        return join(self._base, path) if path else self._base

    def functions(
        self, unreadable: list[Unreadable] | None = None, *, most: int | None = None
    ) -> Iterator[str]:
        """Walk the functions that any object belongs to, by a listing of everything."""
        seen: set[str] = set()
        try:
            for found in self.scan():
                is_function = isinstance(found, Entry | Leftover) or found.kind == "source"
                if is_function and found.function not in seen:
                    seen.add(found.function)
                    yield found.function
        except BucketError as error:
            if unreadable is None:
                raise
            unreadable.append(Unreadable("", error.strerror or str(error)))

    def scan(self, options: ScanOptions = DEFAULTS) -> Iterator[Found]:
        """List the store by several requests at once, in no order."""
        if not self.exists:
            return
        sources: Sources = {}
        yield from self.found_by(self.listing(options, sources), options)
        if options.function is None:
            self.keep_sources(sources)

    def listing(self, options: ScanOptions, sources: Sources, **limits: Any) -> Listing:
        """Make a listing of the store; for the sources see `Sorter`, for the limits `Listing`."""
        now = time.time() if options.now is None else options.now
        sorter = partial(Sorter, self.places, options.select, now - options.grace, sources)
        below = self._key(options.function or "")
        return Listing(self._objects, self._base, below, sorter, **limits)

    @property
    def is_divisible(self) -> bool:
        """Whether several can list it: the server begins a listing at any key."""
        return self._objects.starts_anywhere

    def found_by(self, listing: Listing, options: ScanOptions) -> Iterator[Found]:
        """Walk what a listing finds."""
        found: Iterable[Found] = listing
        if options.durations:
            found = self._with_durations(found)
        with self._named():
            yield from found

    def keep_sources(self, sources: Sources) -> None:
        """Keep what a scan of everything has found: there are no other sources."""
        self._found = sources
        self._is_listed = True

    def _with_durations(self, found: Iterable[Found]) -> Iterator[Found]:
        """Read what was recorded of each entry, some of them at a time."""
        with ThreadPoolExecutor(_READERS) as pool:
            pending: list[Found] = []
            for one in found:
                pending.append(one)
                if len(pending) >= 4 * _READERS:
                    yield from pool.map(self._with_duration, pending)
                    pending = []
            yield from pool.map(self._with_duration, pending)

    def _with_duration(self, found: Found) -> Found:
        if not isinstance(found, Entry):
            return found
        try:
            metadata = self.metadata(found.function, found.hash, found.place)
        except (OSError, ValueError):
            return found
        return found._replace(compute_seconds=metadata and metadata.duration)

    def fold(self, new_fold: Callable[[], F], options: ScanOptions = DEFAULTS) -> F:
        """List the store into a fold, in this process."""
        fold = new_fold()
        for count, found in enumerate(self.scan(options), 1):
            fold.add(found)
            if options.progress is not None and count % _TICK == 0:
                options.progress(count)
        return fold

    def sharing(self) -> Sharing:
        """Return what divides listing, or the work on entries, among processes."""
        # By its name, as it imports this module.
        from importlib import import_module

        sharing: Sharing = import_module("acache.store.bucket_sharing").BucketSharing(self)
        return sharing

    def hashes(self, function: str, prefix: str = "") -> list[str]:
        """List the folders of a function, and of its sources, that are named like an entry."""
        hashes: dict[str, None] = {}
        for folder in self._function_folders(function):
            for key in self._objects.children(self._key(folder))[0]:
                name = key.rpartition("/")[2]
                if is_hash(name) and name.startswith(prefix):
                    hashes[name] = None
                elif is_group(name) and (name.startswith(prefix) or prefix.startswith(name)):
                    for below in self._objects.children(key)[0]:
                        whole = name + below.rpartition("/")[2]
                        if is_hash(whole) and whole.startswith(prefix):
                            hashes[whole] = None
        return list(hashes)

    def _function_folders(self, function: str) -> list[str]:
        """Return a function's folder, and those of its sources, below the store."""
        names = (key.rpartition("/")[2] for key in self._objects.children(self._key(function))[0])
        return [function, *(join(function, name) for name in names if is_version(name))]

    def _folder(self, function: str, place: int) -> str:
        version = self.places.version(place)
        return join(function, version) if version else function

    def _entry_folder(self, function: str, argument_hash: str, place: int | None) -> str:
        """Return where an entry is, below the store; if its place is not known, ask."""
        if place is not None:
            folder = self._folder(function, place)
            name = "/".join(divide(argument_hash)) if place & SPLIT else argument_hash
            return join(folder, name)
        folders = [
            join(folder, name)
            for folder in self._function_folders(function)
            for name in (argument_hash, "/".join(divide(argument_hash)))
        ]
        holds = self._objects.holds
        return next((one for one in folders if holds(self._key(f"{one}/{OUTPUT}"))), folders[0])

    def metadata(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Metadata | None:
        """Read an entry's ``metadata.json``, of up to 64 MB."""
        folder = self._entry_folder(function, argument_hash, place)
        data = self._read(f"{folder}/{METADATA}", limit=LARGEST_METADATA)
        return None if data is None else parse_metadata(data)

    def _read(self, path: str, *, limit: int) -> bytes | None:
        try:
            return self._objects.read(self._key(path), limit=limit)
        except FileNotFoundError:
            return None

    def open_output(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Open an entry's ``output.pkl``; a request for each megabyte that is read."""
        folder = self._entry_folder(function, argument_hash, place)
        return self._objects.open(self._key(f"{folder}/{OUTPUT}"))

    @contextmanager
    def open_entry(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Iterator[StoredEntry]:
        """Open an entry's objects."""
        folder = self._entry_folder(function, argument_hash, place)
        key = self._key(f"{folder}/{OUTPUT}")
        status = self._objects.status(key)
        at = int(status.modified * 1e9)
        metadata = self._read(f"{folder}/{METADATA}", limit=LARGEST_METADATA)
        with self._objects.open(key) as output:
            yield StoredEntry(output, status.size_bytes, at, at, metadata, at)

    def reading_changes_access(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> bool:
        """Return False: there is no access time."""
        return False

    def lacks_output(self, path: str) -> bool:
        """Return whether there is no ``output.pkl`` below a path, and anything else."""
        _, objects = self._objects.children(self._key(path))
        return bool(objects) and self._key(f"{path}/{OUTPUT}") not in objects

    def foreign_result(self, path: str) -> ForeignResult | None:
        """Return None: there are no links, and joblib reads nothing here."""
        return None

    def source(self, function: str) -> str | None:
        """Read a function's ``func_code.py``: that of the source that was shared last."""
        if function not in self._sources:
            wanted = list((self._found.keys() | {function}) - self._sources.keys())
            with ThreadPoolExecutor(_READERS) as pool:
                self._sources.update(
                    zip(wanted, pool.map(self._latest_source, wanted), strict=True)
                )
        return self._sources[function]

    def _latest_source(self, function: str) -> str | None:
        if function in self._found:
            address = self.address(self._found[function][1])
        elif self._is_listed:
            return None
        else:
            address = self.source_addresses(function)[-1]
        data = self.source_bytes(address)
        return None if data is None else split_source(data.decode("utf-8", "replace"))

    def source_addresses(self, function: str) -> list[str]:
        """Return where the sources of a function are, the latest last."""
        found = []
        for folder in self._function_folders(function):
            try:
                status = self._objects.status(self._key(f"{folder}/{SOURCE}"))
            except FileNotFoundError:
                continue
            found.append((status.modified, self.address(f"{folder}/{SOURCE}")))
        return [address for _, address in sorted(found)] or [self.address(f"{function}/{SOURCE}")]

    def source_bytes(self, address: str) -> bytes | None:
        """Read a ``func_code.py`` as it is."""
        return self._read(address[len(self.path) + 1 :], limit=LARGEST_SOURCE)

    def stored_source(self, function: str, place: int = 0) -> StoredSource | None:
        """Read the ``func_code.py`` of one source."""
        key = self._key(f"{self._folder(function, place)}/{SOURCE}")
        try:
            status = self._objects.status(key)
            data = self._objects.read(key, limit=LARGEST_SOURCE)
        except FileNotFoundError:
            return None
        return StoredSource(data, int(status.modified * 1e9))

    def has_source(self, function: str, place: int, source: StoredSource) -> bool:
        """Return True where entries are kept by their source: it never changes there."""
        is_kept_by_source = bool(self.places.version(place))
        return is_kept_by_source or super().has_source(function, place, source)

    def function_place(self, place: int) -> int:
        """Return the place without what tells the layouts apart."""
        return place & ~SPLIT

    def recorded_level(self, function: str) -> int | None:
        """Return what is kept beside the store."""
        try:
            key = level_path(function)
            if self._levels is None:
                self._levels = set(self._objects.children(os.path.dirname(key))[1])
            if key not in self._levels:
                return None
            return int(self._objects.read(key, limit=LONGEST_LEVEL))
        except (OSError, ValueError):
            return None

    def removing(
        self, *, grace: float, now: float | None = None
    ) -> AbstractContextManager[Removal]:
        """Open the store for deletion."""
        # What only reads does not load what deletes.
        from acache.store.bucket_removal import BucketRemoval

        deadline = (time.time() if now is None else now) - grace
        removal = BucketRemoval(self._objects, self._key, self._entry_folder, deadline=deadline)
        return nullcontext(removal)  # nothing is held open

    def writing(
        self, *, split: bool | None = None, dry_run: bool = False
    ) -> AbstractContextManager[Writing]:
        """Open the store for writing; there is one layout."""
        from acache.store.bucket_write import BucketWriting

        def key_of(function: str, argument_hash: str, place: int | None) -> str:
            return self._key(self._entry_folder(function, argument_hash, place))

        writing = BucketWriting(self._objects, key_of, dry_run=dry_run, known=self._results)
        return nullcontext(writing)

    def free_bytes(self) -> int:
        """Raise an error: a bucket has no limit.

        Raises
        ------
        OSError
            Always.
        """
        raise BucketError(errno.ENOTSUP, "object storage has no limit", self.location)

    def folders(self) -> Iterator[FolderStatus]:
        """Return nothing: there are no folders that users could write to."""
        return iter(())

    def address(self, path: str) -> str:
        """Return a URL."""
        return f"{self.path}/{path}" if path else self.path

    def entry_address(self, function: str, argument_hash: str, place: int | None = None) -> str:
        """Return the URL of an entry's folder."""
        return self.address(self._entry_folder(function, argument_hash, place))
