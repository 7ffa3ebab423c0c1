"""Handing out shares of a scan to other processes, and merging what they find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from acache.store.model import Entry
from acache.store.table import EntryTable
from acache.system.errors import AcacheError
from acache.system.pool import Pool

_SHARE_SECONDS = 0.25  # what a share should take: long beside its way, short beside an interruption
_FIRST, _LARGEST = 8, 4096  # things in a share
_GROWTH = 4  # from one share to the next
_AHEAD = 1  # shares that wait for each worker, so that it never does


class Merging(Protocol):
    """What results are merged into."""

    def merge(self, other: Any, /) -> None:
        """Add everything that another one holds."""


M = TypeVar("M", bound=Merging)


class StoppedError(Exception):
    """Nothing more is to be handed out."""


class EntryShare(NamedTuple):
    """Entries that the first process has found.

    Attributes
    ----------
    entries : EntryTable
    versions : tuple of str
        What their places mean; see `acache.store.bucket_listing.Places`.
    """

    entries: EntryTable
    versions: tuple[str, ...] = ()


class Done(NamedTuple):
    """What a worker says of a share beside its fold.

    Attributes
    ----------
    found : int >= 0
        How many things.
    seen : frozenset of (int, int)
        Device and inode of the files with several names; see `acache.store.scan.Walk`.
    rest : tuple
        What it has left for others.
    sources : dict, optional
        Of functions in it; see `acache.store.bucket_listing.Sorter`.
    """

    found: int
    seen: frozenset[tuple[int, int]] = frozenset()
    rest: tuple[Any, ...] = ()
    sources: dict[str, tuple[float, str]] | None = None


class Answer(NamedTuple):
    """The result of a share."""

    fold: Any
    done: Done
    seconds: float


class Handing(Generic[M]):
    """Hands out shares, and merges what comes back.

    Parameters
    ----------
    pool : Pool
    fold
        Gets all results.
    progress : callable, optional
        Is called with the number of things found in all shares.
    stopped : callable, optional
        Is asked with the fold, before a share is handed out, whether to stop.

    Attributes
    ----------
    size : int > 0
        How many things should be in the next share.
    outstanding : int >= 0
        How many shares are being done.
    seen : list of frozenset
        See `Done`; one for each share with any.
    """

    def __init__(
        self,
        pool: Pool,
        fold: M,
        *,
        progress: Callable[[int], None] | None = None,
        stopped: Callable[[M], bool] | None = None,
    ) -> None:
        self.size = _FIRST
        self.workers = pool.size
        self.outstanding = 0
        self.seen: list[frozenset[tuple[int, int]]] = []
        self._pool = pool
        self._fold = fold
        self._progress = progress
        self._stopped = stopped
        self._count = 0

    def give(self, share: Any) -> None:
        """Hand out a share; wait while the workers have enough of them.

        Raises
        ------
        StoppedError
            If it is to stop.
        """
        while self.outstanding >= self.workers * (1 + _AHEAD):
            self.take()
        if self._stopped is not None and self._stopped(self._fold):
            raise StoppedError
        self._pool.give(share)
        self.outstanding += 1

    @property
    def is_idle(self) -> bool:
        """Whether there is a worker that has nothing to do."""
        return self.outstanding < self.workers

    def take(self) -> Done:
        """Wait for the result of a share, and merge it.

        Raises
        ------
        AcacheError
            If it failed.
        """
        try:
            answer: Answer = self._pool.take()
        except OSError as error:  # a walk would take it for one of its own
            raise AcacheError(f"a worker failed: {error.strerror or error}") from error
        self.outstanding -= 1
        self._fold.merge(answer.fold)
        done = answer.done
        if done.seen:
            self.seen.append(done.seen)
        wanted = int(done.found / max(answer.seconds, 1e-6) * _SHARE_SECONDS)
        self.size = max(1, min(wanted, self.size * _GROWTH, _LARGEST))
        self._count += done.found
        if self._progress is not None:
            self._progress(self._count)
        return done

    def finish(self) -> None:
        """Wait for all results."""
        while self.outstanding:
            self.take()


class Batch:
    """Gathers entries until they are a share."""

    def __init__(self, handing: Handing[Any], share_of: Callable[[EntryTable], EntryShare]) -> None:
        self._share_of = share_of
        self._handing = handing
        self._entries = EntryTable()

    def add(self, entry: Entry) -> None:
        """Add an entry."""
        self._entries.add(entry)
        if len(self._entries) >= self._handing.size:
            self.hand_out()

    def hand_out(self) -> None:
        """Hand out those that there are."""
        if len(self._entries):
            self._handing.give(self._share_of(self._entries))
            self._entries = EntryTable()


def fold_table(share: EntryShare, fold: Any) -> Done:
    """Fold entries that were handed out."""
    for entry in share.entries:
        fold.add(entry)
    return Done(len(share.entries))


class Sharing(Protocol):
    """Divides the work on a store among processes."""

    def hand_out(self, handing: Handing[Any], fold: Any, options: Any, /) -> None:
        """Scan the store: hand out what takes time in shares, and fold the rest.

        Parameters
        ----------
        handing : Handing
            Merges what others find into the same fold.
        fold : Fold
        options : ScanOptions
        """

    def entry_share(self, entries: EntryTable, /) -> EntryShare:
        """Return a share of entries that this store has found."""

    def fold_share(self, share: Any, fold: Any, options: Any, /) -> Done:
        """Fold what another process has handed out. What vanished meanwhile is passed over."""

    def require_same(self) -> None:
        """Require that this process, perhaps elsewhere, sees what the first one sees.

        Raises
        ------
        AcacheError
            If it does not.
        """
