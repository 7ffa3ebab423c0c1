"""The trace of a call log: which entry each call asked for, with sizes and seconds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

from acache.operations.simulate.trace import Trace, make_trace
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
    numbers: dict[tuple[str, str], int] = {}
    functions: list[str] = []
    sizes, seconds = array("q"), array("d")
    asked: list[tuple[float, int]] = []
    computed: dict[str, tuple[int, float]] = {}
    for call in calls:
        entry = numbers.setdefault((call.function, call.hash), len(numbers))
        if entry == len(functions):
            functions.append(call.function)
            sizes.append(0)
            seconds.append(-1.0)
        asked.append((call.time, entry))
        sizes[entry] = call.bytes_loaded or call.bytes_stored or sizes[entry]
        if not call.hit:
            seconds[entry] = call.compute_seconds
            count, total = computed.get(call.function, (0, 0.0))
            computed[call.function] = count + 1, total + call.compute_seconds
    unknown = 0
    for entry, function in enumerate(functions):
        if seconds[entry] < 0:
            count, total = computed.get(function, (0, 0.0))
            seconds[entry] = total / count if count else 0.0
            unknown += not count
    kept = [entry for entry, size in enumerate(sizes) if size]
    renumbered = {entry: number for number, entry in enumerate(kept)}
    replayed = [(time, renumbered[entry]) for time, entry in asked if entry in renumbered]
    trace = make_trace(replayed, [(sizes[entry], seconds[entry]) for entry in kept])
    return LoggedTrace(trace, len(asked) - len(replayed), unknown)
