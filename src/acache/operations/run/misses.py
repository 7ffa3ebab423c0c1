"""Why calls of a traced run were computed, from the call logs of the stores that it used."""

from __future__ import annotations

from collections.abc import Iterable

from acache.operations.run.trace_log import FunctionCalls, Trace
from acache.operations.why.explanation import Miss, WhyReport, why
from acache.store.call_log import read_calls
from acache.store.call_writer import location_of
from acache.store.store import Store


def run_misses(trace: Trace, *, since: float) -> WhyReport:
    """Explain the misses of a traced run.

    Parameters
    ----------
    trace : Trace
    since : float
        Unix seconds when the run began.

    Returns
    -------
    report : WhyReport
        `left_out` counts the misses that no call log holds.
    """
    stores: dict[str, list[FunctionCalls]] = {}
    for row in trace.functions:
        stores.setdefault(row.store, []).append(row)
    misses = [miss for store, rows in stores.items() for miss in _of_store(store, rows, since)]
    misses.sort(key=lambda miss: miss.time, reverse=True)
    missed = sum(row.misses for row in trace.functions)
    calls = missed + sum(row.hits for row in trace.functions)
    return WhyReport(calls, tuple(misses), max(0, missed - len(misses)))


def _of_store(store: str, rows: Iterable[FunctionCalls], since: float) -> tuple[Miss, ...]:
    # Other processes may log their calls of the same functions at the same time.
    missed = {row.function: row.missed_entries for row in rows}
    return why(
        read_calls(store),
        wanted=lambda function, argument_hash: argument_hash in missed.get(function, ()),
        since=since,
        store=Store(location_of(store)),
    ).misses
