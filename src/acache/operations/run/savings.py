"""What caching saved in a traced run: a frozen report.

The net seconds that caching a function saved are

    what joblib recorded of the entries that answered its calls, once for each hit
    - hashing, loading and storing, of all its calls

A recorded duration covers computing and storing, and the storing of cached calls inside, so the
difference is an upper bound. For an entry without a record, the mean of the function's computations
in this run is used, or else the mean of its other records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acache.config.settings import Config
from acache.config.sharing import CALL_LOG_VARIABLE, call_log_from_env
from acache.operations.run.doubts import Doubt, unrepeatable, warnings
from acache.operations.run.misses import run_misses
from acache.operations.run.trace_log import FunctionCalls, Trace
from acache.operations.why.explanation import WhyReport
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.call_writer import location_of
from acache.store.format import dotted
from acache.store.store import Store
from acache.system.foreground import Finished
from acache.system.text import counted


class FunctionSavings(NamedTuple):
    """One function's cached calls, and what caching them saved."""

    function: str  # dotted
    level: int | None
    saved_seconds: float | None  # net; None if the time of computing is unknown
    won_seconds: float | None  # the same for hits only: the gain if all its results were stored
    calls: FunctionCalls
    doubt: Doubt | None = None

    @property
    def costs(self) -> bool:
        """Whether its hits took longer than computing."""
        return self.won_seconds is not None and self.won_seconds < 0


class Advice(NamedTuple):
    """A lower level that would have been faster, and by about how many seconds."""

    level: int
    gain_seconds: float


class RunReport(NamedTuple):
    """What caching did in a traced run."""

    command: tuple[str, ...]  # as it was given
    exit_code: int
    level: int | None  # the configured one; None where it is not valid
    wall_seconds: float
    functions: tuple[FunctionSavings, ...]  # those that saved the most first
    advice: Advice | None
    warnings: tuple[str, ...]
    why: WhyReport | None = None  # its misses, where they were asked for

    @property
    def hits(self) -> int:
        """Calls answered from a store."""
        return sum(row.calls.hits for row in self.functions)

    @property
    def misses(self) -> int:
        """Calls computed."""
        return sum(row.calls.misses for row in self.functions)

    @property
    def saved_seconds(self) -> float | None:
        """Sum of the known ones; None if there are none."""
        known = [row.saved_seconds for row in self.functions if row.saved_seconds is not None]
        return sum(known) if known else None


def run_report(
    command: Sequence[str],
    finished: Finished,
    trace: Trace,
    config: Config,
    *,
    explain_since: float | None = None,
) -> RunReport:
    """Report what caching did in a traced run.

    Parameters
    ----------
    command : sequence of str
    finished : Finished
    trace : Trace
    config : Config
        With which the command ran.
    explain_since : float, optional
        Unix seconds when the run began: its misses are explained.
    """
    stores: dict[str, tuple[Store, Levels]] = {}
    installed = InstalledSources(config.python.value)
    rows = []
    for calls in trace.functions:
        if calls.store not in stores:
            store = Store(location_of(calls.store))
            stores[calls.store] = store, Levels(store, installed)
        store, levels = stores[calls.store]
        saved, won = _saved(calls, store)
        function, level = dotted(calls.function), levels(calls.function)
        doubt = unrepeatable(calls, store)
        rows.append(FunctionSavings(function, level, saved, won, calls, doubt))
    code = finished.exit_code
    why = None if explain_since is None else run_misses(trace, since=explain_since)
    doubts = [(row.calls, row.doubt) for row in rows if row.doubt is not None]
    rows.sort(key=lambda row: (-(row.saved_seconds or 0.0), row.function))
    return RunReport(
        tuple(command),
        code,
        config.level.value,
        finished.wall_seconds,
        tuple(rows),
        None if code else _advice(rows),
        (
            *config.warnings(),
            *warnings(trace, doubts, config, exit_code=code),
            *(text for _, levels in stores.values() for text in levels.warnings),
            *_unexplained(why),
        ),
        why,
    )


def _unexplained(why: WhyReport | None) -> list[str]:
    if why is None or not why.left_out:
        return []
    misses = counted(why.left_out, "miss", "misses")
    off = "" if call_log_from_env() else f", as {CALL_LOG_VARIABLE}=0 turns it off"
    return [f"the call log does not hold {misses}, which cannot be explained{off}"]


def _saved(calls: FunctionCalls, store: Store) -> tuple[float | None, float | None]:
    """Return the net seconds that all calls saved, and those of the hits alone."""
    answered = _answered(calls, store)
    if answered is None:
        return None, None
    spent = calls.hash_seconds + calls.load_seconds + calls.store_seconds
    return answered - spent, answered - calls.hit_seconds


def _answered(calls: FunctionCalls, store: Store) -> float | None:
    """Sum up what computing the hits took when they were computed."""
    total, known = 0.0, 0
    for argument_hash, hits in calls.hit_entries.items():
        duration = _recorded(store, calls.function, argument_hash)
        if duration is not None:
            total += duration * hits
            known += hits
    if known < calls.hits:
        if calls.misses:
            mean = (calls.compute_seconds + calls.store_seconds) / calls.misses
        elif known:
            mean = total / known
        else:
            return None
        total += mean * (calls.hits - known)
    return total


def _recorded(store: Store, function: str, argument_hash: str) -> float | None:
    try:
        metadata = store.metadata(function, argument_hash)
    except (OSError, ValueError):
        return None
    return None if metadata is None else metadata.duration


def _advice(rows: Iterable[FunctionSavings]) -> Advice | None:
    """Choose the level up to which the hits won the most, if that is a lower one."""
    won: dict[int, float] = {}
    for row in rows:
        if row.level is not None:
            won[row.level] = won.get(row.level, 0.0) + (row.won_seconds or 0.0)
    sums = {level: sum(s for lower, s in won.items() if lower <= level) for level in sorted(won)}
    if not sums:
        return None
    best = max(sums, key=lambda level: (sums[level], level))
    gain = sums[best] - sums[max(sums)]
    return Advice(best, gain) if gain > 0 else None
