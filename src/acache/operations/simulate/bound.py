"""An upper bound of what any cache could have saved that knows all calls to come.

The relaxation PFOO-U of D. S. Berger, N. Beckmann, M. Harchol-Balter: "Practical Bounds on Optimal
Caching with Variable Object Sizes", Proc. ACM Meas. Anal. Comput. Syst. 2 (2018). For a hit, an
entry has to be kept from one call for it to the next, which takes its bytes for as many calls. A
cache has its size times the number of all calls to give away. The best use of that is the hits with
the most seconds for what they take, and no cache can do better.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from acache.operations.simulate.replay import Outcome
from acache.operations.simulate.trace import Trace


def upper_bounds(trace: Trace, sizes: Sequence[int]) -> list[Outcome]:
    """Return the most that a cache of each size could have saved, and the most hits.

    Parameters
    ----------
    trace : Trace
    sizes : sequence of int >= 0
        Bytes.

    Returns
    -------
    bounds : list of Outcome
        The hits and the seconds are bounds apart from each other: no cache may reach both.
    """
    entries, room, density = array("l"), array("q"), array("d")  # of each hit
    for place, entry, before in trace.repeats():
        takes = trace.sizes[entry] * (place - before)
        entries.append(entry)
        room.append(takes)
        density.append(trace.seconds[entry] / takes)
    hits = range(len(entries))
    saved = _Best(trace, entries, room, sorted(hits, key=density.__getitem__, reverse=True))
    seconds = [saved.within(size) for size in sizes]
    del saved, density
    counted = _Best(trace, entries, room, sorted(hits, key=room.__getitem__))
    counts = [counted.within(size)[0] for size in sizes]
    return [Outcome(int(count), most) for count, (_, most) in zip(counts, seconds, strict=True)]


class _Best:
    """The hits in the order in which they are taken while there is room."""

    def __init__(
        self, trace: Trace, entries: array[int], room: array[int], order: list[int]
    ) -> None:
        self._trace = trace
        self._entries = entries
        self._room = room
        self._order = order
        self._largest = max(trace.sizes, default=0)
        self._sums = self._summed(order)

    def within(self, size_bytes: int) -> tuple[float, float]:
        """Return the most hits and seconds of a cache, a part of the last hit included."""
        order, sums = self._order, self._sums
        if size_bytes < self._largest:  # what never fits is not taken
            sizes, entries = self._trace.sizes, self._entries
            order = [hit for hit in order if sizes[entries[hit]] <= size_bytes]
            sums = self._summed(order)
        taken, saved = sums
        room = float(size_bytes * len(self._trace))
        whole = bisect_right(taken, room)
        seconds = saved[whole - 1] if whole else 0.0
        if whole == len(order):
            return whole, seconds
        part = (room - (taken[whole - 1] if whole else 0.0)) / self._room[order[whole]]
        return whole + part, seconds + part * self._seconds(order[whole])

    def _summed(self, order: list[int]) -> tuple[array[float], array[float]]:
        """Return the room that the first hits take together, and the seconds that they save."""
        taken = array("d", accumulate(map(self._room.__getitem__, order)))
        return taken, array("d", accumulate(map(self._seconds, order)))

    def _seconds(self, hit: int) -> float:
        return self._trace.seconds[self._entries[hit]]
