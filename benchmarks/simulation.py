"""Simulating caches for a log of a million calls: seconds, processor time and peak memory."""

from __future__ import annotations

import random
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

from measure import Row

from acache.store.call_writer import SEGMENT_BYTES, calls_folder

ACACHE = str(Path(sys.executable).with_name("acache"))
ENTRIES = 100_000
# Each prints what it took itself, with all its processes, and the larger of their peaks in bytes.
MEASURED = """
import resource, subprocess, sys, time
begun = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
"""


def simulation(folder: Path, calls: int) -> list[Row]:
    """Simulate ``lru`` alone, then all policies at ten sizes."""
    location = folder / f"calls-{calls}"
    if not location.exists():
        make_log(location, calls)
    rows = []
    for what, options, most in (("lru", ["--policy", "lru"], 15.0), ("all policies", [], 60.0)):
        command = [ACACHE, "simulate", "--cache-dir", str(location), "--json", *options]
        measured = [sys.executable, "-c", MEASURED, *command]
        done = subprocess.run(measured, check=True, capture_output=True, text=True)
        wall, processor, peak = map(float, done.stdout.split())
        name = f"simulate, {calls:,} calls, {what}"
        took = f"{wall:.1f} s, {processor:.0f} s CPU"
        rows += [
            Row(name, took, f"{most:.0f} s", wall / most, 1.0),
            Row(f"{name}: peak memory", f"{peak / 1e6:.0f} MB", "500 MB", peak / 500e6, 1.0),
        ]
    return rows


def make_log(location: Path, calls: int) -> None:
    """Write a log of calls as Zipf's law has them: of few entries often, of most entries rarely."""
    (location / "joblib").mkdir(parents=True)
    folder = Path(calls_folder(str(location / "joblib")))
    folder.mkdir(parents=True)
    chance = random.Random(1)
    weights = [*accumulate((rank + 1) ** -0.8 for rank in range(ENTRIES))]
    known: set[int] = set()
    sizes = [round(chance.lognormvariate(10, 2)) + 1 for _ in range(ENTRIES)]
    lines: list[str] = []
    for number, entry in enumerate(chance.choices(range(ENTRIES), cum_weights=weights, k=calls)):
        moment, name = 1_700_000_000_000_000 + number * 1_000_000, f"m/f{entry % 50}"
        key = f"{entry:032x}"
        if entry in known:
            line = f"hit\t{moment}\t1\t{name}\t9\t99\t{sizes[entry]}\t{key}\n"
        else:
            known.add(entry)
            computed = round(chance.lognormvariate(0, 1.5) * 1e6)
            numbers = f"9\t99\t{computed}\t9\t0\t{sizes[entry]}"
            line = f"miss\t{moment}\t1\t{name}\t{key}\tabsent\t{numbers}\t\t[]\n"
        lines.append(line)
        if len(lines) * 100 > SEGMENT_BYTES or number == calls - 1:
            (folder / f"{moment:016d}-benchmark.tsv").write_text("".join(lines))
            lines.clear()
