"""The walk over a store: which file or folder is what, each counted exactly once."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from stat import S_ISDIR, S_ISREG
from typing import Literal, NamedTuple

from acache.store.format import (
    METADATA,
    OUTPUT,
    SOURCE,
    duration_at_ends,
    is_entry_temporary,
    is_hash,
    parse_duration,
    parse_temporary,
)
from acache.store.leftovers import has_failed, is_expired
from acache.store.model import Entry, Found, Leftover, Other, Unreadable, Usage
from acache.store.store import ScanOptions
from acache.system.dirfd import (
    HAS_BLOCKS,
    RELATIVE,
    Folder,
    close_folder,
    folder_flags,
    is_regular,
    open_below,
    open_folder,
    read_ends,
    read_known,
    stat_in,
)

LARGEST_METADATA = 64 << 20  # bytes; it holds the repr of each argument
_END_BYTES = 4096

Inodes = set[tuple[int, int]]
_Kind = Literal["temporary", "source", "folder", "foreign"]


class Place(NamedTuple):
    """A folder in the walk: its path below the store, and whose it is.

    `function` is the id of the function that has this folder, or the entry whose folder it is;
    `hash` is the argument hash of that entry, empty outside of entries.
    """

    path: str
    function: str
    hash: str = ""


# Asked of each folder named like an argument hash (the place of its parent, its name, and whether
# its parent has a source): True if another process looks into it.
HandOver = Callable[[Place, str, bool], bool]
Group = tuple[Place, bool, list[str]]  # a place, whether it has a source, and names in it


class Walk:
    """One walk over a store, or a part of one. What vanishes meanwhile is passed over.

    Parameters
    ----------
    store : str or None
        Path of the store's folder; None if it does not exist.
    options : ScanOptions
    hand_over : callable, optional
        May take folders named like an argument hash out of this walk.

    Attributes
    ----------
    seen : set of (int, int) or None
        Device and inode of each file with several names, which takes room on disk once, where it
        is met first; None where it does wherever it is met.
    """

    def __init__(
        self, store: str | None, options: ScanOptions, hand_over: HandOver | None = None
    ) -> None:
        self.seen: Inodes | None = None if options.whole else set()
        self._store = store
        self._durations = options.durations
        self._select = options.select
        self._watcher = options.watcher
        self._hand_over = hand_over
        now = time.time() if options.now is None else options.now
        self._is_expired = partial(is_expired, grace=options.grace, now=now)

    def everything(self) -> Iterator[Found]:
        """Walk the whole store."""
        with opened_root(self._store) as root:
            if isinstance(root, Unreadable):
                yield root
            elif root is not None:
                self._hold(root)
                try:
                    status = os.stat(root)
                except FileNotFoundError:  # a folder that is held as its path can vanish
                    return
                yield Other("", "folder", "", self._usage(status))
                yield from self._folders()

    def part(self, groups: Iterable[Group]) -> Iterator[Found]:
        """Walk some folders named like argument hashes; the other process names what is wrong."""
        with opened_root(self._store) as root:
            if root is None or isinstance(root, Unreadable):
                return
            self._hold(root)
            for here, has_source, names in groups:
                yield from self._hash_folders(here, names, has_source)

    def _hold(self, root: Folder) -> None:
        self._root = root
        self._flags = folder_flags(root)

    def _hash_folders(self, here: Place, names: Iterable[str], has_source: bool) -> Iterator[Found]:
        try:
            folder = open_below(here.path, self._root)
        except OSError as error:
            yield from unreadable(here, error)
            return
        try:
            for name in names:
                entry = self._plain_entry(here, name, folder)
                if entry is not None:
                    yield entry
                else:
                    yield from self._hash_folder(here, name, folder, has_source)
        finally:
            close_folder(folder)

    def _folders(self) -> Iterator[Found]:
        pending = [Place("", "")]
        while pending:
            here = pending.pop()
            try:
                folder = open_below(here.path, self._root)
            except OSError as error:
                yield from unreadable(here, error)
                continue
            try:
                yield from self._children(here, folder, pending)
            except OSError as error:
                yield from unreadable(here, error)
            finally:
                close_folder(folder)

    def _children(self, here: Place, folder: Folder, pending: list[Place]) -> Iterator[Found]:
        hand_over, select = self._hand_over, self._select
        has_source = is_regular(SOURCE, folder)
        with os.scandir(folder) as children:
            for child in children:
                name = child.name
                if not child.is_dir(follow_symlinks=False):
                    yield from self._one(here, name, folder, _kind_beside_entries(name))
                elif not is_hash(name):
                    for found in self._one(here, name, folder, "folder"):
                        yield found
                        if isinstance(found, Other):
                            pending.append(Place(found.path, found.function))
                elif select is not None and not select(here.function, name):
                    continue
                elif hand_over is None or not hand_over(here, name, has_source):
                    entry = self._plain_entry(here, name, folder)
                    if entry is not None:
                        yield entry
                    else:
                        yield from self._hash_folder(here, name, folder, has_source)

    def _one(self, here: Place, name: str, folder: Folder, kind: _Kind) -> Iterator[Found]:
        """Look at one file or folder, and at nothing in it."""
        path = join(here.path, name)
        try:
            status = stat_in(name, folder)
        except OSError as error:
            yield from unreadable(Place(path, here.function, here.hash), error)
            return
        usage = self._usage(status)
        if kind == "folder":
            yield Other(path, kind, path, usage)
        elif kind == "foreign" or not S_ISREG(status.st_mode):
            yield Other(path, "foreign", here.function, usage)
        elif kind == "source":
            yield Other(path, kind, here.function, usage)
        else:
            in_flight = not self._is_expired(name, status.st_mtime)
            yield Leftover(
                path, "file", here.function, here.hash, usage, status.st_mtime, in_flight
            )

    def _plain_entry(self, here: Place, name: str, parent: Folder) -> Entry | None:
        """Return the entry if its folder holds what nearly all hold; None for a closer look.

        A scan spends its time here, so everything is inlined: 0.7 of the time of `_hash_folder`.
        """
        if not RELATIVE:
            return None
        try:
            folder = os.open(name, self._flags, dir_fd=parent)
        except OSError:
            return None
        try:
            names = os.listdir(folder)
            if len(names) != 2 or OUTPUT not in names or METADATA not in names:
                return None
            status = os.fstat(folder)
            output = os.stat(OUTPUT, dir_fd=folder, follow_symlinks=False)
            metadata = os.stat(METADATA, dir_fd=folder, follow_symlinks=False)
            if output.st_nlink != 1 or metadata.st_nlink != 1:
                return None
            if not S_ISREG(output.st_mode) or not S_ISREG(metadata.st_mode):
                return None
            duration = _duration(folder, metadata) if self._durations else None
        except (OSError, ValueError):
            return None
        finally:
            os.close(folder)
        if self._watcher is not None:
            self._watcher.entry(join(here.path, name), status, output)
        # Made by position: by name it takes 1 µs longer, of some 17.
        return Entry(
            here.function,
            name,
            output.st_size + metadata.st_size,
            (status.st_blocks + output.st_blocks + metadata.st_blocks) * 512,
            3,
            output.st_mtime,
            output.st_atime,
            duration,
        )

    def _hash_folder(
        self, above: Place, name: str, parent: Folder, has_source: bool
    ) -> Iterator[Found]:
        """Look into a folder named like an argument hash, whatever is in it."""
        here = Place(join(above.path, name), above.function, name)
        try:
            folder = open_folder(name, parent)
        except OSError as error:
            yield from self._closed_folder(above, name, parent, error)
            return
        try:
            try:
                names = os.listdir(folder)
                status = os.stat(folder)
                files, beside = _entry_files(names, folder)
            except OSError as error:
                yield from self._closed_folder(above, name, parent, error)
                return
            if not names and status.st_nlink == 0:
                return  # removed between the listing of its parent and now
            usage = self._usage(status)
            for file_status in files.values():
                usage = usage.plus(self._usage(file_status))
            temporaries = self._temporaries(here, beside, folder)
            if OUTPUT in files:
                if self._watcher is not None:
                    self._watcher.entry(here.path, status, files[OUTPUT])
                yield from self._entry(here, folder, files, usage)
            elif files or temporaries or (has_source and not names):
                in_flight = any(one.in_flight for one in temporaries.values())
                yield Leftover(
                    here.path,
                    "folder",
                    here.function,
                    here.hash,
                    usage,
                    status.st_mtime,
                    in_flight,
                    METADATA in files and has_failed(temporaries, files[METADATA].st_mtime),
                )
            else:  # joblib wrote nothing of what is in it
                yield Other(here.path, "foreign", here.function, usage)
                yield from self._foreign(here)
                return
            yield from temporaries.values()
            yield from self._foreign_in(here, [n for n in beside if n not in temporaries], folder)
        finally:
            close_folder(folder)

    def _temporaries(
        self, here: Place, names: Iterable[str], folder: Folder
    ) -> dict[str, Leftover]:
        """Look at the temporary files among some names in an entry's folder."""
        return {
            name: found
            for name in names
            if is_entry_temporary(name) and is_regular(name, folder)
            for found in self._one(here, name, folder, "temporary")
            if isinstance(found, Leftover)
        }

    def _closed_folder(
        self, above: Place, name: str, parent: Folder, error: OSError
    ) -> Iterator[Found]:
        """Count a folder that cannot be looked into, and report it."""
        here = Place(join(above.path, name), above.function, name)
        for problem in unreadable(here, error):
            yield from self._one(above, name, parent, "folder")
            yield problem

    def _entry(
        self, here: Place, folder: Folder, files: dict[str, os.stat_result], usage: Usage
    ) -> Iterator[Found]:
        duration = None
        if METADATA in files and self._durations:
            try:
                duration = _duration(folder, files[METADATA])
            except FileNotFoundError:
                pass
            except (OSError, ValueError) as error:
                path = join(here.path, METADATA)
                yield Unreadable(path, _reason(error), "metadata", here.function, here.hash)
        output = files[OUTPUT]
        yield Entry(
            function=here.function,
            hash=here.hash,
            size_bytes=usage.size_bytes,
            disk_bytes=usage.disk_bytes,
            inodes=usage.inodes,
            created=output.st_mtime,
            last_access=output.st_atime,
            compute_seconds=duration,
        )

    def _foreign_in(self, here: Place, names: Iterable[str], folder: Folder) -> Iterator[Found]:
        for name in names:
            for found in self._one(here, name, folder, "foreign"):
                yield found
                yield from self._foreign(here._replace(path=join(here.path, name)))

    def _foreign(self, top: Place) -> Iterator[Found]:
        """Walk what is below a path if that is a folder: nothing in an entry's folder nests."""
        pending = [top]
        while pending:
            here = pending.pop()
            try:
                folder = open_below(here.path, self._root)
            except (NotADirectoryError, FileNotFoundError):
                continue
            except OSError as error:
                if error.errno != errno.ELOOP:  # a link
                    yield from unreadable(here, error)
                continue
            try:
                for name in os.listdir(folder):
                    yield from self._one(here, name, folder, "foreign")
                    pending.append(here._replace(path=join(here.path, name)))
            except NotADirectoryError:  # a folder that is held as its path is not opened before
                continue
            except OSError as error:
                yield from unreadable(here, error)
            finally:
                close_folder(folder)

    def _usage(self, status: os.stat_result) -> Usage:
        size = status.st_size if S_ISREG(status.st_mode) else 0
        if not HAS_BLOCKS:
            return Usage(size, None, None)
        if status.st_nlink > 1 and not S_ISDIR(status.st_mode) and not self._is_first(status):
            return Usage(size, 0, 0)
        return Usage(size, status.st_blocks * 512, 1)

    def _is_first(self, status: os.stat_result) -> bool:
        """Return whether a file with several names is met for the first time."""
        if self.seen is None:
            return True
        inode = (status.st_dev, status.st_ino)
        known = inode in self.seen
        self.seen.add(inode)
        return not known


@contextmanager
def opened_root(store: str | None) -> Iterator[Folder | Unreadable | None]:
    """Open a store's folder; None if it does not exist."""
    try:
        root = None if store is None else open_folder(store)
    except FileNotFoundError:
        root = None
    except OSError as error:
        yield Unreadable("", _reason(error))
        return
    try:
        yield root
    finally:
        if root is not None:
            close_folder(root)


def join(path: str, name: str) -> str:
    """Join a path below the store and a name, with ``/`` on every system."""
    return f"{path}/{name}" if path else name


def unreadable(here: Place, error: OSError) -> Iterator[Unreadable]:
    """Report what could not be read; what another process removed meanwhile is passed over."""
    if not isinstance(error, FileNotFoundError) and error.errno != errno.ESTALE:
        yield Unreadable(here.path, _reason(error), "folder", here.function, here.hash)


def _kind_beside_entries(name: str) -> _Kind:
    """Return what a file in a function's or module's folder is, by its name."""
    if name == SOURCE:
        return "source"
    temporary = parse_temporary(name)
    return "temporary" if temporary is not None and temporary.target == SOURCE else "foreign"


def _entry_files(names: list[str], folder: Folder) -> tuple[dict[str, os.stat_result], list[str]]:
    """Divide what an entry's folder holds: the entry's own files, and the names beside them."""
    files = {}
    beside = []
    for name in names:
        if name in (OUTPUT, METADATA):
            try:
                status = stat_in(name, folder)
            except FileNotFoundError:
                continue
            if S_ISREG(status.st_mode):
                files[name] = status
                continue
        beside.append(name)
    return files, beside


def _duration(folder: Folder, status: os.stat_result) -> float | None:
    if status.st_size <= LARGEST_METADATA:
        return parse_duration(read_known(METADATA, folder, status, limit=LARGEST_METADATA))
    return duration_at_ends(*read_ends(METADATA, folder, status, size=_END_BYTES))


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
