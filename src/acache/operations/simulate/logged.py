"""The trace of a call log: which entry each call asked for, with sizes and seconds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from acache.operations.simulate.trace import Trace, in_order
from acache.store.call_log import Call


class LoggedTrace(NamedTuple):
    """A trace, and what the log does not hold.

    Attributes
    ----------
    trace : Trace
    not_stored : int >= 0
        Calls that are left out: their results were never stored, so a larger cache does not help.
    unknown_seconds : int >= 0
        Entries of which no computation was logged, nor of another call of their function: they
        count as taking no time.
    """

    trace: Trace
    not_stored: int
    unknown_seconds: int


def trace_of(calls: Iterable[Call]) -> LoggedTrace:
    """Make a trace of logged calls.

    The size of an entry is that of its ``output.pkl`` when last loaded or stored; its seconds
    are those of its last computation, or the mean of its function's computations.

    Parameters
    ----------
    calls : iterable of Call
    """
    numbers: dict[str, dict[str, int]] = {}  # by function and hash
    functions: list[str] = []
    trace = Trace()
    sizes, seconds = trace.sizes, trace.seconds
    computed: dict[str, tuple[int, float]] = {}
    for call in calls:
        function = call.function
        known = numbers.get(function)
        if known is None:
            known = numbers[function] = {}
        entry = known.get(call.hash)
        if entry is None:
            entry = known[call.hash] = len(functions)
            functions.append(function)
            sizes.append(0)
            seconds.append(-1.0)
        trace.times.append(call.time)
        trace.entries.append(entry)
        sizes[entry] = call.bytes_loaded or call.bytes_stored or sizes[entry]
        if call.reason:
            seconds[entry] = call.compute_seconds
            count, total = computed.get(function, (0, 0.0))
            computed[function] = count + 1, total + call.compute_seconds
    unknown = 0
    for entry, function in enumerate(functions):
        if seconds[entry] < 0:
            count, total = computed.get(function, (0, 0.0))
            seconds[entry] = total / count if count else 0.0
            unknown += not count
    kept = _with_sizes(trace)
    return LoggedTrace(in_order(kept), len(trace) - len(kept), unknown)


def _with_sizes(trace: Trace) -> Trace:
    """Leave out the entries that were never stored, and their calls."""
    if all(trace.sizes):
        return trace
    kept = [entry for entry, size in enumerate(trace.sizes) if size]
    renumbered = {entry: number for number, entry in enumerate(kept)}
    replayed = [place for place, entry in enumerate(trace.entries) if entry in renumbered]
    return Trace(
        array("l", (renumbered[trace.entries[place]] for place in replayed)),
        array("d", map(trace.times.__getitem__, replayed)),
        array("q", map(trace.sizes.__getitem__, kept)),
        array("d", map(trace.seconds.__getitem__, kept)),
    )
