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
    sums = _Sums(2 * len(trace.sizes) + 1)
    place_of = array("l", [-1]) * len(trace.sizes)
    used = 0
    for index, entry in enumerate(trace.entries):
        size = trace.sizes[entry]
        place = place_of[entry]
        if place >= 0:
            distances[index] = sums.take(place, size)
        if used == sums.room:
            place_of[entry] = -1
            used = _compact(trace, sums, place_of)
        sums.put(used, size)
        place_of[entry] = used
        used += 1
        if tick is not None and index % TICK == TICK - 1:
            tick(TICK)
    return distances


def _compact(trace: Trace, sums: _Sums, place_of: array[int]) -> int:
    """Move the entries in use to the lowest places, in their order; return the next free one."""
    kept = sorted(
        (entry for entry, place in enumerate(place_of) if place >= 0), key=place_of.__getitem__
    )
    sums.clear()
    for place, entry in enumerate(kept):
        place_of[entry] = place
        sums.put(place, trace.sizes[entry])
    return len(kept)


class _Sums:
    """Numbers in places, and the sum of all from a place on.

    The places are summed up by blocks, and the blocks by blocks of blocks, so that a sum adds up
    three short runs. That takes half the time of a Fenwick tree, whose steps Python would count one
    by one.

    Attributes
    ----------
    room : int
        How many places there are.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._block = round(room ** (1 / 3)) + 1
        self.clear()

    def clear(self) -> None:
        """Set all numbers to 0."""
        block = self._block
        self._numbers = [0] * self.room
        self._blocks = [0] * (self.room // block + 1)
        self._tops = [0] * (self.room // block**2 + 1)

    def put(self, place: int, number: int) -> None:
        """Set the number in a place that holds 0."""
        block = self._block
        self._numbers[place] = number
        self._blocks[place // block] += number
        self._tops[place // block**2] += number

    def take(self, place: int, number: int) -> int:
        """Set the number in a place, which is given, to 0; return what the sum from it on was."""
        block = self._block
        middle = place // block
        top = middle // block
        numbers, blocks, tops = self._numbers, self._blocks, self._tops
        total = (
            sum(numbers[place : (middle + 1) * block])
            + sum(blocks[middle + 1 : (top + 1) * block])
            + sum(tops[top + 1 :])
        )
        numbers[place] = 0
        blocks[middle] -= number
        tops[top] -= number
        return total
