"""Folding a store by many processes, on this machine or on others.

One process walks the store, and hands out what takes the time: names of entries' folders, ranges
of keys, or entries. Each thing is handed out once, so that it is in one share whatever changes
meanwhile, and the results of shares are merged as they come. A share that is lost is done again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from acache.store.handing import Answer, Batch, Handing, Sharing, StoppedError
from acache.store.store import F, Progress, ScanOptions, Store
from acache.store.table import EntryTable
from acache.system.errors import UsageError
from acache.system.pool import Pool


class ShareJob:
    """Folds shares of a store; see `acache.system.pool.Pool.begin`.

    Parameters
    ----------
    store : Store
    new_fold : callable
        Makes an empty fold. One that is a context manager is entered for each share.
    options : ScanOptions
    """

    def __init__(self, store: Store, new_fold: Callable[[], Any], options: ScanOptions) -> None:
        self._sharing = _sharing(store)
        self._new_fold = new_fold
        self._options = options._replace(fork=False, progress=None)

    def __call__(self, share: Any) -> Answer:
        """Fold a share.

        Raises
        ------
        AcacheError
            If this process does not see the store.
        """
        self._sharing.require_same()
        began = time.perf_counter()
        with ExitStack() as stack:
            fold = _entered(self._new_fold(), stack)
            done = self._sharing.fold_share(share, fold, self._options)
        return Answer(fold, done, time.perf_counter() - began)


def _sharing(store: Store) -> Sharing:
    sharing: Sharing | None = store.sharing()
    if sharing is None:
        raise UsageError(f"one process has to read {store.path}: it is an archive")
    return sharing


def _entered(fold: F, stack: ExitStack) -> F:
    if isinstance(fold, AbstractContextManager):
        stack.enter_context(fold)
    return fold


def fold_shares(
    store: Store,
    pool: Pool,
    new_fold: Callable[[], F],
    options: ScanOptions,
    *,
    stopped: Callable[[F], bool] | None = None,
) -> F:
    """Scan a store into a fold by a pool of workers.

    Parameters
    ----------
    store : Store
    pool : Pool
    new_fold : callable
        See `ShareJob`.
    options : ScanOptions
        Without a watcher.
    stopped : callable, optional
        See `Handing`.

    Returns
    -------
    fold
        Of everything that the scan found; or, where it was stopped, of what was done by then.
    """
    if not store.exists:
        return store.fold(new_fold, options)
    with ExitStack() as stack:
        fold = _entered(new_fold(), stack)
        handing = Handing(pool, fold, progress=options.progress, stopped=stopped)
        pool.begin(ShareJob(store, new_fold, options))
        with contextlib.suppress(StoppedError):
            _sharing(store).hand_out(handing, fold, options)
        handing.finish()
    if _add_up(handing.seen):
        return fold
    # Several have counted the blocks of one file: which of its names counts, one process knows.
    return store.fold(new_fold, options._replace(fork=False))


def fold_entries(
    store: Store,
    entries: EntryTable,
    pool: Pool,
    new_fold: Callable[[], F],
    *,
    progress: Progress | None = None,
    stopped: Callable[[F], bool] | None = None,
) -> F:
    """Fold entries that are known already; see `fold_shares`."""
    fold = new_fold()
    if not len(entries):
        return fold
    handing = Handing(pool, fold, progress=progress, stopped=stopped)
    pool.begin(ShareJob(store, new_fold, ScanOptions()))
    batch = Batch(handing, _sharing(store).entry_share)
    with contextlib.suppress(StoppedError):
        for entry in entries:
            batch.add(entry)
        batch.hand_out()
    handing.finish()
    return fold


def _add_up(seen: list[frozenset[tuple[int, int]]]) -> bool:
    """Return whether no file was met in two shares."""
    return len(frozenset().union(*seen)) == sum(map(len, seen))
