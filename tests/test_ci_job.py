"""The job for CI in the guide: what it runs keeps a baseline, and fails when it should."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS
from tests.helpers.sessions import ROOT

ANALYSE = """
import time
from acache import cache

@cache(level=20)
def slow(x):
    time.sleep(3)
    return x

slow(1)
"""
RUN = re.compile(r"^ {6}(?:- |  )run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", re.MULTILINE)


def commands() -> list[str]:
    """Return what the job runs, one text for each step, without the installation."""
    guide = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
    [job] = re.findall(r"^```yaml\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    steps = [textwrap.dedent(lines) or line for lines, line in RUN.findall(job)]
    install, *others = steps
    assert install.startswith("pip install")
    return others


def run(step: str, folder: Path) -> tuple[int, str]:
    """Run a step as GitHub does, but one round of one level; return its exit code and stderr."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", step.replace("20,50 --runs 5", "20 --runs 1 --warmup 0")],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stderr


@needs_posix
def test_ci_job_keeps_a_baseline_and_compares_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "analyse.py").write_text(ANALYSE)
    bench, show, keep = commands()
    for step in (bench, show, keep):
        code, said = run(step, tmp_path)
        assert code == 0, said
    baseline = json.loads((tmp_path / "baseline.json").read_text())
    assert "comparison" not in baseline
    # A baseline that was much faster, even where the machine is busier now.
    for measured in (baseline["off"], baseline["levels"][0]["warm"]):
        measured["times"] = [seconds / 20 for seconds in measured["times"]]
    (tmp_path / "baseline.json").write_text(json.dumps(baseline))
    code, said = run(bench, tmp_path)
    assert code == 4
    assert "--fail-slower 25" in said
    assert run(show, tmp_path)[0] == 0
    compared = json.loads((tmp_path / "bench.json").read_text())["comparison"]
    assert [one["level"] for one in compared] == [None, 20]
    assert "level 20 warm: " in (tmp_path / "summary.md").read_text()
