"""The interface of a store: all that the rooms above see of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

from acache.config.buckets import is_url
from acache.store.changes import Removal, StoredEntry, StoredSource, Writing
from acache.store.layout import BELOW_JOBLIB
from acache.store.leftovers import GRACE_SECONDS
from acache.store.model import FolderStatus, ForeignResult, Found, Metadata, Unreadable

Select = Callable[[str, str], bool]
Progress = Callable[[int], None]


class EntryWatcher(Protocol):
    """Is shown the statuses of each entry's folder and ``output.pkl``, which a scan looks up."""

    def entry(self, path: str, folder: os.stat_result, output: os.stat_result) -> None:
        """Look at an entry; `path` is that of its folder, below the store."""

    def merge(self, other: Any) -> None:
        """Add what the same watcher has seen in another process; it can be pickled."""


class ScanOptions(NamedTuple):
    """How to scan a store.

    Attributes
    ----------
    durations : bool
        Whether to read what joblib recorded of each entry's compute time. Without it no file is
        opened.
    select : callable, optional
        Is asked with a function id, ``/`` between its parts, and the argument hash of what may be
        an entry of that function; where it returns False, the entry is left out.
    function : str, optional
        Function id; only this function's folders are walked, and what is defined in it.
    whole : bool
        Whether a file with several names takes room on disk at each of them, rather than once, as
        in ``du``.
    grace : float >= 0
        Seconds; a leftover that was written to later than this is in flight.
    now : float, optional
        Unix seconds that the grace counts from.
    fork : bool
        Whether a second process may help to fold a large store, where the system has `os.fork`.
        Only for a process that has no other threads.
    progress : callable, optional
        Is called by a fold now and then with the number of things found so far.
    piece : int > 0, optional
        How many entries a fold hands out at a time, given where the work on each takes long.
    watcher : EntryWatcher, optional
        May be shown an entry twice.
    """

    durations: bool = False
    select: Select | None = None
    function: str | None = None
    whole: bool = False
    grace: float = GRACE_SECONDS
    now: float | None = None
    fork: bool = False
    progress: Progress | None = None
    piece: int | None = None
    watcher: EntryWatcher | None = None


DEFAULTS = ScanOptions()


class Fold(Protocol):
    """What a scan is folded into, in no particular order. It can be pickled."""

    def add(self, found: Found, /) -> None:
        """Add one more thing that the scan found."""

    def merge(self, other: Any, /) -> None:
        """Add everything that another fold of the same kind holds."""


F = TypeVar("F", bound=Fold)


class Traits(NamedTuple):
    """What a kind of store can do.

    Attributes
    ----------
    access_times : bool
        Whether it knows when an entry was last used; where it does not, that is when the entry was
        written.
    durations : bool
        Whether a scan reads the recorded durations without a request for each entry.
    fork : bool
        Whether processes that are forked may use it.
    batch : int > 0
        How many entries to remove at a time.
    """

    access_times: bool = True
    durations: bool = True
    fork: bool = True
    batch: int = 8


class Store:
    """A joblib store: where `joblib.Memory` keeps its results.

    Parameters
    ----------
    location : str or os.PathLike
        What was given to `joblib.Memory`, or the URL of a bucket: ``s3://BUCKET/PREFIX``, ``gs://``
        or ``az://``. The store is ``LOCATION/joblib`` if that is a folder; or else the location
        itself, as it is when joblib was given a `pathlib.Path`, if any ``func_code.py`` is below
        it. Where there are both, both are one store: the location.

    Attributes
    ----------
    location : str
        Absolute, or a URL.
    path : str
        Of the store, whether it exists or not.
    exists : bool
        Whether there was a store when this object was made.
    is_trusted : bool
        Whether its results were written here; else they are judged before they are copied.

    Raises
    ------
    ConfigurationError
        If the location is a file.
    UsageError
        If it has the form of a URL, and is none of a bucket.
    PermissionError
        If the location may not be looked into.

    Examples
    --------
    >>> from acache import Store
    >>> Store("/nowhere").exists
    False
    """

    location: str
    path: str
    exists: bool
    traits: Traits = Traits()
    is_trusted: bool = True

    def __new__(cls, location: str | os.PathLike[str]) -> Store:
        """Make a store of the kind that lies at the location: a folder, or a bucket."""
        if cls is not Store:
            return super().__new__(cls)
        # By its name, as it imports this module.
        from importlib import import_module

        module, name = ("bucket", "BucketStore") if is_url(location) else ("local", "LocalStore")
        kind: type[Store] = getattr(import_module(f"acache.store.{module}"), name)
        return super().__new__(kind)

    def __getnewargs__(self) -> tuple[str]:
        """Return what `__new__` needs when it is unpickled or copied."""
        return (self.location,)

    def functions(
        self, unreadable: list[Unreadable] | None = None, *, most: int | None = None
    ) -> Iterator[str]:
        """Walk the functions that have a source, or something named like an entry.

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
        raise NotImplementedError

    def scan(self, options: ScanOptions = DEFAULTS) -> Iterator[Found]:
        """Walk everything in the store, each file and folder once.

        The walk goes on where something vanishes or cannot be read. Links are not followed, but
        for the store's own folder.

        Parameters
        ----------
        options : ScanOptions
            Those of a fold are not used.

        Yields
        ------
        found : Entry, Leftover, Other or Unreadable
            In the order of the file system.
        """
        raise NotImplementedError

    def fold(self, new_fold: Callable[[], F], options: ScanOptions = DEFAULTS) -> F:
        """Scan the store into a fold, by two processes where it is large.

        Parameters
        ----------
        new_fold : callable
            Makes an empty fold.
        options : ScanOptions

        Returns
        -------
        fold
            Of everything that the scan found.
        """
        raise NotImplementedError

    def sharing(self) -> Any:
        """Return an `acache.store.handing.Sharing`; None where one process has to do the work."""
        return None

    def hashes(self, function: str, prefix: str = "") -> list[str]:
        """List the argument hashes of a function's entries, which are not looked into.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        prefix : str
            First digits that they have.

        Returns
        -------
        hashes : list of str
            Each once, in the order of the file system; empty if the function is gone or unreadable.
        """
        raise NotImplementedError

    def metadata(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Metadata | None:
        """Read what joblib recorded of an entry.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        argument_hash : str
        place : int, optional
            See `acache.store.model.Entry`; by default the first that holds such an entry.

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
        raise NotImplementedError

    def open_output(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> AbstractContextManager[BinaryIO]:
        """Open an entry's ``output.pkl``, to be read and never to be loaded: that runs code.

        Its access time is put back at the end, where the system allows.

        Raises
        ------
        OSError
            If it cannot be opened.
        """
        raise NotImplementedError

    def open_entry(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> AbstractContextManager[StoredEntry]:
        """Open an entry's files to copy them as they are; see `open_output`.

        Raises
        ------
        OSError
            If they cannot be read.
        """
        raise NotImplementedError

    def reading_changes_access(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> bool:
        """Return whether reading an entry's ``output.pkl`` may change its last access all the same.

        Raises
        ------
        OSError
            If there is no such file.
        """
        raise NotImplementedError

    def lacks_output(self, path: str) -> bool:
        """Return whether there is a folder at a path below the store, and no result in it."""
        raise NotImplementedError

    def foreign_result(self, path: str) -> ForeignResult | None:
        """Return what joblib would read as a result, or look for results in, though it is foreign.

        Parameters
        ----------
        path : str
            Of something foreign, below the store.
        """
        raise NotImplementedError

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
            ``func_code.py``. Of several the one that was written last.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        raise NotImplementedError

    def source_addresses(self, function: str) -> list[str]:
        """Return where a function's ``func_code.py`` is or should be: one path, or two.

        They are for `source_bytes`, and to be shown to the user.
        """
        raise NotImplementedError

    def source_bytes(self, address: str) -> bytes | None:
        """Read a ``func_code.py`` as it is; a link is followed, as joblib does.

        Raises
        ------
        IsADirectoryError
            If it is a folder.
        OSError
            If it cannot be read.
        """
        raise NotImplementedError

    def stored_source(self, function: str, place: int = 0) -> StoredSource | None:
        """Read a function's ``func_code.py`` to copy it as it is; None if there is none.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        place : int
            Of an entry of the function; see `acache.store.model.Entry`.

        Raises
        ------
        OSError
            If it cannot be read, is a link, or is too large.
        """
        raise NotImplementedError

    def function_place(self, place: int) -> int:
        """Return the place of the function of an entry: all entries there are of one source."""
        return place & BELOW_JOBLIB

    def has_source(self, function: str, place: int, source: StoredSource) -> bool:
        """Return whether a function's source is still the file that `stored_source` returned."""
        return self.stored_source(function, place) == source

    def recorded_level(self, function: str) -> int | None:
        """Return the level that `acache.store.levels.record_level` kept beside the store."""
        raise NotImplementedError

    def removing(
        self, *, grace: float, now: float | None = None
    ) -> AbstractContextManager[Removal]:
        """Open the store for deletion: the one way in which anything is deleted.

        Parameters
        ----------
        grace : float >= 0
            Temporary files that were written to within this many seconds are kept.
        now : float, optional
            Unix seconds that the grace counts from.

        Raises
        ------
        OSError
            If the store cannot be opened.
        """
        raise NotImplementedError

    def writing(
        self, *, split: bool | None = None, dry_run: bool = False
    ) -> AbstractContextManager[Writing]:
        """Open the store to write into it; it is made when the first thing is written.

        Parameters
        ----------
        split : bool, optional
            Whether new entries get the split layout; see `acache.store.layout`. By default that of
            the function's other entries, or the flat one.
        dry_run : bool
            Whether to write nothing, and to return what writing would.

        Raises
        ------
        OSError
            If the store cannot be opened.
        """
        raise NotImplementedError

    def free_bytes(self) -> int:
        """Return how many bytes are free where the store lies."""
        raise NotImplementedError

    def folders(self) -> Iterator[FolderStatus]:
        """Walk the folders of modules and functions, the store's own among them."""
        raise NotImplementedError

    def address(self, path: str) -> str:
        """Return how to show the user where something lies.

        Parameters
        ----------
        path : str
            Below the store, ``/`` between its parts; empty for the store itself.
        """
        raise NotImplementedError

    def entry_address(self, function: str, argument_hash: str, place: int | None = None) -> str:
        """Return how to show the user where an entry lies."""
        raise NotImplementedError
