"""The results of a benchmark: measurements, each level's gain and cost, a recommendation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from acache.config.engine import Engine
from acache.operations.bench.statistics import Summary, break_even_runs, ratio_interval, summarise
from acache.operations.bench.timed_run import Run
from acache.operations.notebook import html_of
from acache.store.totals import Totals

_NOISE = 0.02  # of a time; what differs less is not worth a higher level
_UNKNOWN_NOISE = 0.2
_ERRORS = 3.0  # standard errors


class Measurement(NamedTuple):
    """Several runs of one step."""

    runs: tuple[Run, ...]
    summary: Summary  # of their wall times
    user: float | None  # median CPU seconds
    system: float | None
    max_rss_bytes: int | None  # median peak memory

    @property
    def times(self) -> list[float]:
        """Wall times in seconds."""
        return [run.seconds for run in self.runs]


class Held(NamedTuple):
    """What a store holds after a cold run."""

    entries: Totals
    leftovers: int  # temporary files and folders without result: writes that failed


class Calls(NamedTuple):
    """How many cached calls of a warm run were hits, and how many misses."""

    hits: int
    misses: int


class LevelResult(NamedTuple):
    """What caching at a level gains and costs, with one engine."""

    level: int
    engine: Engine | None  # None: what the command does by itself, with joblib's own code
    cold: Measurement
    warm: Measurement
    held: Held
    calls: Calls | None  # None if the warm run could not be traced
    speedup: float | None  # median time without cache / warm; None if nothing was cached
    interval: tuple[float, float] | None  # of the speed-up, 95 %; None with fewer than three runs
    same_output: bool  # of all runs, with and without the cache
    break_even_runs: float | None  # see `statistics.break_even_runs`; None if nothing was cached

    @property
    def name(self) -> str:
        """The level, and the engine that was asked for."""
        return row_name(self.level, self.engine)

    @property
    def is_cached(self) -> bool:
        """Whether anything was cached."""
        return self.speedup is not None


class BenchReport(NamedTuple):
    """The results of a benchmark.

    Attributes
    ----------
    command : tuple of str
        As it was given.
    rounds : int > 0
        That were run.
    environment : mapping of str to object
        See `acache.operations.bench.environment.describe`.
    off : Measurement
        The runs without cache.
    levels : tuple of LevelResult
        What each level gains and costs, the lowest level first.
    recommended : LevelResult or None
        See `acache.operations.bench.results.recommend`.
    warnings : tuple of str
        Each says what to do.
    """

    command: tuple[str, ...]
    rounds: int
    environment: Mapping[str, object]
    off: Measurement
    levels: tuple[LevelResult, ...]
    recommended: LevelResult | None
    warnings: tuple[str, ...]

    def _repr_html_(self) -> str | None:
        return html_of(self)

    @property
    def best_speedup(self) -> float | None:
        """The highest speed-up of the `usable` levels; None if there are none."""
        rows = usable(self.off, self.levels)
        return max((row.speedup for row in rows if row.speedup is not None), default=None)


def row_name(level: int, engine: Engine | None) -> str:
    """Name a level, and an engine that was asked for."""
    return f"{level}" if engine is None else f"{level} {engine}"


def measurement(runs: Sequence[Run]) -> Measurement:
    """Sum up several runs."""
    return Measurement(
        tuple(runs),
        summarise([run.seconds for run in runs]),
        _middle([run.user for run in runs]),
        _middle([run.system for run in runs]),
        None if (peak := _middle([run.max_rss_bytes for run in runs])) is None else round(peak),
    )


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) == len(values) else None


def level_result(
    level: int,
    engine: Engine | None,
    *,
    off: Measurement,
    cold: Measurement,
    warm: Measurement,
    held: Held,
    calls: Calls | None,
) -> LevelResult:
    """Compare the runs at a level, with an engine, with those without cache."""
    cached = held.entries.entries > 0
    middles = [each.summary.median for each in (off, cold, warm)]
    printed = {run.output for each in (off, cold, warm) for run in each.runs}
    return LevelResult(
        level,
        engine,
        cold,
        warm,
        held,
        calls,
        speedup=middles[0] / middles[2] if cached else None,
        interval=ratio_interval(off.times, warm.times) if cached else None,
        same_output=len(printed) == 1,
        break_even_runs=break_even_runs(*middles) if cached else None,
    )


def usable(off: Measurement, levels: Sequence[LevelResult]) -> list[LevelResult]:
    """Leave out levels that cache nothing, have no hits, or change the output.

    Where the output differs on each run even without the cache, it is not compared.
    """
    steady = len({run.output for run in off.runs}) == 1
    return [
        row
        for row in levels
        if row.is_cached
        and (row.calls is None or row.calls.hits)
        and (row.same_output or not steady)
    ]


def recommend(off: Measurement, levels: Sequence[LevelResult]) -> LevelResult | None:
    """Choose the lowest usable level whose warm time is within noise of the best; see `is_slower`.

    A level that stores the same entries as the best one, with the same engine, is as good: that is
    all that it can do. Of engines that are equally good there it is joblib's own, which a program
    need not switch on.

    Returns
    -------
    result : LevelResult or None
        None if no level is faster than no cache at all by more than noise, or the interval of that
        level's speed-up contains 1.
    """
    faster = [row for row in usable(off, levels) if is_slower(off, row.warm)]
    if not faster:
        return None
    best = min(faster, key=lambda row: row.warm.summary.median)
    lowest = min(
        (row for row in faster if _is_as_good(row, best)),
        key=lambda row: (row.level, row.engine == "fast"),
    )
    is_sure = lowest.interval is None or lowest.interval[0] > 1
    return lowest if is_sure else None


def _is_as_good(row: LevelResult, best: LevelResult) -> bool:
    same = row.held.entries[:2] == best.held.entries[:2]  # their number and size
    return (same and row.engine == best.engine) or not is_slower(row.warm, best.warm)


def is_slower(slow: Measurement, fast: Measurement) -> bool:
    """Return whether one is slower than the other by more than noise.

    Their medians must differ by more than 2 %, and by more than three standard errors of the
    difference. That of a median is about ``1.2533 s / sqrt(n)``, with ``s = 1.4826 MAD`` for the
    standard deviation (P. Rousseeuw and C. Croux, "Alternatives to the Median Absolute Deviation",
    JASA 88, 1993), so that one outlier changes nothing. With fewer than three runs
    the noise is unknown: the fastest of the slow ones must take 20 % longer than the slowest of the
    fast ones.
    """
    gain = slow.summary.median - fast.summary.median
    errors = [_squared_error(slow), _squared_error(fast)]
    if None in errors:
        return slow.summary.min > (1 + _UNKNOWN_NOISE) * fast.summary.max
    noise = _ERRORS * math.sqrt(sum(error for error in errors if error is not None))
    return gain > max(_NOISE * fast.summary.median, noise)


def _squared_error(measured: Measurement) -> float | None:
    if measured.summary.mad is None:
        return None
    return float((1.2533 * 1.4826 * measured.summary.mad) ** 2 / len(measured.runs))
