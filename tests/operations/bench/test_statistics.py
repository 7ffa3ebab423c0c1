"""The statistics agree with SciPy and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from acache.operations.bench.statistics import (
    break_even_runs,
    modified_z_scores,
    outliers,
    quantile,
    ratio_interval,
    summarise,
)
from tests.helpers.examples import examples

times = st.lists(st.floats(1e-3, 1e4), min_size=3, max_size=30)


@given(times)
def test_location_and_spread(values: list[float]) -> None:
    found = summarise(values)
    assert found.median == pytest.approx(np.median(values))
    assert found.mad == pytest.approx(scipy.stats.median_abs_deviation(values), abs=1e-9)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.stddev == pytest.approx(np.std(values, ddof=1), rel=1e-6, abs=1e-9)
    assert (found.min, found.max) == (min(values), max(values))


def test_spread_needs_three_runs() -> None:
    found = summarise([1.0, 3.0])
    assert found.median == 2.0
    assert found.mad is None
    assert found.stddev is None


@given(times, st.floats(0, 1))
def test_quantiles(values: list[float], share: float) -> None:
    assert quantile(sorted(values), share) == pytest.approx(np.quantile(values, share))


@given(times)
def test_modified_z_scores(values: list[float]) -> None:
    spread = scipy.stats.median_abs_deviation(values, scale="normal")
    if spread > 1e-6:
        expected = (np.array(values) - np.median(values)) / spread
        assert modified_z_scores(values) == pytest.approx(list(expected), rel=1e-6)


def test_scores_where_most_timings_are_equal() -> None:
    values = [2.0, 2.0, 2.0, 2.0, 7.0]
    # Mean absolute deviation 1, whose expectation is sqrt(2 / pi) of the standard deviation.
    assert modified_z_scores(values)[4] == pytest.approx(5 * np.sqrt(2 / np.pi), rel=1e-6)
    assert modified_z_scores([3.0] * 5) == [0.0] * 5


def test_outlier_among_mild_ones_is_found() -> None:
    values = [3.2, 3.3, 8.1, 3.2, 2.9, 3.7, 3.1, 3.5, 3.3]  # median 3.3, MAD 0.2
    assert modified_z_scores(values)[2] == pytest.approx(0.6745 * 4.8 / 0.2, rel=1e-4)
    assert modified_z_scores(values)[4] == pytest.approx(-0.6745 * 0.4 / 0.2, rel=1e-4)
    assert outliers(values) == [2]


def test_outliers_need_five_runs() -> None:
    assert outliers([1.0, 1.01, 1.02, 9.0]) == []
    assert outliers([1.0, 1.01, 1.02, 1.03, 9.0]) == [4]


@pytest.mark.parametrize(
    ("seed", "above", "below", "runs"), [(1, 6.7, 1.6, 5), (2, 1.0, 0.9, 10), (3, 5.0, 5.0, 25)]
)
def test_intervals_agree_with_scipy(seed: int, above: float, below: float, runs: int) -> None:
    noise = np.random.default_rng(seed)
    slow = above * noise.lognormal(0, 0.05, runs)
    fast = below * noise.lognormal(0, 0.05, runs)
    expected = scipy.stats.bootstrap(
        (slow, fast),
        lambda a, b, axis: np.median(a, axis=axis) / np.median(b, axis=axis),
        method="percentile",
        n_resamples=20_000,
        rng=noise,
    ).confidence_interval
    found = ratio_interval(list(slow), list(fast))
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.08 * width)
    assert found == ratio_interval(list(slow), list(fast))


def test_intervals_need_three_runs() -> None:
    assert ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0]) is None
    assert ratio_interval([1.0, 2.0, 3.0], [1.0, 2.0]) is None
    assert ratio_interval([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is not None


@settings(max_examples=examples(200))
@given(st.floats(0.01, 100), st.floats(0.01, 100), st.floats(0.01, 100))
def test_break_even_is_when_a_cache_pays_off(off: float, cold: float, warm: float) -> None:
    runs = break_even_runs(off, cold, warm)
    if runs is None:
        assert warm >= off
    elif runs > 1:
        assert cold + (runs - 1) * warm == pytest.approx(runs * off)
    else:
        assert cold <= off
