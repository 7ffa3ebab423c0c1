"""Statistics of timings: location and spread, outliers, intervals of ratios, what pays off."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from typing import NamedTuple

LEAST_RUNS = 3  # the spread of fewer is unknown
_OUTLIER_SCORE = 3.5
_LEAST_FOR_OUTLIERS = 5  # among fewer, one that is far from the others is not unusual
_RESAMPLES = 4_999  # enough for a 95 % interval, which takes 25 ms so
_SEED = 20_170_712  # any; the same runs always give the same interval
_NORMAL_QUARTILE = 0.6744897501960817  # of the standard normal distribution, at 0.75


class Summary(NamedTuple):
    """Location and spread of some timings, all in seconds."""

    median: float
    mad: float | None  # median absolute deviation, not scaled; None for fewer than three runs
    mean: float
    stddev: float | None  # of the sample, with ``n - 1``; None for fewer than three runs
    min: float
    max: float


def summarise(times: Sequence[float]) -> Summary:
    """Summarise timings.

    Parameters
    ----------
    times : sequence of float, not empty
        Seconds.
    """
    enough = len(times) >= LEAST_RUNS
    return Summary(
        statistics.median(times),
        deviation(times) if enough else None,
        statistics.fmean(times),
        statistics.stdev(times) if enough else None,
        min(times),
        max(times),
    )


def deviation(times: Sequence[float]) -> float:
    """Return the median absolute deviation from the median, not scaled.

    Examples
    --------
    >>> deviation([1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0])
    1.0
    """
    middle = statistics.median(times)
    return statistics.median(abs(time - middle) for time in times)


def modified_z_scores(times: Sequence[float]) -> list[float]:
    """Return how far each timing lies from the median, in robust standard deviations.

    The modified Z-score of B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers" (ASQC
    Quality Press, 1993): ``0.6745 (x - median) / MAD``. They call beyond 3.5 an outlier. Where the
    MAD is zero, as more than half of the timings are equal, the mean absolute deviation stands in,
    with their factor ``1 / 1.253314``.
    """
    middle = statistics.median(times)
    spread = deviation(times)
    if spread > 0:
        return [_NORMAL_QUARTILE * (time - middle) / spread for time in times]
    mean = statistics.fmean(abs(time - middle) for time in times)
    return [0.0 if mean == 0 else (time - middle) / (1.253314 * mean) for time in times]


def outliers(times: Sequence[float]) -> list[int]:
    """Return the indices of outliers; none among fewer than five timings."""
    if len(times) < _LEAST_FOR_OUTLIERS:
        return []
    scores = modified_z_scores(times)
    return [index for index, score in enumerate(scores) if abs(score) > _OUTLIER_SCORE]


def ratio_interval(
    above: Sequence[float], below: Sequence[float], *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return an interval of the ratio of two medians, by the percentile bootstrap.

    Both sides are drawn anew, with replacement and independently, 4,999 times; the interval holds
    the middle of the ratios (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap",
    Chapman & Hall, 1993, chapter 13). The same timings always give the same interval.

    Parameters
    ----------
    above, below : sequence of float > 0
        Seconds.
    confidence : float in (0, 1)

    Returns
    -------
    interval : (float, float) or None
        None with fewer than three runs on either side.
    """
    if min(len(above), len(below)) < LEAST_RUNS:
        return None
    draw = random.Random(_SEED)
    ratios = sorted(
        _median(draw.choices(above, k=len(above))) / _median(draw.choices(below, k=len(below)))
        for _ in range(_RESAMPLES)
    )
    tail = (1 - confidence) / 2
    return quantile(ratios, tail), quantile(ratios, 1 - tail)


def _median(values: list[float]) -> float:
    """Do what `statistics.median` does in a third of its time; reorders the values."""
    values.sort()
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile of sorted values, interpolated linearly (type 7 of Hyndman and Fan, 1996).

    Examples
    --------
    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def break_even_runs(off: float, cold: float, warm: float) -> float | None:
    """Return after how many runs a cache has paid off, counting the cold one.

    Parameters
    ----------
    off, cold, warm : float > 0
        Seconds of a run without cache, with an empty and with a full one.

    Returns
    -------
    runs : float >= 1 or None
        1 if even the cold run is not slower; None if it never pays off.

    Examples
    --------
    >>> break_even_runs(6.0, 8.0, 2.0)
    1.5
    """
    if warm >= off:
        return None
    return max(1.0, 1 + (cold - off) / (off - warm))
