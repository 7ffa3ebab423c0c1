"""The calls to replay, as columns of numbers: which entry, when, its size and its seconds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import le


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
    for time, entry in calls:
        trace.times.append(time)
        trace.entries.append(entry)
    for size, seconds in entries:
        trace.sizes.append(max(size, 1))
        trace.seconds.append(seconds)
    return in_order(trace)


def in_order(trace: Trace) -> Trace:
    """Sort the calls of a trace by time; those of the same time stay in their order."""
    times, entries = trace.times, trace.entries
    if all(map(le, times, islice(times, 1, None))):
        return trace
    order = sorted(range(len(times)), key=times.__getitem__)
    return Trace(
        array("l", map(entries.__getitem__, order)),
        array("d", map(times.__getitem__, order)),
        trace.sizes,
        trace.seconds,
    )
