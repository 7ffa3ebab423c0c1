"""acache bench, on real scripts with real caches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acache.cli.bench import EXIT_MISSED
from tests.helpers.benches import is_clean, write
from tests.helpers.processes import PATIENCE_SECONDS, Result
from tests.helpers.stores import LIBROSA_SCRIPT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows accounts no children")


def snapshot(folder: Path) -> dict[str, Any]:
    found = {}
    for path in [folder, *folder.rglob("*")]:
        stat = path.stat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (stat.st_mtime_ns, stat.st_atime_ns, stat.st_ino, content)
    return found


def test_bench_reports_every_level(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    store = tmp_path / "cache"
    env = {"LIBROSA_CACHE_DIR": str(store), "LIBROSA_CACHE_LEVEL": "20"}
    subprocess.run(
        [sys.executable, script], env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL
    )
    for path in store.rglob("*"):  # so that reading would change the access time
        os.utime(path, (1e9, path.stat().st_mtime))
    (store / "joblib" / "levelled").stat()
    before = {path: path.stat().st_atime_ns for path in store.rglob("*.pkl")}
    done = acache(
        "bench",
        "--runs",
        "3",
        "--warmup",
        "0",
        "--levels",
        "30,10,20",
        "--json",
        script,
        "-x",
        env=env,
    )
    assert done.code == 0
    assert {path: path.stat().st_atime_ns for path in store.rglob("*.pkl")} == before
    report = done.document
    assert list(report) == [
        *("schema", "kind", "command", "runs", "environment", "off", "levels"),
        *("recommended_level", "recommended_engine", "warnings"),
    ]
    assert report["command"] == [str(script), "-x"]
    assert report["runs"] == 3
    assert len(report["off"]["times"]) == 3
    assert report["off"]["times"] == pytest.approx([0.1 + 0.8 + 1.2] * 3)
    none, some, most = report["levels"]
    assert (none["level"], none["entries"], none["hits"], none["misses"]) == (10, 0, 0, 0)
    assert none["speedup"] is None
    assert none["speedup_ci"] is None
    assert (some["level"], some["entries"], some["hits"], some["misses"]) == (20, 1, 1, 0)
    assert (most["level"], most["entries"], most["hits"], most["misses"]) == (30, 2, 2, 0)
    assert most["speedup"] == report["off"]["median"] / most["warm"]["median"]
    assert some["speedup"] == pytest.approx(2.1 / 1.3)
    assert most["speedup"] == pytest.approx(2.1 / 0.1)
    low, high = most["speedup_ci"]
    assert low <= most["speedup"] <= high
    assert most["same_output"]
    assert most["break_even_runs"] == pytest.approx(1)  # storing takes no time of this clock
    assert most["size_bytes"] > 100_000
    assert most["disk_bytes"] >= most["size_bytes"]
    assert report["recommended_level"] == 30
    assert any(w.startswith("level 10: nothing is cached") for w in report["warnings"])
    assert set(most["warm"]) == {
        *("times", "median", "mad", "mean", "stddev", "min", "max"),
        *("user", "system", "max_rss_bytes"),
    }
    assert "3 rounds of 7 runs: about" in done.stderr
    assert is_clean(tmp_path)


def test_bench_leaves_the_users_store_alone(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    store = tmp_path / "cache"
    env = {"LIBROSA_CACHE_DIR": str(store), "LIBROSA_CACHE_LEVEL": "30"}
    subprocess.run([sys.executable, script], env={**os.environ, **env}, check=True)
    before = snapshot(store)
    snapshot(store)  # reading it has changed what reading changes
    before = snapshot(store)
    assert acache("bench", "--runs", "1", "--levels", "30", script, env=env).code == 0
    assert {k: v[:1] + v[2:] for k, v in snapshot(store).items()} == {
        k: v[:1] + v[2:] for k, v in before.items()
    }


def test_bench_table_of_one_run(script: Path, acache: Callable[..., Result]) -> None:
    done = acache("bench", "--runs", "1", "--warmup", "0", "--levels", "20,30", script)
    assert done.code == 0
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80
    assert "export LIBROSA_CACHE_DIR=~/.cache/librosa LIBROSA_CACHE_LEVEL=30" in done.stdout
    assert "1 run each; too few" in done.stdout
    assert "±" not in done.stdout
    assert "give --runs 3" in done.stderr


def test_bench_exports_json_markdown_and_a_plot(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    done = acache(
        *("bench", "--runs", "1", "--warmup", "0", "--levels", "30"),
        *("--export-json", "a.json", "--export-markdown", "a.md", "--plot", "a.svg", script),
    )
    assert done.code == 0
    assert "Traceback" not in done.stderr
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["kind"] == "bench"
    assert "| 30 cold |" in (tmp_path / "a.md").read_text()
    assert "level 30, cold" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--levels", "ten"), "'ten' is not a list of levels"),
        (("--runs", "0"), "--runs"),
        (("--export-json", "none/a.json"), "cannot be written: No such file"),
        (("--plot", "a.gif"), "does not end with one of .png, .svg, .pdf"),
        (("--fail-under", "-1"), "--fail-under"),
        (("--fail-under", "nan"), "'nan' is not a ratio"),
        (("--time-limit", "soon"), "'soon'"),
    ],
)
def test_bench_refuses_invalid_options_before_it_runs_anything(
    option: tuple[str, str], told: str, script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    done = acache("bench", *option, script)
    assert done.code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "ran").exists()


def test_bench_of_a_script_that_is_not_there(acache: Callable[..., Result]) -> None:
    for words in (("none.py",), ("--", "no-such-command")):
        done = acache("bench", *words)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith("acache: error: there is no")
    assert acache("bench").code == 2


def test_bench_exits_with_4_below_a_threshold(script: Path, acache: Callable[..., Result]) -> None:
    options = ("bench", "--runs", "1", "--warmup", "0", "--levels", "30")
    assert acache(*options, "--fail-under", "1.1", script).code == 0
    missed = acache(*options, "--fail-under", "1000", script)
    assert missed.code == EXIT_MISSED == 4
    assert "is below --fail-under 1000" in missed.stderr
    assert "speed-up" in missed.stdout
    command = [sys.executable, "-m", "acache", *options, "--fail-under", "1000", str(script)]
    unread = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert unread.stdout is not None
    unread.stdout.close()
    assert unread.wait(PATIENCE_SECONDS) == EXIT_MISSED


def test_bench_runs_fewer_rounds_within_a_time_limit(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    done = acache(
        *("bench", "--time-limit", "1s", "--runs", "9", "--levels", "20", "--json", script)
    )
    assert done.document["runs"] == 1
    assert any("only 1 round of 9" in text for text in done.document["warnings"])


def test_bench_shows_output_if_asked(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "print('hello')")
    options = ("bench", "--runs", "1", "--warmup", "0", "--levels", "10", "--json")
    assert acache(*options, "--show-output", script).stderr.count("hello") == 4
    assert "hello" not in acache(*options, script).stderr


def test_bench_runs_scripts_with_the_chosen_python(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho ran >> {tmp_path}/log\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    write(tmp_path, "")
    done = acache("--python", python, "bench", "--runs", "1", "--levels", "10", script)
    assert done.code == 0
    assert (tmp_path / "log").read_text().count("ran") >= 5


def test_bench_of_librosa(tmp_path: Path, script: Path, acache: Callable[..., Result]) -> None:
    """On the clock of the system."""
    separation = "harmonic, percussive = librosa.effects.hpss(y)"  # takes most of its time
    assert separation in LIBROSA_SCRIPT
    write(tmp_path, LIBROSA_SCRIPT.replace(separation, "harmonic = percussive = y"))
    options = ("--runs", "1", "--warmup", "0", "--levels", "50", "--json")
    done = acache("bench", *options, script, code=None)
    (high,) = done.document["levels"]
    assert high["entries"] > 10
    assert high["hits"] > 0
    assert high["misses"] == 0
    assert high["same_output"]
    assert "librosa" in done.document["environment"]["packages"]


def test_bench_keeps_its_stores_beside_the_configured_location(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(
        tmp_path,
        f"import os; print(os.environ.get('LIBROSA_CACHE_DIR'), "
        f"file=open({str(tmp_path / 'log')!r}, 'a'))",
    )
    location = tmp_path / "disk" / "cache"
    location.parent.mkdir()
    assert (
        acache("--cache-dir", location, "bench", "--runs", "1", "--levels", "10", script).code == 0
    )
    used = set((tmp_path / "log").read_text().split())
    assert used == {"None", *(u for u in used if u.startswith(f"{location.parent}/.acache-bench-"))}
    assert len(used) == 2
    assert not location.exists()
