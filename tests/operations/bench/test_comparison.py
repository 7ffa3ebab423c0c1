"""A benchmark against an earlier one."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from acache.operations.bench.comparison import Baseline, compare, differences, read_baseline
from acache.operations.bench.results import BenchReport, Held, level_result, measurement
from acache.operations.bench.timed_run import Run
from acache.store.totals import Totals
from acache.system.errors import UsageError

ENVIRONMENT = {"python": "3.11.7", "cpus": 2}


def times(median: float, count: int = 9, noise: float = 0.01, seed: int = 0) -> list[float]:
    draw = random.Random(seed)
    return [median * draw.gauss(1, noise) for _ in range(count)]


def report(off: list[float], **warm: list[float]) -> BenchReport:
    def measured(seconds: list[float]) -> object:
        return measurement([Run(one, None, None, None, 0, b"", "") for one in seconds])

    levels = [
        level_result(
            int(name[1:].partition("_")[0]),
            name[1:].partition("_")[2] or None,
            off=measured(off),
            cold=measured(off),
            warm=measured(seconds),
            held=Held(Totals(1), 0),
            calls=None,
        )
        for name, seconds in warm.items()
    ]
    return BenchReport(("x",), len(off), ENVIRONMENT, measured(off), tuple(levels), None, ())


def baseline(off: list[float], **warm: list[float]) -> Baseline:
    levels = {(int(name[1:]), "joblib"): seconds for name, seconds in warm.items()}
    return Baseline("old.json", off, levels, ENVIRONMENT)


def test_comparison_tells_a_slower_level_from_noise() -> None:
    found = compare(
        report(times(2.0, seed=1), _20=times(1.0, seed=2), _30=times(1.5, seed=3)),
        baseline(times(2.0, seed=4), _20=times(1.0, seed=5), _30=times(1.0, seed=6)),
    )
    assert [one.level for one in found] == [None, 20, 30]
    assert [one.is_noise for one in found] == [True, True, False]
    slow = found[2]
    assert slow.ratio == pytest.approx(1.5, rel=0.03)
    assert slow.interval is not None
    assert slow.interval[0] < slow.ratio < slow.interval[1]
    assert (slow.is_slower(20), slow.is_slower(80)) == (True, False)


def test_faster_level_is_not_slower() -> None:
    (_, found) = compare(
        report(times(2.0), _20=times(0.5)), baseline(times(2.0), _20=times(1.0, seed=1))
    )
    assert not found.is_noise
    assert not found.is_slower(0)


def test_few_runs_have_no_interval_and_need_a_large_difference() -> None:
    (_, near, far) = compare(
        report([2.0], _20=[1.1], _30=[1.5]), baseline([2.0], _20=[1.0], _30=[1.0])
    )
    assert (near.interval, near.is_noise) == (None, True)
    assert (far.interval, far.is_noise) == (None, False)


def test_level_that_only_one_has_is_not_compared_but_said() -> None:
    now = report(times(2.0), _20=times(1.0), _40=times(1.0))
    assert [one.level for one in compare(now, baseline(times(2.0), _20=times(1.0)))] == [None, 20]
    (text,) = differences(now, baseline(times(2.0), _20=times(1.0)))
    assert "no level 40" in text


def test_engines_are_compared_with_themselves() -> None:
    now = report(times(2.0), _20_joblib=times(1.0), _20_fast=times(0.5))
    old = baseline(times(2.0), _20=times(1.0, seed=1))
    assert [one.name for one in compare(now, old)] == ["", "20 joblib"]
    (text,) = differences(now, old)
    assert "no level 20 fast; measure a baseline with --levels 20 --engine joblib,fast" in text
    both = old._replace(warm={**old.warm, (20, "fast"): times(0.2)})
    slower = compare(now, both)[-1]
    assert (slower.name, slower.is_slower(20)) == ("20 fast", True)
    assert differences(now, both) == []


def test_other_python_is_said() -> None:
    old = baseline(times(2.0))._replace(environment={"python": "3.12.0", "cpus": 2})
    (text,) = differences(report(times(2.0)), old)
    assert "the python" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[]", "no benchmark"),
        ('{"schema": 1, "kind": "run"}', "no benchmark"),
        ('{"schema": 2, "kind": "bench"}', "no benchmark"),
        (
            json.dumps(
                {
                    "schema": 1,
                    "kind": "bench",
                    "off": {"times": []},
                    "levels": [],
                    "environment": {},
                }
            ),
            "no benchmark",
        ),
    ],
)
def test_baseline_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_baseline(str(path))


def test_baseline_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_baseline(str(tmp_path / "none.json"))
