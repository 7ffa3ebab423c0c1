"""``acache run --why``: the misses of this run, and of no other, at its end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.processes import Result
from tests.helpers.stores import SCALE_SCRIPT

Acache = Callable[..., Result]
LIBROSA = """
import sys
import librosa
y = librosa.chirp(fmin=110, fmax=880, duration=1, sr=22050)
librosa.feature.melspectrogram(y=y, hop_length=int(sys.argv[1]))
"""


@pytest.fixture
def run(acache: Acache, tmp_path: Path) -> Callable[..., tuple[Result, Any]]:
    """Run a script; return what it and acache printed, and the exported report."""

    def run(code: str, *arguments: str, options: tuple[str, ...], **more: Any) -> Any:
        script, report = tmp_path / "script.py", tmp_path / "report.json"
        script.write_text(code)
        done = acache("run", "--export-json", report, *options, script, *arguments, **more)
        assert done.code == 0, done.stderr
        return done, json.loads(report.read_text(encoding="utf-8"))

    return run


@pytest.mark.parametrize("engine", ["joblib", "fast"])
def test_run_why_explains_the_misses_of_librosa(
    run: Callable[..., tuple[Result, Any]], tmp_path: Path, engine: str
) -> None:
    options = ("--why", "--engine", engine, "--level", "20", "--cache-dir", str(tmp_path / "cache"))
    _, first = run(LIBROSA, "512", options=options)
    assert {miss["reason"] for miss in first["why"]["misses"]} == {"first-call"}
    done, second = run(LIBROSA, "256", options=options)
    missed = sum(row["misses"] for row in second["functions"])
    calls = sum(row["calls"] for row in second["functions"])
    assert (second["why"]["calls"], second["why"]["left_out"]) == (calls, 0)
    assert len(second["why"]["misses"]) == missed < calls
    [miss] = [one for one in second["why"]["misses"] if one["function"].endswith("stft")]
    assert miss["reason"] == "argument"
    differing = {
        one["name"]: (one["now"], one["then"]) for one in miss["arguments"] if not one["same"]
    }
    assert differing == {"hop_length": ("256", "512")}
    assert "hop_length is 256, in the nearest entry 512" in done.stderr
    assert f"{calls} calls, {missed} miss" in done.stderr
    done, third = run(LIBROSA, "256", options=options)
    assert third["why"]["calls"] > 0
    assert third["why"]["misses"] == []
    assert "no misses" in done.stderr


@pytest.mark.parametrize("engine", ["joblib", "fast"])
def test_run_why_reads_the_log_of_a_cache_that_the_script_makes(
    run: Callable[..., tuple[Result, Any]], tmp_path: Path, engine: str
) -> None:
    options = ("--engine", engine)
    own = str(tmp_path / "own")
    run(SCALE_SCRIPT, own, "1.5", options=options)
    done, report = run(SCALE_SCRIPT, own, "1.5", "2.5", options=("--why", *options))
    [miss] = report["why"]["misses"]
    assert (miss["reason"], report["why"]["calls"]) == ("argument", 2)
    assert "factor is 2.5, in the nearest entry 1.5" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("engine", ["joblib", "fast"])
def test_run_why_knows_entries_that_were_made_without_acache(
    run: Callable[..., tuple[Result, Any]], tmp_path: Path, engine: str
) -> None:
    own, script = tmp_path / "own", tmp_path / "script.py"
    script.write_text(SCALE_SCRIPT)
    subprocess.run([sys.executable, script, own, "1.5", "2.5"], check=True)
    _, report = run(SCALE_SCRIPT, str(own), "2.5", "3.5", options=("--why", "--engine", engine))
    [miss] = report["why"]["misses"]
    assert miss["reason"] == "argument"
    assert miss["message"] == "factor is 3.5, in the nearest entry 2.5"
    [function] = report["functions"]
    assert miss["nearest"].startswith(f"{function['function']}/")
    assert (own / "joblib").is_dir()


def test_run_why_prints_the_latest_and_exports_all(
    run: Callable[..., tuple[Result, Any]], tmp_path: Path
) -> None:
    factors = [str(factor / 2) for factor in range(25)]
    done, report = run(SCALE_SCRIPT, str(tmp_path / "own"), *factors, options=("--why",))
    assert len(report["why"]["misses"]) == 25
    assert "25 calls, 25 misses; the latest 20 are shown, acache why --all shows all" in done.stderr
    assert done.stderr.count("nearest  ") == 20


def test_run_without_why_says_nothing_of_reasons(
    run: Callable[..., tuple[Result, Any]], tmp_path: Path
) -> None:
    done, report = run(SCALE_SCRIPT, str(tmp_path / "own"), "1.5", options=())
    assert "why" not in report
    assert "first" not in done.stderr


def test_run_why_without_a_call_log_says_so(
    run: Callable[..., tuple[Result, Any]], tmp_path: Path
) -> None:
    more = {"env": {"ACACHE_CALL_LOG": "0"}}
    done, report = run(
        SCALE_SCRIPT, str(tmp_path / "own"), "1.5", "2.5", options=("--why",), **more
    )
    assert report["why"] == {"calls": 2, "misses": [], "left_out": 2}
    assert "does not hold 2 misses" in report["warnings"][-1]
    assert "ACACHE_CALL_LOG=0 turns it off" in done.stderr
