"""Compressing results in place, or undoing that: another form of the same pickle."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from acache.operations.clear import find_candidates
from acache.operations.pieces import work_through
from acache.operations.selection import Selection, Selector
from acache.pickles import DamagedError, MissingPackageError
from acache.pickles.packing import Method, Packed, pack, require_method
from acache.store.changes import Writing
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.store.model import Entry, Found
from acache.store.store import Progress, ScanOptions, Store
from acache.store.table import EntryTable

if TYPE_CHECKING:
    from acache.system.pool import Pool

_PIECE = 8  # entries handed out at a time: one can take a second


class CompressRow(NamedTuple):
    """What became of the selected entries of one function.

    Attributes
    ----------
    function : str
        Dotted.
    entries : int >= 0
        That have another form now.
    before_bytes, after_bytes : int >= 0
        Of their results, before and after.
    same, not_smaller : int >= 0
        Entries that stay as they are: they have that form already, or would not be smaller.
    """

    function: str
    entries: int = 0
    before_bytes: int = 0
    after_bytes: int = 0
    same: int = 0
    not_smaller: int = 0

    def plus(self, other: CompressRow) -> CompressRow:
        """Return the sum of both, under this one's name."""
        return CompressRow(
            self.function, *(a + b for a, b in zip(self[1:], other[1:], strict=True))
        )


class NotCompressed(NamedTuple):
    """An entry that could not be read or written."""

    id: str
    reason: str


class CompressReport(NamedTuple):
    """The result of compressing.

    Attributes
    ----------
    store : Store
    method : str
    rows : tuple of CompressRow
        Per function, the one that became smaller by most bytes first.
    total : CompressRow
        Their sum, without a name.
    failed : tuple of NotCompressed
    interrupted : bool
        Whether it was stopped before its end.
    """

    store: Store
    method: Method
    rows: tuple[CompressRow, ...]
    total: CompressRow
    failed: tuple[NotCompressed, ...]
    interrupted: bool


def compress(
    store: Store,
    selector: Selector | None = None,
    *,
    method: Method,
    level: int | None = None,
    dry_run: bool = False,
    fork: bool = False,
    progress: Callable[[int], Progress | None] | None = None,
    stopped: Callable[[], bool] | None = None,
    pool: Pool | None = None,
) -> CompressReport:
    """Write results in another form, which joblib reads as the same.

    What joblib compresses is, to the byte, what it writes without compression; that stays as it is.
    So do the times of the file. A result that is written again meanwhile is left alone, and readers
    have the old file until they close it.

    Parameters
    ----------
    store : Store
    selector : Selector, optional
        Which entries; see `acache.operations.selection.Selection.resolve`.
    method : {"zlib", "gzip", "bz2", "lzma", "xz", "lz4", "none"}
    level : int, optional
        From 1 to 9; by default joblib's.
    dry_run : bool
        Whether to compress and count, and to change nothing.
    fork : bool
        See `acache.store.store.ScanOptions`.
    progress : callable, optional
        Is given the number of entries; returns what is called with how many are done.
    stopped : callable, optional
        Is asked before each entry whether to stop.
    pool : Pool, optional
        Compresses the entries; see `acache.system.pool`.

    Returns
    -------
    report : CompressReport

    Raises
    ------
    MissingPackageError
        If what compresses is not installed.
    OSError
        If the store cannot be opened.

    Examples
    --------
    >>> from acache import Store
    >>> compress(Store("/nowhere"), method="zlib").total.entries
    0
    """
    require_method(method, level)
    selector = Selection().resolve(store) if selector is None else selector
    options = ScanOptions(fork=fork and pool is None)  # a pool has threads
    entries = find_candidates(store, selector, options, leftovers=False).entries
    show = None if progress is None else progress(len(entries))
    new_writing = partial(store.writing, dry_run=dry_run)
    new_work = partial(_Compressing, method, level, new_writing)
    if pool is not None:
        from acache.store.shares import fold_entries

        def ends(work: _Compressing) -> bool:
            work.interrupted = stopped is not None and stopped()
            return work.interrupted

        work = fold_entries(store, entries, pool, new_work, progress=show, stopped=ends)
    else:
        with new_work(entries) as work:
            work.interrupted = work_through(
                len(entries),
                work,
                partial(_help, new_work, entries) if fork and store.traits.fork else None,
                piece=_PIECE,
                stride=1,
                progress=show,
                stopped=stopped,
            )
    rows = [row._replace(function=dotted(name)) for name, row in work.rows.items()]
    rows.sort(key=lambda row: (row.after_bytes - row.before_bytes, row.function))
    total = CompressRow("")
    for row in rows:
        total = total.plus(row)
    failed = tuple(sorted(work.failed))
    return CompressReport(store, method, tuple(rows), total, failed, work.interrupted)


def _help(
    new_work: Callable[[EntryTable], _Compressing], entries: EntryTable, pieces: Iterator[range]
) -> _Compressing:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides what to stop
    with new_work(entries) as work:
        for piece in pieces:
            work.do(piece)
    return work


class _Compressing:
    """What one process has compressed, and what it could not; a fold, and a context."""

    def __init__(
        self,
        method: Method,
        level: int | None,
        new_writing: Callable[[], AbstractContextManager[Writing]],
        entries: EntryTable | None = None,
    ) -> None:
        self.rows: dict[str, CompressRow] = {}
        self.failed: list[NotCompressed] = []
        self.interrupted = False
        self._entries = EntryTable() if entries is None else entries
        self._method = method
        self._level = level
        self._opened = new_writing()

    def __enter__(self) -> _Compressing:
        self._writing = self._opened.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._opened.__exit__(*raised)

    def __getstate__(self) -> dict[str, object]:
        # Only what was done is sent from one process to the other.
        return {"rows": self.rows, "failed": self.failed}

    def do(self, piece: range) -> None:
        """Compress some of the entries."""
        for index in piece:
            self.add(self._entries[index])

    def add(self, entry: Found) -> None:
        """Compress one more entry."""
        assert isinstance(entry, Entry)
        done: list[Packed] = []

        def convert(old: BinaryIO, new: BinaryIO) -> bool:
            done.append(pack(old, new, self._method, self._level))
            return done[0].result == "packed"

        try:
            result = self._writing.rewrite(entry.function, entry.hash, entry.place, convert)
        except (DamagedError, MissingPackageError, OSError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            self.failed.append(NotCompressed(entry_id(entry.function, entry.hash), reason))
            return
        if result is not None:
            self._add(entry.function, done[0])

    def _add(self, function: str, packed: Packed) -> None:
        row = self.rows.get(function) or CompressRow(function)
        if packed.result == "packed":
            one = CompressRow("", 1, packed.before_bytes, packed.after_bytes)
        else:
            is_same = packed.result == "same"
            one = CompressRow("", same=int(is_same), not_smaller=int(not is_same))
        self.rows[function] = row.plus(one)

    def merge(self, other: _Compressing) -> None:
        """Add what another process has compressed."""
        for function, row in other.rows.items():
            self.rows[function] = (self.rows.get(function) or CompressRow(function)).plus(row)
        self.failed += other.failed
