"""Copying entries from one store to another: folders and archives, any way round."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from acache.config.buckets import is_bucket, is_url, without_secrets
from acache.operations.selection import Selector
from acache.operations.verify.result import ResultCheck
from acache.pickles import MissingPackageError
from acache.pickles.safety import Judge
from acache.store.archive.archive import ArchiveStore
from acache.store.archive.streams import SUFFIXES
from acache.store.changes import SourceDiffersError, StoredEntry, StoredSource, Writing
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.store.model import Entry, Found, Unreadable
from acache.store.outside import UnsafeNameError
from acache.store.store import Progress, ScanOptions, Store
from acache.system.errors import AcacheError, ConfigurationError, UsageError
from acache.system.text import printable

if TYPE_CHECKING:
    from acache.system.pool import Pool

_SMALL = 1 << 16  # bytes: what is judged in memory, where results that are alike are known
_PIECE = 8  # entries handed out at a time: one can take a second
_TICK = 16  # things found between two calls of progress
_ATTEMPTS = 3  # to copy an entry while joblib writes sources
# What will be so for all that follows.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class CopyRow(NamedTuple):
    """What was done with the selected entries of one function.

    Attributes
    ----------
    function : str
        Dotted.
    copied : int >= 0
        Entries.
    size_bytes : int >= 0
        Of these.
    present : int >= 0
        Entries that the target has already.
    """

    function: str
    copied: int
    size_bytes: int
    present: int


class NotCopied(NamedTuple):
    """Something that was not copied.

    Attributes
    ----------
    id : str
        Of an entry; of a function, dotted; or a path in the source.
    reason : str
    """

    id: str
    reason: str


class CopyReport(NamedTuple):
    """The result of copying.

    Attributes
    ----------
    source, target : Store
    rows : tuple of CopyRow
        Per function, by name.
    left_out : tuple of NotCopied
        Functions whose source differs in the target, or cannot be compared.
    refused : tuple of NotCopied
        Entries that may run code when they are loaded.
    failed : tuple of NotCopied
        Whatever could not be read or written.
    interrupted : bool
        Whether it was stopped before its end.
    """

    source: Store
    target: Store
    rows: tuple[CopyRow, ...]
    left_out: tuple[NotCopied, ...]
    refused: tuple[NotCopied, ...]
    failed: tuple[NotCopied, ...]
    interrupted: bool

    @property
    def copied(self) -> int:
        """How many entries were copied."""
        return sum(row.copied for row in self.rows)

    @property
    def size_bytes(self) -> int:
        """The size of the entries that were copied."""
        return sum(row.size_bytes for row in self.rows)

    @property
    def present(self) -> int:
        """How many entries the target had already."""
        return sum(row.present for row in self.rows)

    @property
    def is_complete(self) -> bool:
        """Whether all that was selected is in the target now."""
        return not (self.left_out or self.refused or self.failed or self.interrupted)


class RefusedError(AcacheError):
    """A result that is not known to be harmless to load."""


def open_source(text: str) -> Store:
    """Open what is copied from: a location, or an archive.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    archive = ArchiveStore(text)
    found = archive if archive.exists else Store(text)
    if not found.exists:
        raise ConfigurationError(f"there is neither a cache nor an archive at {printable(text)}")
    return found


def open_target(text: str) -> Store:
    """Open what is copied to: a location, or what is named like an archive. It need not exist.

    Raises
    ------
    UsageError
        If it is named like an archive on object storage.
    """
    is_archive = text.lower().endswith(tuple(SUFFIXES))
    if is_url(text):
        if is_archive:
            raise UsageError(
                f"{without_secrets(text)}: an archive is a file; copy to a file, and upload that"
            )
        return Store(text)
    archive = ArchiveStore(text)
    is_archive = is_archive or archive.exists
    return archive if is_archive and not os.path.isdir(archive.path) else Store(text)


def copy(
    source: Store,
    target: Store,
    selector: Selector | None = None,
    *,
    overwrite: bool = False,
    allow_unsafe: bool = False,
    allowed: Iterable[str] = (),
    split: bool | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    stopped: Callable[[], bool] | None = None,
    before_access: Callable[[], None] | None = None,
    pool: Pool | None = None,
) -> CopyReport:
    """Copy entries as they are, with their functions' sources and levels.

    Each entry is complete in the target or absent, so that copying can be stopped at any time and
    repeated. An entry that the target has stays. A function is left out if the target has another
    source of it, as joblib would drop the entries or trust those of other code.

    Parameters
    ----------
    source, target : Store
    selector : Selector, optional
        Which entries; see `acache.operations.selection.Selection.resolve`.
    overwrite : bool
        Whether to replace entries that the target has, unless their results have the same size and
        time.
    allow_unsafe : bool
        Whether to copy results unjudged. By default those that others wrote are refused unless
        they are known to be harmless to load; they are read, never loaded.
    allowed : iterable of str
        ``MODULE.NAME`` of classes and functions that are trusted.
    split : bool, optional
        See `acache.store.store.Store.writing`.
    dry_run : bool
        Whether to write nothing, and to report what copying would do.
    progress : callable, optional
        Is called now and then with the number of things found so far.
    stopped : callable, optional
        Is asked before each entry whether to stop.
    before_access : callable, optional
        Called once, before reading another user's entry, which may change its last access; after it
        where a pool reads it.
    pool : Pool, optional
        Copies the entries; see `acache.system.pool`. What a worker that died had copied is present
        for the one that does it again.

    Returns
    -------
    report : CopyReport

    Raises
    ------
    UsageError
        If one of the two stores is in the other, or is an archive and there is a pool.
    OSError
        If the target cannot be opened.

    Examples
    --------
    >>> from acache import Store
    >>> copy(Store("/nowhere"), Store("/elsewhere"), dry_run=True).copied
    0
    """
    _require_apart(source, target)
    if pool is not None and isinstance(target, ArchiveStore):
        raise UsageError(f"one process has to write {printable(target.path)}: it is an archive")
    trusted = source.is_trusted or allow_unsafe
    new_copying = partial(
        _Copying,
        source,
        target,
        selector,
        allowed=None if trusted else tuple(allowed),
        overwrite=overwrite,
        writing=partial(target.writing, split=split, dry_run=dry_run),
    )
    select = None if selector is None or selector.covers_everything else selector.covers
    options = ScanOptions(select=select, whole=True, piece=_PIECE, progress=progress)
    if pool is None:
        with new_copying() as copying:
            copying.before_access = before_access
            _copy_all(copying, source.scan(options), stopped, progress)
    else:
        from acache.store.shares import fold_shares

        def ends(copying: _Copying) -> bool:
            copying.interrupted = stopped is not None and stopped()
            return copying.interrupted or copying.is_full

        copying = fold_shares(source, pool, new_copying, options, stopped=ends)
        if copying.accessed and before_access is not None:
            before_access()
    return copying.report()


def _copy_all(
    copying: _Copying,
    every: Iterable[Found],
    stopped: Callable[[], bool] | None,
    progress: Progress | None,
) -> None:
    for number, found in enumerate(every, 1):
        if stopped is not None and stopped():
            copying.interrupted = True
            break
        copying.add(found)
        if copying.is_full:
            break
        if progress is not None and number % _TICK == 0:
            progress(number)


class _Row:
    def __init__(self) -> None:
        self.copied = self.size_bytes = self.present = 0

    def merge(self, other: _Row) -> None:
        self.copied += other.copied
        self.size_bytes += other.size_bytes
        self.present += other.present


class _Copying:
    """Copies what it is given, one thing after the other; a fold, and a context."""

    def __init__(
        self,
        source: Store,
        target: Store,
        selector: Selector | None,
        *,
        allowed: tuple[str, ...] | None,
        overwrite: bool,
        writing: Callable[[], AbstractContextManager[Writing]],
    ) -> None:
        self.interrupted = False
        self.is_full = False
        self.accessed = False  # another user's entry, unless that is reported at once
        self.before_access: Callable[[], None] | None = self._note_access
        self._source = source
        self._target = target
        self._opened = writing()
        self._selector = selector
        self._check = None if allowed is None else ResultCheck(Judge(allowed))
        self._overwrite = overwrite
        self._begun: tuple[str, int] | None = None  # function and place
        self._begun_with: StoredSource | None = None
        self._rows: dict[str, _Row] = {}
        self._left_out: dict[tuple[str, int], str] = {}
        self._refused: list[NotCopied] = []
        self._failed: list[NotCopied] = []

    def __enter__(self) -> _Copying:
        self._writing = self._opened.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._opened.__exit__(*raised)

    def __getstate__(self) -> dict[str, object]:
        # Only what was done is sent from one process to another.
        names = ("is_full", "accessed", "_rows", "_left_out", "_refused", "_failed")
        return {name: getattr(self, name) for name in names}

    def merge(self, other: _Copying) -> None:
        """Add what another process has copied."""
        self.is_full = self.is_full or other.is_full
        self.accessed = self.accessed or other.accessed
        for function, row in other._rows.items():
            self._rows.setdefault(function, _Row()).merge(row)
        self._left_out |= other._left_out
        self._refused += other._refused
        self._failed += other._failed

    def _note_access(self) -> None:
        self.accessed = True

    def add(self, found: Found) -> None:
        """Copy one more thing that the scan found, if it is selected."""
        if isinstance(found, Entry):
            if self._selector is None or self._selector.matches(found):
                self._add_entry(found)
        elif isinstance(found, Unreadable) and found.kind == "folder" and self._covers(found):
            name = found.path or self._source.path
            self._failed.append(NotCopied(name, found.reason))

    def _covers(self, found: Unreadable) -> bool:
        if self._selector is None or not found.function:
            return True
        return self._selector.covers_function(found.function)

    def _add_entry(self, entry: Entry) -> None:
        key = entry.function, self._source.function_place(entry.place)
        if key in self._left_out:
            return
        name = entry_id(entry.function, entry.hash)
        try:
            if key != self._begun:
                self._begin(*key)
            row = self._rows.setdefault(entry.function, _Row())
            if not self._overwrite and self._writing.holds(entry.function, entry.hash):
                row.present += 1
            elif self._copied(entry, key):
                row.copied += 1
                row.size_bytes += entry.size_bytes
            else:
                row.present += 1
        except FileNotFoundError as error:
            if key != self._begun:
                self._failed.append(NotCopied(name, error.strerror or str(error)))
            # Else the entry was removed meanwhile.
        except (SourceDiffersError, UnsafeNameError) as error:
            self._begun = None
            self._left_out[key] = str(error)
        except (RefusedError, MissingPackageError) as error:
            self._refused.append(NotCopied(name, str(error)))
        except OSError as error:
            self._failed.append(NotCopied(name, error.strerror or str(error)))
            self.is_full = error.errno in _FULL

    def _begin(self, function: str, place: int) -> None:
        """See that the target has the source of a function, and its level."""
        self._begun = None
        source = self._source.stored_source(function, place)
        if source is None:
            raise SourceDiffersError("it has no source, so the target's cannot be compared with it")
        try:
            self._writing.source(function, source)
        except FileNotFoundError as error:
            raise OSError(error.errno, "the target was removed meanwhile") from None
        level = self._source.recorded_level(function)
        if level is not None:
            self._writing.level(function, level)
        self._begun, self._begun_with = (function, place), source

    def _copied(self, entry: Entry, key: tuple[str, int]) -> bool:
        at = entry.function, entry.hash, entry.place
        if self.before_access is not None and self._source.reading_changes_access(*at):
            self.before_access()
            self.before_access = None
        for _ in range(_ATTEMPTS):
            with self._source.open_entry(*at) as stored:
                # What was opened before joblib finds other code is a result of this code.
                assert self._begun_with is not None
                if self._source.has_source(*key, self._begun_with):
                    return self._writing.entry(
                        entry.function,
                        entry.hash,
                        stored,
                        overwrite=self._overwrite,
                        check=None if self._check is None else _refusing(self._check, stored),
                    )
            self._begin(*key)
        raise OSError(errno.EAGAIN, "its function's source changes again and again")

    def report(self) -> CopyReport:
        """Return what was done."""
        rows = [
            CopyRow(dotted(function), row.copied, row.size_bytes, row.present)
            for function, row in sorted(self._rows.items())
            if row.copied or row.present
        ]
        left_out = {dotted(function): reason for (function, _), reason in self._left_out.items()}
        return CopyReport(
            self._source,
            self._target,
            tuple(rows),
            tuple(NotCopied(*one) for one in sorted(left_out.items())),
            tuple(sorted(self._refused)),
            tuple(sorted(self._failed)),
            self.interrupted,
        )


def _refusing(check: ResultCheck, stored: StoredEntry) -> Callable[[BinaryIO], None]:
    """Return what raises for a result that is not known to be harmless."""

    def refuse(file: BinaryIO) -> None:
        is_small = stored.size_bytes <= _SMALL
        verdict = check(io.BytesIO(file.read()) if is_small else file)
        if verdict is not None:
            raise RefusedError(verdict.message)

    return refuse


def _require_apart(source: Store, target: Store) -> None:
    """Refuse to copy a store into itself, or into what is in it."""
    one, other = (
        store.path if is_bucket(store.path) else os.path.realpath(store.path)
        for store in (source, target)
    )
    if one == other:
        raise UsageError("source and target are the same")
    if f"{one}{os.sep}".startswith(f"{other}{os.sep}") or other.startswith(f"{one}{os.sep}"):
        raise UsageError("source and target must not be in one another")
