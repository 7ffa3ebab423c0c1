"""What calls of one cached function this process has answered, and what that saved."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

_MOST_ENTRIES = 100_000  # that are remembered one by one, 200 bytes each


class CacheInfo(NamedTuple):
    """What the calls of a cached function did in this process.

    Attributes
    ----------
    hits : int >= 0
        Calls answered from the store.
    misses : int >= 0
        Calls computed.
    seconds_saved : float
        What computing the hits took when they were computed, less what answering them took.
    """

    hits: int
    misses: int
    seconds_saved: float


class Counts:
    """Counts the calls of one function."""

    def __init__(self) -> None:
        self.misses = 0
        self._hits: dict[str, int] = {}
        self._more_hits = 0  # of entries that are not remembered
        self._seconds = 0.0

    def hit(self, argument_hash: str, seconds: float) -> None:
        """Count a call that was answered from the store, in so many seconds."""
        self._seconds += seconds
        hits = self._hits
        if argument_hash in hits:
            hits[argument_hash] += 1
        elif len(hits) < _MOST_ENTRIES:
            hits[argument_hash] = 1
        else:
            self._more_hits += 1

    def info(self, duration: Callable[[str], float | None]) -> CacheInfo:
        """Add up.

        Parameters
        ----------
        duration : callable
            Returns the seconds that computing the entry of an argument hash took; None where
            nothing tells. The mean of the others then stands for it.
        """
        known = [(duration(entry), hits) for entry, hits in list(self._hits.items())]
        told = [(seconds, hits) for seconds, hits in known if seconds is not None]
        total = sum(hits for _, hits in known) + self._more_hits
        counted = sum(hits for _, hits in told)
        saved = sum(seconds * hits for seconds, hits in told)
        if counted:
            saved *= total / counted
        return CacheInfo(total, self.misses, saved - self._seconds)


def counts_of(cached: Any) -> Counts:
    """Return the counts of one of joblib's `MemorizedFunc`, in this process."""
    counts = _counts.get(cached)
    if counts is None:
        counts = _counts.setdefault(cached, Counts())
    return counts


# Beside the functions, whose own attributes joblib pickles and hashes.
_counts: weakref.WeakKeyDictionary[Any, Counts] = weakref.WeakKeyDictionary()
