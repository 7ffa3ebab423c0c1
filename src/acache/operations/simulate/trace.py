"""The calls to replay, as columns of numbers: which entry, when, its size and its seconds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Trace:
    """Calls in the order of time, entries numbered from 0.

    Attributes
    ----------
    entries : array of int
        The entry that each call asked for.
    times : array of float
        When each call began, Unix seconds.
    sizes : array of int > 0
        Bytes of each entry.
    seconds : array of float >= 0
        What computing each entry takes: what a hit saves.
    """

    entries: array[int] = field(default_factory=lambda: array("l"))
    times: array[float] = field(default_factory=lambda: array("d"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    seconds: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def total_bytes(self) -> int:
        """Bytes of all entries together: the size at which nothing is ever evicted."""
        return sum(self.sizes)

    def repeats(self) -> Iterator[tuple[int, int, int]]:
        """Yield each call that asks again for an entry: its place, the entry, the place before.

        With an unlimited cache these, and only these, are hits.
        """
        before = array("l", [-1]) * len(self.sizes)
        for place, entry in enumerate(self.entries):
            if before[entry] >= 0:
                yield place, entry, before[entry]
            before[entry] = place


def make_trace(calls: Iterable[tuple[float, int]], entries: Sequence[tuple[int, float]]) -> Trace:
    """Make a trace of calls.

    Parameters
    ----------
    calls : iterable of (float, int)
        Time and entry of each call, in any order.
    entries : sequence of (int, float)
        Bytes and seconds of each entry. An entry without bytes counts as one of 1 byte.

    Returns
    -------
    trace : Trace
        Sorted by time.
    """
    trace = Trace()
    for time, entry in sorted(calls):
        trace.times.append(time)
        trace.entries.append(entry)
    for size, seconds in entries:
        trace.sizes.append(max(size, 1))
        trace.seconds.append(seconds)
    return trace
