"""The least recently used policy at all sizes in one pass, by byte-weighted stack distances.

R. L. Mattson, J. Gecsei, D. R. Slutz, I. L. Traiger: "Evaluation techniques for storage
hierarchies", IBM Systems Journal 9 (1970). An LRU cache of a given size holds the longest run of
the most recently used entries that fits. So a call is a hit in every cache that holds its entry and
all that were used since: their bytes together are its stack distance.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from acache.operations.simulate.trace import Trace

TICK = 1 << 14  # calls between two reports of progress


def stack_distances(trace: Trace, tick: Callable[[int], object] | None = None) -> array[int]:
    """Return the size of the smallest LRU cache in which each call is a hit.

    Parameters
    ----------
    trace : Trace
    tick : callable, optional
        Called with the number of calls done since the last time.

    Returns
    -------
    distances : array of int
        Bytes, one for each call; -1 for the first call of an entry, a miss at any size.
    """
    distances = array("q", [-1]) * len(trace)
    # Places in the order of use; those of past uses are freed when all are taken.
    room = 2 * len(trace.sizes) + 1
    tree = _Sums(room)
    place_of = array("l", [-1]) * len(trace.sizes)
    entry_at = array("l", [-1]) * room
    total = used = 0
    for index, entry in enumerate(trace.entries):
        size = trace.sizes[entry]
        place = place_of[entry]
        if place >= 0:
            distances[index] = total - tree.before(place)
            tree.add(place, -size)
            entry_at[place] = -1
        else:
            total += size
        if used == room:
            used = _compact(trace, tree, place_of, entry_at)
        tree.add(used, size)
        place_of[entry] = used
        entry_at[used] = entry
        used += 1
        if tick is not None and index % TICK == TICK - 1:
            tick(TICK)
    return distances


def _compact(trace: Trace, tree: _Sums, place_of: array[int], entry_at: array[int]) -> int:
    """Move the entries in use to the lowest places, in their order; return the next free one."""
    kept = [entry for entry in entry_at if entry >= 0]
    tree.clear()
    for place in range(len(entry_at)):
        entry_at[place] = -1
    for place, entry in enumerate(kept):
        entry_at[place] = entry
        place_of[entry] = place
        tree.add(place, trace.sizes[entry])
    return len(kept)


class _Sums:
    """Sums of the numbers before a place, and changes of one, in logarithmic time.

    P. M. Fenwick: "A new data structure for cumulative frequency tables", Software: Practice and
    Experience 24 (1994).
    """

    def __init__(self, places: int) -> None:
        self._nodes = [0] * (places + 1)

    def add(self, place: int, number: int) -> None:
        nodes = self._nodes
        place += 1
        while place < len(nodes):
            nodes[place] += number
            place += place & -place

    def before(self, place: int) -> int:
        nodes = self._nodes
        total = 0
        while place:
            total += nodes[place]
            place &= place - 1
        return total

    def clear(self) -> None:
        self._nodes = [0] * len(self._nodes)
