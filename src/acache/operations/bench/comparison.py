"""A benchmark against an earlier one: how the times changed, and whether by more than noise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from acache.config.engine import Engine, check_engine
from acache.operations.bench.results import (
    BenchReport,
    Measurement,
    is_slower,
    measurement,
    row_name,
)
from acache.operations.bench.statistics import ratio_interval
from acache.operations.bench.timed_run import Run
from acache.system.errors import UsageError

_EXPECTED = "give a file that acache bench --export-json wrote"
_COMPARED = ("platform", "processor", "cpus", "python", "packages")  # of the environment


class Comparison(NamedTuple):
    """The runs without cache, or the warm runs of a level, beside those of an earlier benchmark.

    Attributes
    ----------
    level : int or None
        None: without cache.
    engine : {"joblib", "fast"} or None
        None: no engine was asked for now; it is compared with joblib's own.
    before, now : float > 0
        Median seconds.
    ratio : float > 0
        Of the medians, now to before: above 1 it is slower now.
    interval : (float, float) or None
        Of the ratio, 95 %; None with fewer than three runs on either side.
    is_noise : bool
        Whether the difference is no more than noise.
    """

    level: int | None
    engine: Engine | None
    before: float
    now: float
    ratio: float
    interval: tuple[float, float] | None
    is_noise: bool

    @property
    def name(self) -> str:
        """The level, and the engine that was asked for; empty without cache."""
        return "" if self.level is None else row_name(self.level, self.engine)

    def is_slower(self, percent: float) -> bool:
        """Return whether it is slower by more than noise, and by more than a percentage."""
        return not self.is_noise and self.ratio > 1 + percent / 100


class Baseline(NamedTuple):
    """An earlier benchmark, as ``--export-json`` wrote it.

    Attributes
    ----------
    path : str
    off : list of float > 0
        Seconds of each run without cache.
    warm : dict of (int, str) to list of float > 0
        Seconds of each warm run, by level and engine.
    environment : dict
        What it was measured on.
    """

    path: str
    off: list[float]
    warm: Mapping[tuple[int, Engine], list[float]]
    environment: Mapping[str, object]


def read_baseline(path: str) -> Baseline:
    """Read what ``acache bench --export-json`` wrote.

    Parameters
    ----------
    path : str

    Raises
    ------
    UsageError
        If it cannot be read, or is no such document.
    """
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except OSError as error:
        raise UsageError(f"--compare {path!r} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"--compare {path!r} is no JSON; {_EXPECTED}") from None
    try:
        if (document["schema"], document["kind"]) != (1, "bench"):
            raise ValueError
        warm = {
            # Before there was a choice it was joblib's.
            (row["level"], check_engine(row.get("engine", "joblib"))): _times(row["warm"])
            for row in document["levels"]
        }
        return Baseline(path, _times(document["off"]), warm, dict(document["environment"]))
    except (AttributeError, KeyError, TypeError, ValueError, UsageError):
        raise UsageError(f"--compare {path!r} is no benchmark; {_EXPECTED}") from None


def _times(measured: Mapping[str, Any]) -> list[float]:
    times = [float(time) for time in measured["times"]]
    if not times or min(times) <= 0:
        raise ValueError
    return times


def compare(report: BenchReport, baseline: Baseline) -> list[Comparison]:
    """Compare the runs without cache, and the warm runs of each level that both have.

    Parameters
    ----------
    report : BenchReport
        Of now.
    baseline : Baseline

    Returns
    -------
    comparisons : list of Comparison
        Without cache first, then by level and engine.
    """
    found = [_compared(None, None, baseline.off, report.off.times)]
    for row in report.levels:
        before = baseline.warm.get((row.level, row.engine or "joblib"))
        if before is not None:
            found.append(_compared(row.level, row.engine, before, row.warm.times))
    return found


def differences(report: BenchReport, baseline: Baseline) -> list[str]:
    """Return what keeps two benchmarks from being compared fairly; each text ends with a fix."""
    found = [
        f"the {name} of this benchmark and of {baseline.path} differ; measure a new baseline here"
        for name in _COMPARED
        if report.environment.get(name) != baseline.environment.get(name)
    ]
    rows = report.levels
    missing = [row for row in rows if (row.level, row.engine or "joblib") not in baseline.warm]
    if missing:
        levels = ",".join(dict.fromkeys(str(row.level) for row in rows))
        engines = ",".join(dict.fromkeys(row.engine for row in rows if row.engine is not None))
        found.append(
            f"{baseline.path} has no level {', '.join(row.name for row in missing)}; measure a"
            f" baseline with --levels {levels}{' --engine ' if engines else ''}{engines}"
        )
    return found


def _compared(
    level: int | None, engine: Engine | None, before: Sequence[float], now: Sequence[float]
) -> Comparison:
    first, second = _measured(before), _measured(now)
    interval = ratio_interval(now, before)
    differs = is_slower(second, first) or is_slower(first, second)
    if interval is not None and interval[0] <= 1 <= interval[1]:
        differs = False
    medians = first.summary.median, second.summary.median
    ratio = medians[1] / medians[0]
    return Comparison(level, engine, *medians, ratio, interval, is_noise=not differs)


def _measured(times: Sequence[float]) -> Measurement:
    return measurement([Run(seconds, None, None, None, 0, b"", "") for seconds in times])
