"""Dividing the work on a store in a bucket among processes: ranges of keys, or entries."""

from __future__ import annotations

from typing import Any

from acache.store.bucket import BucketStore
from acache.store.bucket_listing import Places, Sources
from acache.store.handing import Batch, Done, EntryShare, Handing, Sharing, fold_table
from acache.store.key_ranges import KeyRange
from acache.store.model import Entry
from acache.store.store import Fold, ScanOptions
from acache.store.table import EntryTable

_LISTING_SECONDS = 0.5  # of a share, before what is left is divided among the workers


class BucketSharing(Sharing):
    """Hands out ranges of keys; or entries, where the work on each takes longer than listing it.

    Parameters
    ----------
    store : BucketStore
    """

    def __init__(self, store: BucketStore) -> None:
        self._store = store

    def hand_out(self, handing: Handing[Any], fold: Fold, options: ScanOptions) -> None:
        """List the store, or have it listed."""
        if options.piece is None and self._store.is_divisible:
            self._hand_out_ranges(handing)
            return
        batch = Batch(handing, self.entry_share)
        for found in self._store.scan(options):
            if isinstance(found, Entry):
                batch.add(found)
            else:
                fold.add(found)
        batch.hand_out()

    def _hand_out_ranges(self, handing: Handing[Any]) -> None:
        waiting = [KeyRange()]
        sources: Sources = {}
        while waiting or handing.outstanding:
            if waiting and handing.is_idle:
                count = -(-len(waiting) // handing.workers)
                handing.give(waiting[:count])
                del waiting[:count]
            else:
                done = handing.take()
                waiting += done.rest
                for function, latest in (done.sources or {}).items():
                    sources[function] = max(latest, sources.get(function, latest))
        self._store.keep_sources(sources)

    def entry_share(self, entries: EntryTable) -> EntryShare:
        """Return a share of entries, with what their places mean."""
        return EntryShare(entries, self._store.places.versions)

    def fold_share(
        self, share: EntryShare | list[KeyRange], fold: Fold, options: ScanOptions
    ) -> Done:
        """List ranges of keys for a while, or fold entries."""
        store = self._store
        if isinstance(share, EntryShare):
            if share.versions != store.places.versions:
                store.places = Places(share.versions)
            return fold_table(share, fold)
        sources: Sources = {}
        listing = store.listing(options, sources, ranges=share, seconds=_LISTING_SECONDS)
        number = 0
        for found in store.found_by(listing, options):
            fold.add(found)
            number += 1
        return Done(number, rest=tuple(listing.rest), sources=sources)

    def require_same(self) -> None:
        """Require nothing: a URL is the same everywhere."""
