"""What is recommended, what is warned of, and how it fits the terminal."""

from __future__ import annotations

import pytest

from acache.config.engine import Engine
from acache.config.settings import Config
from acache.operations.bench.advice import warnings
from acache.operations.bench.results import (
    BenchReport,
    Calls,
    Held,
    LevelResult,
    Measurement,
    level_result,
    measurement,
    recommend,
)
from acache.operations.bench.runner import Schedule, Timings
from acache.operations.bench.timed_run import Run
from acache.render.tables.bench import print_benchmark
from acache.store.totals import Totals

STEADY = (0.99, 1.0, 1.0, 1.0, 1.01)


def runs(seconds: float, *, spread: tuple[float, ...] = STEADY, output: bytes = b"") -> Measurement:
    return measurement(
        [Run(seconds * factor, seconds, 0.1, 10**8, 0, output, "") for factor in spread]
    )


def level(
    number: int,
    warm: Measurement,
    *,
    off: Measurement | None = None,
    entries: int | None = None,
    leftovers: int = 0,
    calls: Calls | None = Calls(9, 0),  # noqa: B008 - a frozen tuple
    engine: Engine | None = None,
) -> LevelResult:
    return level_result(
        number,
        engine,
        off=off or runs(6.7),
        cold=runs(7.6),
        warm=warm,
        held=Held(Totals(number if entries is None else entries, 1000, 4096, 2), leftovers),
        calls=calls,
    )


def recommended(off: Measurement, rows: list[LevelResult]) -> int | None:
    best = recommend(off, rows)
    return None if best is None else best.level


def advised(*levels: LevelResult, off: Measurement | None = None, warmup: int = 1) -> list[str]:
    schedule = Schedule(("x",), tuple(row.level for row in levels), 5, warmup, 600.0)
    return warnings(schedule, Timings(5, off or runs(6.7), levels, "/tmp"), Config.from_env({}))


def test_recommendation_of_the_guides_case() -> None:
    low, high = level(20, runs(4.98)), level(50, runs(1.64))
    assert low.speedup == pytest.approx(6.7 / 4.98)
    assert high.speedup == pytest.approx(6.7 / 1.64)
    assert high.break_even_runs == pytest.approx(1 + 0.9 / 5.06)
    assert recommended(runs(6.7), [low, high]) == 50
    assert advised(low, high) == []


def test_recommendation_is_the_lowest_of_equal_levels() -> None:
    rows = [
        level(10, runs(6.6)),
        level(20, runs(2.02)),
        level(30, runs(2.0)),
        level(40, runs(2.01)),
    ]
    assert recommended(runs(6.7), rows) == 20


def test_recommendation_takes_a_level_within_the_noise_of_the_best() -> None:
    noisy = runs(2.0, spread=(0.8, 0.9, 1.0, 1.1, 1.2))
    assert recommended(runs(6.7), [level(20, runs(2.15)), level(30, noisy)]) == 20
    assert recommended(runs(6.7), [level(20, runs(2.15)), level(30, runs(2.0))]) == 30


def test_recommendation_is_none_where_nothing_pays() -> None:
    assert recommended(runs(6.7), [level(20, runs(6.69)), level(30, runs(8.0))]) is None
    assert recommended(runs(6.7), [level(20, runs(2.0), entries=0)]) is None


@pytest.mark.parametrize(("outlier", "expected"), [(5.2, 50), (7.5, None)])
def test_recommendation_is_not_changed_by_one_outlier_of_two_levels(
    outlier: float, expected: int | None
) -> None:
    """Only if it takes longer than without cache, the interval contains 1, which carries none."""
    warm = runs(1.0, spread=(1.64, 1.63, 1.65, 1.66, outlier))
    assert recommended(runs(6.7), [level(20, runs(4.98)), level(50, warm)]) == expected
    three = runs(1.0, spread=(1.64, 1.63, outlier))
    assert recommended(runs(6.7), [level(20, runs(4.98)), level(50, three)]) == expected


def test_recommendation_names_the_faster_engine() -> None:
    rows = [level(20, runs(2.0), engine="joblib"), level(20, runs(1.0), engine="fast")]
    assert recommend(runs(6.7), rows) is rows[1]
    # Both store the same entries, which does not make them equally fast.
    assert rows[0].held.entries[:2] == rows[1].held.entries[:2]


def test_recommendation_prefers_joblibs_engine_of_equal_ones_and_the_lowest_level() -> None:
    rows = [
        level(20, runs(2.0), engine="fast"),
        level(20, runs(2.01), engine="joblib"),
        level(30, runs(1.99), engine="joblib"),
    ]
    assert recommend(runs(6.7), rows) is rows[1]
    assert recommend(runs(6.7), [rows[0], rows[2]]) is rows[0]


def test_recommendation_skips_levels_that_never_hit() -> None:
    assert recommended(runs(6.7), [level(20, runs(2.0), calls=Calls(0, 3))]) is None
    assert recommended(runs(6.7), [level(20, runs(2.0), calls=None)]) == 20


def test_recommendation_from_one_run_needs_a_large_difference() -> None:
    off, close, far = (runs(n, spread=(1.0,)) for n in (6.0, 5.2, 4.0))
    assert recommended(off, [level(20, close)]) is None
    assert recommended(off, [level(20, far)]) == 20


def test_levels_of_the_same_entries_are_equal() -> None:
    off = runs(6.0, spread=(1.0, 1.1))
    slow, fast = runs(4.0, spread=(1.0, 1.1)), runs(3.0, spread=(1.0, 1.02))
    assert recommended(off, [level(20, slow), level(30, fast)]) == 30
    assert recommended(off, [level(20, slow, entries=4), level(30, fast, entries=4)]) == 20


def test_recommendation_from_two_rounds_needs_all_runs_to_agree() -> None:
    off, warm = runs(6.0, spread=(1.0, 1.0)), runs(4.0, spread=(0.8, 1.3))
    assert recommended(off, [level(20, warm)]) is None
    assert recommended(off, [level(20, runs(4.0, spread=(0.8, 1.2)))]) == 20


def test_interval_that_holds_one_carries_no_recommendation() -> None:
    row = level(20, runs(4.0))
    assert recommended(runs(6.7), [row]) == 20
    assert recommended(runs(6.7), [row._replace(interval=(0.99, 2.0))]) is None


def test_recommendation_skips_levels_with_other_output() -> None:
    wrong = level(30, runs(1.0, output=b"other"))
    assert not wrong.same_output
    assert recommended(runs(6.7), [level(20, runs(2.0)), wrong]) == 20
    assert any(text.startswith("level 30: the output differs") for text in advised(wrong))


def test_warnings_of_a_slow_first_run() -> None:
    off = runs(6.7, spread=(1.4, 1.0, 1.01, 0.99, 1.0))
    (text,) = advised(level(30, runs(2.0)), off=off, warmup=0)
    assert text.startswith("the first run was slow")
    assert text.endswith("give --warmup 1")
    (text,) = advised(level(30, runs(2.0)), off=off, warmup=1)
    assert "off (1 of 5)" in text


def test_warnings_of_an_outlier() -> None:
    (text,) = advised(level(30, runs(2.0, spread=(1.0, 1.0, 1.01, 0.99, 3.0))))
    assert "level 30 warm (1 of 5)" in text
    assert advised(level(30, runs(2.0, spread=(1.0, 1.0, 1.0001, 0.9999, 1.02)))) == []


def test_warnings_name_the_engine() -> None:
    rows = [
        level(20, runs(2.0), engine="fast", calls=None),
        level(30, runs(2.0, spread=(1.0, 1.0, 1.01, 0.99, 3.0)), engine="joblib"),
    ]
    noise, uncounted = advised(*rows)
    assert "level 30 joblib warm (1 of 5)" in noise
    assert uncounted.startswith("level 20 fast: cached calls could not be counted, so perhaps")


def test_warnings_of_nothing_cached_and_of_failing_writes() -> None:
    nothing = level(10, runs(6.7), entries=0)
    failing = level(20, runs(6.7), entries=0, leftovers=7)
    assert failing.speedup is None
    texts = advised(nothing, failing, level(30, runs(2.0)))
    assert texts == [
        "level 20: every write to the cache fails, so nothing is cached; --show-output shows why",
        "level 10: nothing is cached; leave it out of --levels",
    ]
    (text,) = advised(nothing)
    assert text.startswith("nothing is cached at any level")


def test_bench_table_shows_engines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    rows = (level(50, runs(2.0), engine="joblib"), level(50, runs(1.0), engine="fast"))
    report = BenchReport(("script.py",), 5, {}, runs(6.7), rows, rows[1], ())
    print_benchmark(report, Config.from_env({}))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:3] for line in lines if line.startswith("50 ")] == [
        ["50", kind, engine] for engine in ("joblib", "fast") for kind in ("cold", "warm")
    ]
    text = "\n".join(lines)
    assert "Level 50 with the fast engine is worth it: 6.70x" in text
    assert lines[-1] == "  import acache; acache.accelerate()"


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 100, 120])
def test_bench_table_fits(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    config = Config.from_env({"LIBROSA_CACHE_DIR": "/a b"})
    levels = (level(20, runs(4.98)), level(50, runs(1.64)))
    report = BenchReport(("script.py",), 5, {}, runs(6.7), levels, levels[1], ())
    print_benchmark(report, config)
    *lines, profile = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    assert profile == "  export LIBROSA_CACHE_DIR='/a b' LIBROSA_CACHE_LEVEL=50"
    table = "\n".join(lines)
    assert "50 warm" in table
    assert "4.09x" in table
    assert ("9 hits" in table) == (columns >= 60)
    low, high = levels[1].interval or (0, 0)
    assert (f"{low:.2f}-{high:.2f}" in table) == (columns >= 80)
    assert ("100.0 MB" in table) == (columns >= 100)
