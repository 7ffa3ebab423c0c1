"""acache bench of several engines, and against earlier benchmarks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.benches import is_clean, write
from tests.helpers.processes import Result

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows accounts no children")


# What each run says of itself: whether it is traced, and whose code answers.
ENGINES = """
import os, joblib
from acache import cache
from levelled import slow
slow(9)
if "LIBROSA_CACHE_DIR" in os.environ:
    answers = joblib.memory.MemorizedFunc.__call__.__module__.partition(".")[0]
    kind = "traced" if "ACACHE_TRACE" in os.environ else "timed"
    own = type(cache(level=10)(len)).__name__
    print(kind, answers, own, file=open(os.environ["CLOCK"] + ".log", "a"))
"""


def test_bench_measures_both_engines_in_each_round(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, ENGINES)
    options = ("--runs", "2", "--warmup", "0", "--levels", "10,20", "--engine", "fast,joblib")
    files = ("--export-json", "a.json", "--export-markdown", "a.md", "--plot", "a.svg")
    done = acache("bench", *options, *files, script)
    assert done.code == 0
    runs = (tmp_path / "clock.log").read_text().splitlines()
    timed = [line for line in runs if line.startswith("timed")]
    assert (
        timed
        == [
            *["timed acache FastFunc"] * 2,
            *["timed joblib CountedFunc"] * 2,
        ]
        * 2
        * 2
    )  # levels, rounds
    document = json.loads((tmp_path / "a.json").read_text())
    rows = [(row["level"], row["engine"]) for row in document["levels"]]
    assert rows == [(10, "fast"), (10, "joblib"), (20, "fast"), (20, "joblib")]
    assert [row["hits"] for row in document["levels"]] == [0, 0, 1, 1]
    # On the clock of this test both engines take no time: joblib's own is preferred.
    assert (document["recommended_level"], document["recommended_engine"]) == (20, "joblib")
    assert "Level 20 with the joblib engine" in done.stdout
    assert re.search(r"20 warm +fast ", done.stdout)
    assert "| 20 warm | joblib |" in (tmp_path / "a.md").read_text()
    assert "level 20 fast, cold" in (tmp_path / "a.svg").read_text()


def test_bench_of_a_python_without_the_fast_engine_fails(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    (tmp_path / "work" / "acache").mkdir()
    (tmp_path / "work" / "acache" / "__init__.py").write_text("")  # which the script has first
    options = ("--runs", "1", "--warmup", "0", "--levels", "20", "--engine")
    done = acache("bench", *options, "joblib,fast", script)
    assert (done.code, done.stdout) == (1, "")
    assert "the fast engine cannot be imported in the Python that runs the script" in done.stderr
    assert acache("bench", *options, "joblib", script).code == 0
    assert is_clean(tmp_path)


def test_bench_of_two_engines_compares_with_a_file_that_names_none(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    options = ("--runs", "1", "--warmup", "0", "--levels", "20", "--json")
    document = acache("bench", *options, script).document
    for row in document["levels"]:
        assert row.pop("engine") == "joblib"
    old = tmp_path / "old.json"
    old.write_text(json.dumps(document))
    done = acache("bench", *options, "--engine", "fast,joblib", "--compare", old, script)
    compared = [(one["level"], one["engine"]) for one in done.document["comparison"]]
    assert compared == [(None, None), (20, "joblib")]
    fix = "has no level 20 fast; measure a baseline with --levels 20 --engine fast,joblib"
    assert any(fix in text for text in done.document["warnings"])


def test_bench_compares_with_an_earlier_benchmark(
    acache: Callable[..., Result], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import time; time.sleep(0.05)\n")
    # With one run, what is more than noise does not depend on how busy the machine is.
    options = ("--levels", "10", "--runs", "1", "--warmup", "0")
    old = tmp_path / "old.json"
    assert acache("bench", *options, "--export-json", old, script).code == 0
    document = json.loads(old.read_text())
    document["off"]["times"] = [0.001]
    old.write_text(json.dumps(document))
    compare = ("--compare", old, "--fail-slower", "20")
    result = acache("bench", *options, *compare, script)
    assert result.code == 4
    assert "off: " in result.stdout
    assert "slower" in result.stdout
    assert "more than --fail-slower 20" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fail-slower", "10"], "needs --compare"),
        (["--compare", "none.json"], "cannot be read"),
        (["--engine", "fast,quick"], "engine not valid: 'quick'; choose from fast, joblib"),
        (["--compare", "none.json", "--fail-slower", "nan"], "not a percentage"),
    ],
)
def test_bench_refuses_what_it_cannot_compare(
    acache: Callable[..., Result], tmp_path: Path, options: list[str], words: str
) -> None:
    result = acache("bench", *options, tmp_path / "script.py")
    assert result.code == 2
    assert words in result.stderr
