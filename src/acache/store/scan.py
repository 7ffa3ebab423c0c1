"""The walk over a store: which file or folder is what, each counted exactly once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from stat import S_ISDIR, S_ISREG
from typing import Any, Literal, Protocol

from acache.store.format import (
    LOCALS,
    METADATA,
    OUTPUT,
    SOURCE,
    is_entry_temporary,
    is_hash,
    parse_duration,
    parse_temporary,
)
from acache.store.model import Entry, Found, Leftover, Other, Unreadable, Usage
from acache.system.dirfd import (
    HAS_BLOCKS,
    RELATIVE,
    Folder,
    close_folder,
    folder_flags,
    is_regular,
    open_below,
    open_folder,
    read_known,
    stat_in,
)

LARGEST_METADATA = 64 << 20  # bytes; it holds the repr of each argument

Inodes = set[tuple[int, int]]
_Kind = Literal["temporary", "source", "folder", "foreign"]


# Asked of each folder named like an argument hash (its parent's path, its name, and whether its
# parent has a source): True if somebody else looks into it.
Share = Callable[[str, str, bool], bool]

# Asked of the same folders (the parent's path, the name): False if nobody needs to look into it.
Select = Callable[[str, str], bool]


class Watcher(Protocol):
    """Is shown the statuses that a walk has looked up, of each entry."""

    def entry(
        self, function: str, name: str, folder: os.stat_result, output: os.stat_result
    ) -> None:
        """Look at an entry's folder and its ``output.pkl``."""

    def merge(self, other: Any) -> None:
        """Take what the same watcher has seen in another process; it can be pickled."""


class Walk:
    """One walk over a store whose folder is open. What vanishes meanwhile is passed over.

    Parameters
    ----------
    root : Folder
    durations : bool
        Whether to read the recorded time of each entry.
    seen : set of (int, int) or None
        Gets the device and inode of each file with several names; such a file takes room on disk
        once, where it is met first. None: wherever it is met.
    share : callable, optional
        May take folders named like an argument hash out of this walk.
    select : callable, optional
        May leave folders named like an argument hash out altogether.
    watcher : Watcher, optional
    """

    def __init__(
        self,
        root: Folder,
        *,
        durations: bool,
        seen: Inodes | None,
        share: Share | None = None,
        select: Select | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self._root = root
        self._watcher = watcher
        self._durations = durations
        self._seen = seen
        self._share = share
        self._select = select
        self._flags = folder_flags(root)

    def everything(self) -> Iterator[Found]:
        """Walk the whole store."""
        try:
            status = os.stat(self._root)
        except FileNotFoundError:  # a folder that is held as its path can vanish
            return
        yield Other("", "folder", self._usage(status))
        yield from self._below("")

    def hash_folders(self, path: str, names: Iterable[str], has_source: bool) -> Iterator[Found]:
        """Walk some folders of one function that are named like argument hashes."""
        try:
            folder = open_below(path, self._root)
        except OSError as error:
            yield from _unreadable(path, error)
            return
        try:
            for name in names:
                entry = self._plain_entry(path, name, folder)
                if entry is not None:
                    yield entry
                else:
                    yield from self._odd_folder(path, name, folder, has_source)
        finally:
            close_folder(folder)

    def _below(self, top: str) -> Iterator[Found]:
        pending = [top]
        while pending:
            path = pending.pop()
            try:
                folder = open_below(path, self._root)
            except OSError as error:
                yield from _unreadable(path, error)
                continue
            try:
                yield from self._children(path, folder, pending)
            except OSError as error:
                yield from _unreadable(path, error)
            finally:
                close_folder(folder)

    def _children(self, path: str, folder: Folder, pending: list[str]) -> Iterator[Found]:
        share, select = self._share, self._select
        has_source = is_regular(SOURCE, folder)
        with os.scandir(folder) as children:
            for child in children:
                name = child.name
                if not child.is_dir(follow_symlinks=False):
                    yield from self._file(path, name, folder)
                elif not is_hash(name):
                    for found in self._one(path, name, folder, "folder"):
                        yield found
                        if isinstance(found, Other):
                            pending.append(found.path)
                elif select is not None and not select(path, name):
                    continue
                elif share is None or not share(path, name, has_source):
                    entry = self._plain_entry(path, name, folder)
                    if entry is not None:
                        yield entry
                    else:
                        yield from self._odd_folder(path, name, folder, has_source)

    def _file(self, path: str, name: str, folder: Folder) -> Iterator[Found]:
        temporary = parse_temporary(name)
        if temporary is not None and temporary.target == SOURCE:
            return self._one(path, name, folder, "temporary")
        return self._one(path, name, folder, "source" if name == SOURCE else "foreign")

    def _one(self, path: str, name: str, folder: Folder, kind: _Kind) -> Iterator[Found]:
        path = join(path, name)
        try:
            status = stat_in(name, folder)
        except OSError as error:
            if not _vanished(error):
                yield Unreadable(path, _reason(error))
            return
        usage = self._usage(status)
        if kind == "folder":
            yield Other(path, "folder", usage)
        elif kind == "foreign" or not S_ISREG(status.st_mode):
            yield Other(path, "foreign", usage)
        elif kind == "source":
            yield Other(path, "source", usage)
        else:
            yield Leftover(path, "file", usage, status.st_mtime)

    def _plain_entry(self, path: str, name: str, parent: Folder) -> Entry | None:
        """Return the entry if its folder holds what nearly all hold; None for a closer look.

        A scan spends its time here, so everything is inlined: 0.7 of the time of `_odd_folder`.
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
            self._watcher.entry(path, name, status, output)
        return Entry(
            path,
            name,
            output.st_size + metadata.st_size,
            (status.st_blocks + output.st_blocks + metadata.st_blocks) * 512,
            3,
            output.st_mtime,
            output.st_atime,
            duration,
        )

    def _odd_folder(
        self, path: str, name: str, parent: Folder, has_source: bool
    ) -> Iterator[Found]:
        """Tell what a folder named like an argument hash is, whatever is in it."""
        here = join(path, name)
        try:
            folder = open_folder(name, parent)
        except OSError as error:
            yield from self._shut(path, name, parent, error)
            return
        try:
            try:
                names = os.listdir(folder)
                status = os.stat(folder)
                files, beside = self._entry_files(names, folder)
            except OSError as error:
                yield from self._shut(path, name, parent, error)
                return
            if not names and status.st_nlink == 0:
                return  # removed between the listing of its parent and now
            usage = self._usage(status)
            for file_status in files.values():
                usage = usage.plus(self._usage(file_status))
            if OUTPUT in files:
                if self._watcher is not None:
                    self._watcher.entry(path, name, status, files[OUTPUT])
                yield from self._entry(path, name, folder, files, usage)
            elif files or self._has_temporary(beside, folder) or (has_source and not names):
                yield Leftover(here, "folder", usage, status.st_mtime)
            else:  # nothing in it is of an entry: somebody's folder
                yield Other(here, "foreign", usage)
                yield from self._foreign(here)
                return
            yield from self._beside(here, beside, folder)
        finally:
            close_folder(folder)

    @staticmethod
    def _has_temporary(names: list[str], folder: Folder) -> bool:
        return any(is_entry_temporary(name) and is_regular(name, folder) for name in names)

    def _shut(self, path: str, name: str, parent: Folder, error: OSError) -> Iterator[Found]:
        """Count a folder that cannot be looked into, and tell so."""
        if not _vanished(error):
            yield from self._one(path, name, parent, "folder")
            yield Unreadable(join(path, name), _reason(error))

    def _entry(
        self,
        path: str,
        name: str,
        folder: Folder,
        files: dict[str, os.stat_result],
        usage: Usage,
    ) -> Iterator[Found]:
        duration = None
        if METADATA in files and self._durations:
            try:
                duration = _duration(folder, files[METADATA])
            except FileNotFoundError:
                pass
            except (OSError, ValueError) as error:
                yield Unreadable(join(join(path, name), METADATA), _reason(error), "metadata")
        output = files[OUTPUT]
        yield Entry(path, name, *usage, output.st_mtime, output.st_atime, duration)

    @staticmethod
    def _entry_files(
        names: list[str], folder: Folder
    ) -> tuple[dict[str, os.stat_result], list[str]]:
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

    def _beside(self, path: str, names: list[str], folder: Folder) -> Iterator[Found]:
        """Walk what lies in an entry's folder beside its files: temporary files, foreign ones."""
        for name in names:
            kind: _Kind = "temporary" if is_entry_temporary(name) else "foreign"
            for found in self._one(path, name, folder, kind):
                yield found
                if isinstance(found, Other):
                    yield from self._foreign(join(path, name))

    def _foreign(self, top: str) -> Iterator[Found]:
        """Walk what is below a path if that is a folder: nothing in an entry's folder nests."""
        pending = [top]
        while pending:
            path = pending.pop()
            try:
                folder = open_below(path, self._root)
            except (NotADirectoryError, FileNotFoundError):
                continue
            except OSError as error:
                if error.errno != errno.ELOOP:  # a link
                    yield from _unreadable(path, error)
                continue
            try:
                for name in os.listdir(folder):
                    yield from self._one(path, name, folder, "foreign")
                    pending.append(join(path, name))
            except NotADirectoryError:  # a folder that is held as its path is not opened before
                continue
            except OSError as error:
                yield from _unreadable(path, error)
            finally:
                close_folder(folder)

    def _usage(self, status: os.stat_result) -> Usage:
        size = status.st_size if S_ISREG(status.st_mode) else 0
        if not HAS_BLOCKS:
            return Usage(size, None, None)
        if status.st_nlink > 1 and not S_ISDIR(status.st_mode) and not self._first(status):
            return Usage(size, 0, 0)
        return Usage(size, status.st_blocks * 512, 1)

    def _first(self, status: os.stat_result) -> bool:
        """Tell whether a file with several names is met for the first time."""
        if self._seen is None:
            return True
        inode = (status.st_dev, status.st_ino)
        known = inode in self._seen
        self._seen.add(inode)
        return not known


def functions(root: Folder, unreadable: list[Unreadable], most: int | None = None) -> Iterator[str]:
    """Walk the functions that have a source, or a folder named like an entry; entries stay shut.

    What cannot be read is added to a list. `most` is that of `Store.functions`.
    """
    pending = [""]
    while pending:
        path = pending.pop()
        try:
            folder = open_below(path, root)
        except OSError as error:
            unreadable += _unreadable(path, error)
            continue
        try:
            known, below = _names_in(folder, most)
            pending += [join(path, name) for name in below]
        except OSError as error:
            unreadable += _unreadable(path, error)
            continue
        finally:
            close_folder(folder)
        if known:
            yield path


def _names_in(folder: Folder, most: int | None) -> tuple[bool, list[str]]:
    """Tell whether a folder is a function's, and list the folders in it that are no entries."""
    known = False
    below: list[str] = []
    # On most systems a folder has a link for each folder in it, which tells without listing it.
    if most is not None and os.stat(folder).st_nlink > most and is_regular(SOURCE, folder):
        return True, [LOCALS]
    with os.scandir(folder) as children:
        for number, child in enumerate(children):
            if known and most is not None and number >= most:
                return True, below if LOCALS in below else [*below, LOCALS]
            if child.name == SOURCE or is_hash(child.name):
                known = True
            elif child.is_dir(follow_symlinks=False):
                below.append(child.name)
    return known, below


def join(path: str, name: str) -> str:
    """Join a path below the store and a name, with ``/`` on every system."""
    return f"{path}/{name}" if path else name


def _duration(folder: Folder, status: os.stat_result) -> float | None:
    return parse_duration(read_known(METADATA, folder, status, limit=LARGEST_METADATA))


def _unreadable(path: str, error: OSError) -> Iterator[Unreadable]:
    """Tell what could not be read; what vanished is no matter."""
    if not _vanished(error):
        yield Unreadable(path, _reason(error))


def _vanished(error: OSError) -> bool:
    """Tell whether an error means that another process removed the thing meanwhile."""
    return isinstance(error, FileNotFoundError) or error.errno == errno.ESTALE


def _reason(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
