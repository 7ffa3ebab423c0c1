"""What the calls of the call log amount to, per function: hits, misses, seconds saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from acache.operations.selection import LevelOf
from acache.store.call_log import Call
from acache.store.format import dotted
from acache.store.store import Store


class CallTotals(NamedTuple):
    """The logged calls of a function.

    Attributes
    ----------
    function : str
        Dotted.
    calls, hits, misses : int >= 0
    saved_seconds : float
        What computing the hits would have taken, less all hashing, loading and storing: negative
        where caching costs more than it saves.
    costs : bool
        Whether its hits take longer than computing would.
    """

    function: str
    calls: int
    hits: int
    misses: int
    saved_seconds: float
    costs: bool


class CallRow(NamedTuple):
    """The logged calls of a function, and its level."""

    level: int | None
    totals: CallTotals


class _Sums:
    """The growing totals of a function's calls."""

    __slots__ = ("computed", "hits", "loading", "overhead", "saved", "unknown")

    def __init__(self) -> None:
        self.hits = 0
        self.computed: dict[str, float] = {}
        self.overhead = self.loading = self.saved = 0.0
        self.unknown: dict[str, int] = {}  # hits of entries whose computation is not known yet


def call_totals(calls: Iterable[Call], store: Store) -> dict[str, CallTotals]:
    """Add up logged calls per function.

    A hit saves the seconds of the entry's last logged computation; else those that joblib recorded
    of it; else the mean of its function.

    Parameters
    ----------
    calls : iterable of Call
        In the order of time.
    store : Store
        Where joblib's records are.

    Returns
    -------
    totals : dict of str to CallTotals
        By function id, ``/`` between its parts.
    """
    found: dict[str, _Sums] = {}
    misses: dict[str, int] = {}
    for call in calls:
        sums = found.get(call.function)
        if sums is None:
            sums = found[call.function] = _Sums()
        sums.overhead += call.hash_seconds + call.load_seconds + call.store_seconds
        if not call.hit:
            misses[call.function] = misses.get(call.function, 0) + 1
            sums.computed[call.hash] = call.compute_seconds
            continue
        sums.hits += 1
        sums.loading += call.hash_seconds + call.load_seconds
        seconds = sums.computed.get(call.hash)
        if seconds is None:
            sums.unknown[call.hash] = sums.unknown.get(call.hash, 0) + 1
        else:
            sums.saved += seconds
    return {
        function: _totals(function, sums, misses.get(function, 0), store)
        for function, sums in found.items()
    }


def call_rows(calls: Iterable[Call], store: Store, levels: LevelOf) -> list[CallRow]:
    """Add up logged calls per function, those that saved the most first; see `call_totals`."""
    totals = call_totals(calls, store)
    rows = [CallRow(levels(function), one) for function, one in totals.items()]
    return sorted(rows, key=lambda row: (-row.totals.saved_seconds, row.totals.function))


def _totals(function: str, sums: _Sums, misses: int, store: Store) -> CallTotals:
    saved = sums.saved
    known = list(sums.computed.values())
    mean = sum(known) / len(known) if known else 0.0
    for argument_hash, hits in sums.unknown.items():
        saved += hits * _recorded(function, argument_hash, store, mean)
    hits = sums.hits
    costs = hits > 0 and saved < sums.loading
    return CallTotals(dotted(function), hits + misses, hits, misses, saved - sums.overhead, costs)


def _recorded(function: str, argument_hash: str, store: Store, otherwise: float) -> float:
    try:
        metadata = store.metadata(function, argument_hash)
    except (OSError, ValueError):
        return otherwise
    if metadata is None or metadata.duration is None:
        return otherwise
    return metadata.duration
