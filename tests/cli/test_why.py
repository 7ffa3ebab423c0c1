"""``acache why``: the misses that ``acache run`` logged, of real joblib and librosa."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import Result
from tests.helpers.stores import SCALE_SCRIPT

Acache = Callable[..., Result]


@pytest.fixture
def run(acache: Acache, tmp_path: Path) -> Callable[..., None]:
    script = tmp_path / "script.py"
    script.write_text(SCALE_SCRIPT)

    def run(*factors: str) -> None:
        location = tmp_path / "location"
        result = acache("run", "--cache-dir", location, script, location, *factors)
        assert result.code == 0, result.stderr

    return run


def why(acache: Acache, tmp_path: Path, *options: str) -> Result:
    return acache("why", "--cache-dir", tmp_path / "location", *options)


def test_why_names_the_argument_that_differs(
    acache: Acache, tmp_path: Path, run: Callable[..., None]
) -> None:
    run("1.5")
    run("1.5", "2.5")
    document = why(acache, tmp_path, "--json").document
    assert (document["calls"], document["left_out"]) == (3, 0)
    argument, first = document["misses"]
    assert (first["reason"], argument["reason"]) == ("first-call", "argument")
    assert argument["nearest"] == f"{first['function']}/{first['hash']}"
    assert {one["name"]: one for one in argument["arguments"]} == {
        "x": {"name": "x", "same": True, "now": "2", "then": "2"},
        "factor": {"name": "factor", "same": False, "now": "2.5", "then": "1.5"},
    }
    result = why(acache, tmp_path)
    assert result.code == 0
    assert "factor is 2.5, in the nearest entry 1.5" in result.stdout
    assert "3 calls, 2 misses" in result.stdout


def test_why_knows_an_entry_that_was_cleared(
    acache: Acache, tmp_path: Path, run: Callable[..., None]
) -> None:
    run("1.5")
    acache("clear", "--all", "-y", "--cache-dir", tmp_path / "location")
    run("1.5")
    latest = why(acache, tmp_path, "--json").document["misses"][0]
    assert latest["reason"] == "removed"


def test_why_of_a_function_or_an_entry(
    acache: Acache, tmp_path: Path, run: Callable[..., None]
) -> None:
    run("1.5", "2.5", "3.5")
    misses = why(acache, tmp_path, "scale", "--json").document["misses"]
    assert len(misses) == 3
    one = misses[1]
    entry = f"scale/{one['hash'][:8]}"
    assert why(acache, tmp_path, entry, "--json").document["misses"] == [one]
    assert why(acache, tmp_path, "--limit", "1", "--json").document["left_out"] == 2
    assert len(why(acache, tmp_path, "--limit", "1", "--all", "--json").document["misses"]) == 3
    result = why(acache, tmp_path, "scala")
    assert result.code == 2
    assert "the nearest" in result.stderr


def test_why_without_a_log_says_how_to_get_one(acache: Acache, tmp_path: Path) -> None:
    (tmp_path / "location" / "joblib").mkdir(parents=True)
    result = why(acache, tmp_path)
    assert result.code == 1
    assert "acache run" in result.stderr
    assert result.stdout == ""


def test_stats_show_logged_calls(acache: Acache, tmp_path: Path, run: Callable[..., None]) -> None:
    run("1.5", "2.5")
    run("1.5", "2.5", "3.5")
    options = ["--cache-dir", tmp_path / "location", "--calls"]
    document = acache("stats", *options, "--json").document
    (row,) = document["calls"]
    (function,) = document["functions"]
    (level,) = document["levels"]
    assert {**function, **row} == function
    assert (level["hits"], level["misses"]) == (2, 3)
    assert row["function"].endswith("script.scale")
    assert (row["calls"], row["hits"], row["misses"]) == (5, 2, 3)
    assert row["saved_seconds"] < 1
    result = acache("stats", *options)
    assert "5 calls, 40% hits" in result.stdout
    assert "1 function takes longer to load than to compute" in result.stdout
    assert acache("stats", "--since", "1h", "--cache-dir", tmp_path / "location").code == 2


def test_since_leaves_out_earlier_calls(
    acache: Acache, tmp_path: Path, run: Callable[..., None]
) -> None:
    run("1.5", "2.5")
    [log] = (tmp_path / "location").rglob("*.tsv")
    two_hours = 7_200_000_000
    log.write_text(
        re.sub(
            r"^(hit|miss)\t(\d+)",
            lambda line: f"{line[1]}\t{int(line[2]) - two_hours}",
            log.read_text(),
            flags=re.MULTILINE,
        )
    )
    run("2.5", "3.5")
    at = ("--cache-dir", tmp_path / "location", "--json")
    [row] = acache("stats", "--calls", "--since", "1h", *at).document["calls"]
    assert (row["calls"], row["hits"], row["misses"]) == (2, 1, 1)
    [miss] = why(acache, tmp_path, "--since", "1h", "--json").document["misses"]
    assert miss["message"] == "factor is 3.5, in the nearest entry 2.5"
    assert acache("simulate", "--since", "1h", *at).document["calls"] == 2
    assert acache("simulate", *at).document["calls"] == 4
