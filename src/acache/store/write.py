"""Writing into a store in a folder: each file under a temporary name first, then renamed.

At each moment the store is one that joblib reads. ``output.pkl`` comes last, as it is what makes an
entry a hit; what is cut short is a leftover as joblib's own, which `acache clear` removes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from acache.store.changes import (
    LARGEST_SOURCE,
    Check,
    Convert,
    SourceDiffersError,
    StoredEntry,
    StoredSource,
    Writing,
)
from acache.store.files import (
    IGNORE,
    IGNORE_CONTENT,
    Identity,
    identity_of,
    rewrite_output,
    temporary,
    write_file,
    write_output,
)
from acache.store.format import METADATA, OUTPUT, SOURCE, is_hash
from acache.store.layout import SPLIT, divide, function_path, is_group, is_rest, join
from acache.store.levels import record_level
from acache.store.outside import require_function, require_hash
from acache.system.dirfd import (
    Folder,
    close_folder,
    is_regular,
    open_below,
    open_folder,
    open_in,
    read_file,
    rmdir_in,
    stat_in,
    unlink_in,
)
from acache.system.placing import make_folder_in, replace_in
from acache.system.tempdir import seekable

_SURELY_FITS = 1 << 16  # bytes
_ATTEMPTS = 3  # to put a source where others put and remove theirs


class _Held(NamedTuple):
    """A function's folder, held open, with the source that was found or put there."""

    function: str
    path: str
    place: int
    folder: Folder | None  # None where nothing is written
    source: Identity | None
    split: bool


class LocalWriting(Writing):
    """Writes into a store's folder, which is held open; see `acache.store.changes.Writing`.

    Parameters
    ----------
    location, store : str
        Absolute paths.
    exists : bool
        Whether there is a store.
    places : sequence of int
        Of functions; see `acache.store.model.Entry`. A new function gets the first one.
    split : bool or None
        See `acache.store.store.Store.writing`.
    dry_run : bool
    """

    def __init__(
        self,
        location: str,
        store: str,
        *,
        exists: bool,
        places: Sequence[int],
        split: bool | None,
        dry_run: bool,
    ) -> None:
        self._location = location
        self._store = store
        self._exists = exists
        self._places = places
        self._split = split
        self._dry_run = dry_run
        self._root: Folder | None = None
        self._held: _Held | None = None

    def __enter__(self) -> LocalWriting:
        if self._exists:
            self._root = open_folder(self._store)
        return self

    def __exit__(self, *_: object) -> None:
        self._release()
        if self._root is not None:
            close_folder(self._root)

    def source(self, function: str, source: StoredSource) -> None:
        """Compare the source of the function's folder, or put it into a new one."""
        require_function(function)
        self._release()
        place = self._place_of(function)
        path = function_path(function, place)
        folder = self._open(path)
        try:
            identity = None if folder is None else self._require_source(folder, source)
            split = self._splits(folder)
        except BaseException:
            if folder is not None:
                close_folder(folder)
            raise
        self._held = _Held(function, path, place, folder, identity, split)

    def level(self, function: str, level: int) -> None:
        """Keep it beside the store."""
        if not self._dry_run:
            record_level(self._location, function, level)

    def holds(self, function: str, argument_hash: str) -> bool:
        """Look into the folder that is held."""
        held = self._of(function)
        return held.folder is not None and _output(argument_hash, held.folder) is not None

    def entry(
        self,
        function: str,
        argument_hash: str,
        stored: StoredEntry,
        *,
        overwrite: bool = False,
        check: Check | None = None,
    ) -> bool:
        """Write the result under a temporary name, then the metadata, and rename it last."""
        require_hash(argument_hash)
        held = self._of(function)
        there = None if held.folder is None else _output(argument_hash, held.folder)
        if there is not None:
            status, split = there
            same = (status.st_size, status.st_mtime_ns) == (stored.size_bytes, stored.created_ns)
            if same or not overwrite:
                return False
            held = held._replace(split=split)
        if held.folder is None or self._dry_run:
            if check is not None:
                with seekable(stored.output) as file:
                    check(file)
            return True
        self._require_room(stored.size_bytes)
        self._require_unchanged(held)
        with _opened_entry(argument_hash, held) as folder:
            with temporary(OUTPUT, folder) as name:
                write_output(name, folder, stored)
                if check is not None:
                    with open_in(name, folder) as file:
                        check(file)
                if stored.metadata is not None:
                    write_file(METADATA, folder, stored.metadata, stored.recorded_ns, replace=True)
                self._require_unchanged(held)
                written = stat_in(name, folder).st_ino
                replace_in(name, OUTPUT, folder)
            try:
                self._require_unchanged(held)
            except SourceDiffersError:
                # What joblib clears a function of must not come back.
                with contextlib.suppress(FileNotFoundError):
                    if stat_in(OUTPUT, folder).st_ino == written:
                        unlink_in(OUTPUT, folder)
                raise
        return True

    def rewrite(
        self, function: str, argument_hash: str, place: int, convert: Convert
    ) -> bool | None:
        """Write beside the old result, and exchange the two if the old one is still there."""
        if self._root is None:
            return None
        path = function_path(function, place)
        names = divide(argument_hash) if place & SPLIT else (argument_hash,)
        try:
            folder = open_below(join(path, "/".join(names)), self._root)
        except FileNotFoundError:
            return None
        try:
            return rewrite_output(folder, convert, dry_run=self._dry_run)
        except FileNotFoundError:
            return None
        finally:
            close_folder(folder)

    def _of(self, function: str) -> _Held:
        if self._held is None or self._held.function != function:
            raise ValueError(f"source() was not called for {function!r}")
        return self._held

    def _release(self) -> None:
        if self._held is not None and self._held.folder is not None:
            close_folder(self._held.folder)
        self._held = None

    def _place_of(self, function: str) -> int:
        """Return where a function is kept, or belongs if it is new."""
        for place in self._places if len(self._places) > 1 and self._root is not None else ():
            with contextlib.suppress(OSError):
                folder = open_below(function_path(function, place), self._root)
                try:
                    names = os.listdir(folder)
                finally:
                    close_folder(folder)
                if any(name == SOURCE or is_hash(name) for name in names):
                    return place
        return self._places[0]

    def _open(self, path: str) -> Folder | None:
        """Open a function's folder, made if need be; None where nothing is to be written."""
        if self._root is None:
            if self._dry_run:
                return None
            self._make_store()
        try:
            return open_below(path, self._root)
        except FileNotFoundError:
            if self._dry_run:
                return None
        folder = open_folder(".", self._root)
        for part in path.split("/"):
            make_folder_in(part, folder)
            try:
                deeper = open_folder(part, folder)
            finally:
                close_folder(folder)
            folder = deeper
        return folder

    def _make_store(self) -> None:
        """Make the location, and the store in it, as joblib does."""
        is_new = not os.path.lexists(self._location)
        os.makedirs(self._store, exist_ok=True)
        if is_new:
            with contextlib.suppress(OSError), open(f"{self._location}/{IGNORE}", "xb") as file:
                file.write(IGNORE_CONTENT)
        self._root = open_folder(self._store)

    def _require_source(self, folder: Folder, source: StoredSource) -> Identity | None:
        """See that a folder has a source, or give it to one that has no entries."""
        for _ in range(_ATTEMPTS):
            try:
                there = read_file(SOURCE, folder, limit=LARGEST_SOURCE)
                identity = identity_of(stat_in(SOURCE, folder))
            except FileNotFoundError:
                # Another process may have put source and entries there just now.
                if _has_entries(folder) and not is_regular(SOURCE, folder):
                    raise SourceDiffersError(
                        "the target has results of it and no source, so they may be of other code"
                    ) from None
                if self._dry_run:
                    return None
                with contextlib.suppress(FileExistsError):
                    write_file(SOURCE, folder, source.data, source.modified_ns, replace=False)
                continue
            if StoredSource(there, 0).code != source.code:
                raise SourceDiffersError("its source differs in the target")
            return identity
        raise SourceDiffersError("its source in the target is removed again and again")

    def _require_unchanged(self, held: _Held) -> None:
        """Refuse to go on where joblib has found other code meanwhile, and cleared the function."""
        assert held.folder is not None
        try:
            there, opened = stat_in(held.path, self._root), os.stat(held.folder)
            source = identity_of(stat_in(SOURCE, held.folder))
        except FileNotFoundError:
            source = None
        if source is None or source != held.source or not os.path.samestat(there, opened):
            raise SourceDiffersError("its source in the target has changed meanwhile")

    def _splits(self, folder: Folder | None) -> bool:
        """Return whether a function's new entries get the split layout."""
        if self._split is not None or folder is None:
            return bool(self._split)
        found = False
        with os.scandir(folder) as children:
            for child in children:
                if is_hash(child.name):
                    return False
                found = found or (is_group(child.name) and _holds_rests(child.name, folder))
        return found

    def _require_room(self, size_bytes: int) -> None:
        """Refuse at once what an archive claims to hold, and the disk cannot."""
        if size_bytes > _SURELY_FITS:
            free = shutil.disk_usage(self._store).free
            if size_bytes > free:
                raise OSError(errno.EFBIG, f"takes {size_bytes:,} bytes, and {free:,} are free")


def _output(argument_hash: str, folder: Folder) -> tuple[os.stat_result, bool] | None:
    """Look up an entry's result in a function's folder, and whether its layout is the split one."""
    for split, names in ((False, (argument_hash,)), (True, divide(argument_hash))):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            return stat_in("/".join((*names, OUTPUT)), folder), split
    return None


def _has_entries(folder: Folder) -> bool:
    return any(
        is_hash(name) or (is_group(name) and _holds_rests(name, folder))
        for name in os.listdir(folder)
    )


def _holds_rests(name: str, parent: Folder) -> bool:
    try:
        folder = open_folder(name, parent)
    except OSError:
        return False
    try:
        return any(map(is_rest, os.listdir(folder)))
    finally:
        close_folder(folder)


@contextmanager
def _opened_entry(argument_hash: str, held: _Held) -> Iterator[Folder]:
    """Open the folder of an entry; one that was made for it is removed again where that fails."""
    names = divide(argument_hash) if held.split else (argument_hash,)
    folders = [open_folder(".", held.folder)]
    made: list[tuple[str, Folder]] = []
    try:
        for name in names:
            if make_folder_in(name, folders[-1]):
                made.append((name, folders[-1]))
            folders.append(open_folder(name, folders[-1]))
        yield folders[-1]
    except BaseException as error:
        for name, parent in reversed(made):
            with contextlib.suppress(OSError):
                rmdir_in(name, parent)
        if isinstance(error, FileNotFoundError):
            raise SourceDiffersError("its folder in the target was removed meanwhile") from None
        raise
    finally:
        for folder in folders:
            close_folder(folder)
