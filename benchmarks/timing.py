"""What acache's own timing is worth: against hyperfine, and what it takes beside the runs."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import Row

from acache.config.settings import Config
from acache.operations.bench.benchmark import bench
from acache.operations.bench.runner import Schedule
from acache.operations.bench.timed_run import timed_run

WORK = "n = 0\nfor i in range(6_000_000): n += i\n"


def against_hyperfine(folder: Path, runs: int) -> list[Row]:
    """Time a command with both in turns, in the same environment; the medians should agree."""
    hyperfine = shutil.which("hyperfine")
    if hyperfine is None:
        print("hyperfine is not installed: no comparison with it", file=sys.stderr)
        return []
    (folder / "work.py").write_text(WORK)
    command = [sys.executable, str(folder / "work.py")]
    export = folder / "hyperfine.json"
    alone = [hyperfine, "-N", "--runs", "2", "--export-json", str(export), " ".join(command)]
    ours, theirs = [], []
    for _ in range(runs):
        ours += [timed_run(command, os.environ).seconds for _ in range(2)]
        subprocess.run(alone, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        theirs += json.loads(export.read_text())["results"][0]["times"]
    mine, other = statistics.median(ours), statistics.median(theirs)
    return [
        Row(
            f"bench / hyperfine: a script's median of {2 * runs}, off by",
            f"{mine * 1000:.1f} ms",
            f"{other * 1000:.1f} ms",
            abs(mine / other - 1),
            0.03,
        )
    ]


def beside_the_runs(folder: Path, runs: int) -> list[Row]:
    """Time a whole benchmark of nothing; stores made and removed count too."""
    (folder / "nothing.py").write_text("")
    command = (sys.executable, str(folder / "nothing.py"))
    schedule = Schedule(command, levels=(10,), rounds=5 * runs, warmup=0, time_limit=600.0)
    begun = time.perf_counter()
    report = bench(command, schedule, Config.from_env(cache_dir=str(folder / "location")))
    whole = time.perf_counter() - begun
    [level] = report.levels
    times = report.off.times + level.cold.times + level.warm.times
    beside = (whole - sum(times)) / len(times)
    return [
        Row(
            f"bench: beside the {len(times)} runs, for each",
            f"{beside * 1000:.1f} ms",
            "20 ms",
            beside / 0.020,
            1.0,
        )
    ]
