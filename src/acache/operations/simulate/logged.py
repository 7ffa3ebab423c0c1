"""The trace of a call log: which entry each call asked for, with sizes and seconds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from acache.operations.simulate.trace import Trace, in_order
from acache.store.call_log import Call
from acache.store.store import Store

_MOST_READ = 10_000  # 0.1 ms each


class LoggedTrace(NamedTuple):
    """A trace, and what the log does not hold.

    Attributes
    ----------
    trace : Trace
    not_stored : int >= 0
        Calls that are left out: their results were never stored, so a larger cache does not help.
    unknown_seconds : int >= 0
        Entries of which no computation was logged or recorded, nor of another call of their
        function: they count as taking no time.
    """

    trace: Trace
    not_stored: int
    unknown_seconds: int

    @property
    def warnings(self) -> list[str]:
        """What is wrong with a simulation because of what the log does not hold."""
        found = []
        if self.not_stored:
            found.append(
                f"{self.not_stored:,} calls whose results were never stored are left out; acache"
                " why shows the reason"
            )
        if self.unknown_seconds:
            found.append(
                f"no computation of {self.unknown_seconds:,} entries is known: they count as"
                " taking no time; replay a longer time"
            )
        return found


def trace_of(calls: Iterable[Call], store: Store | None = None) -> LoggedTrace:
    """Make a trace of logged calls.

    The size of an entry is that of its ``output.pkl`` when last loaded or stored; its seconds
    are those of its last logged computation, or what its ``metadata.json`` says of it, or the mean
    of those of its function.

    Parameters
    ----------
    calls : iterable of Call
    store : Store, optional
        Whose ``metadata.json`` are read, 10,000 at most.
    """
    numbers: dict[str, dict[str, int]] = {}  # by function and hash
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
            entry = known[call.hash] = len(sizes)
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
    readable = _MOST_READ
    for function, known in numbers.items():
        missing = {one: entry for one, entry in known.items() if seconds[entry] < 0}
        recorded = {} if store is None else _recorded(store, function, missing, readable)
        readable -= min(readable, len(missing))
        count, total = computed.get(function, (0, 0.0))
        count, total = count + len(recorded), total + sum(recorded.values())
        for argument_hash, entry in missing.items():
            seconds[entry] = recorded.get(argument_hash, total / count if count else 0.0)
        unknown += 0 if count else len(missing)
    kept = _with_sizes(trace)
    return LoggedTrace(in_order(kept), len(trace) - len(kept), unknown)


def _recorded(
    store: Store, function: str, argument_hashes: Iterable[str], most: int
) -> dict[str, float]:
    """Return the seconds that entries took to compute, of those that have a record of it."""
    found = {}
    for argument_hash in islice(argument_hashes, most):
        with suppress(OSError, ValueError):
            metadata = store.metadata(function, argument_hash)
            if metadata is not None and metadata.duration is not None:
                found[argument_hash] = metadata.duration
    return found


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
