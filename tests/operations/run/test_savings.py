"""Net savings follow the documented formula, and a lower level is named where it is better."""

from __future__ import annotations

from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.operations.run.savings import RunReport, run_report
from acache.operations.run.trace_log import FunctionCalls, Trace
from acache.system.foreground import Finished
from tests.helpers.stores import write_entry

HASHES = [digit * 32 for digit in "0369"]


def calls(store: Path, function: str, **values: object) -> FunctionCalls:
    nothing = FunctionCalls(str(store), function, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, {})
    return nothing._replace(**values)  # type: ignore[arg-type]


def report(tmp_path: Path, *functions: FunctionCalls) -> RunReport:
    config = Config.from_env({}, cache_dir=str(tmp_path))
    return run_report(["x.py"], Finished(0, 9.0), Trace(functions, 1, 1), config)


def saved(tmp_path: Path, row: FunctionCalls) -> float | None:
    return report(tmp_path, row).functions[0].saved_seconds


def test_savings_are_records_of_the_hits_less_what_caching_took(tmp_path: Path) -> None:
    store = tmp_path / "joblib"
    write_entry(store / "f", HASHES[0], duration=4.0)
    write_entry(store / "f", HASHES[1], duration=1.0)
    times = {"hash_seconds": 0.5, "load_seconds": 0.25, "store_seconds": 0.125}
    row = calls(
        store,
        "f",
        hits=3,
        misses=1,
        compute_seconds=100.0,
        hit_seconds=0.5,
        hit_entries={HASHES[0]: 1, HASHES[1]: 2},
        **times,
    )
    assert saved(tmp_path, row) == 4.0 + 2 * 1.0 - 0.875
    assert report(tmp_path, row).functions[0].won_seconds == 6.0 - 0.5
    assert report(tmp_path, row).saved_seconds == 6.0 - 0.875


def test_savings_without_a_record_take_the_mean(tmp_path: Path) -> None:
    store = tmp_path / "joblib"
    write_entry(store / "f", HASHES[0], duration=4.0)
    write_entry(store / "f", HASHES[1], duration=None)
    write_entry(store / "f", HASHES[2], metadata=b"broken")
    entries = dict.fromkeys(HASHES, 1)
    hits = calls(store, "f", hits=5, hit_entries=entries)  # one more than is remembered
    assert saved(tmp_path, hits) == 5 * 4.0
    computed = hits._replace(misses=2, compute_seconds=3.0, store_seconds=1.0)
    assert saved(tmp_path, computed) == 4.0 + 4 * 2.0 - 1.0
    unknown = hits._replace(hit_entries={HASHES[1]: 1})
    assert saved(tmp_path, unknown) is None
    assert report(tmp_path, unknown).saved_seconds is None


def test_savings_in_a_store_that_is_the_location(tmp_path: Path) -> None:
    write_entry(tmp_path / "f", HASHES[0], duration=4.0)
    (tmp_path / "f" / "func_code.py").write_text("@cache(level=30)\ndef f(): ...\n")
    row = calls(tmp_path, "f", hits=1, hit_entries={HASHES[0]: 1})
    assert saved(tmp_path, row) == 4.0
    assert report(tmp_path, row).functions[0].level == 30


@pytest.mark.parametrize(
    ("won", "advice"),
    [
        ({20: 5.0, 30: 1.0, 40: -0.5}, (30, 0.5)),
        ({20: 5.0, 30: -1.0, 40: -0.5}, (20, 1.5)),
        ({20: 5.0, 30: -1.0, 40: 2.0}, None),
        ({20: 5.0, 30: 1.0}, None),
        ({20: -1.0}, None),
    ],
)
def test_advice_is_the_level_that_saves_most(
    tmp_path: Path, won: dict[int, float], advice: tuple[int, float] | None
) -> None:
    store = tmp_path / "joblib"
    rows = []
    for level, seconds in won.items():
        name = f"f{level}"
        write_entry(store / name, HASHES[0], duration=2.0)
        (store / name / "func_code.py").write_text(f"@cache(level={level})\ndef f(): ...\n")
        spent = 2.0 - seconds if seconds < 2 else 0.0
        won_exactly = 2.0 - spent
        assert won_exactly == min(seconds, 2.0)
        rows.append(calls(store, name, hits=1, hit_seconds=spent, hit_entries={HASHES[0]: 1}))
    found = report(tmp_path, *rows)
    assert found.advice == advice
    assert [row.costs for row in sorted(found.functions, key=lambda row: row.level or 0)] == [
        seconds < 0 for seconds in won.values()
    ]


def test_warning_if_nothing_was_stored(tmp_path: Path) -> None:
    row = calls(tmp_path / "joblib", "f", misses=1, store_seconds=0.1)
    assert report(tmp_path, row).warnings[0].startswith("no result could be stored")
    assert report(tmp_path, row._replace(bytes_stored=1)).warnings == ()
