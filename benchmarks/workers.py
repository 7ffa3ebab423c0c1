"""Sharing the work of a command among processes: against one process, in turns.

Seconds depend on the cores that are free meanwhile; the CPU time of all processes, beside that of
one, does not: half of it is what two free cores would take.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import Command, Row
from stores import make_store

ACACHE = str(Path(sys.executable).with_name("acache"))
# The commands alone would use a second process.
VERIFY = "import sys; from acache import Store, verify; print(verify(Store(sys.argv[1])).entries)"
STATS = (
    "import sys; from acache import Levels, Store, stats;"
    "from acache.sources.installed import InstalledSources; store = Store(sys.argv[1]);"
    "print(stats(store, Levels(store, InstalledSources())).total.entries)"
)


def workers(folder: Path, runs: int, entries: int) -> list[Row]:
    """Compare ``verify`` and ``stats`` by one and two workers with one process."""
    location = folder / f"store-{entries}"
    make_store(location, entries)
    options = ["--json", "--cache-dir", str(location), "--workers"]
    found = _measure(
        [sys.executable, "-c", VERIFY, str(location)],
        [ACACHE, "verify", *options, "2"],
        [sys.executable, "-c", STATS, str(location)],
        [ACACHE, "stats", *options, "1"],
        [ACACHE, "stats", *options, "2"],
        runs=runs,
    )
    checked, checked_by_two, counted, counted_by_one, counted_by_two = found
    return [
        *_rows(f"verify --workers 2, {entries:,}", checked_by_two, checked, 0.6),
        *_rows(f"stats --workers 1, {entries:,}", counted_by_one, counted, 1.5),
        *_rows(f"stats --workers 2, {entries:,}", counted_by_two, counted, 0.8),
    ]


def _rows(
    what: str, ours: tuple[float, float], theirs: tuple[float, float], target: float
) -> list[Row]:
    return [
        Row(f"{what} / one process", _text(ours[0]), _text(theirs[0]), ours[0] / theirs[0], target),
        Row(f"{what}: CPU / one process", _text(ours[1]), _text(theirs[1]),
            ours[1] / theirs[1], 1.4),
    ]  # fmt: skip


def _measure(*commands: Command, runs: int) -> list[tuple[float, float]]:
    """Run commands in turns; return the median seconds, and the median CPU seconds, of each."""
    times: list[list[tuple[float, float]]] = [[] for _ in commands]
    for round_ in range(1 + runs):
        for command, taken in zip(commands, times, strict=True):
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                sys.exit(f"{' '.join(command)} failed with {process.returncode}")
            if round_:
                taken.append((time.perf_counter() - began, usage.ru_utime + usage.ru_stime))
    return [tuple(map(statistics.median, zip(*taken, strict=True))) for taken in times]  # type: ignore[misc]


def _text(seconds: float) -> str:
    return f"{seconds:.2f} s"


if __name__ == "__main__":
    import tempfile

    from measure import print_table

    with tempfile.TemporaryDirectory() as temporary:
        print_table(workers(Path(temporary), 3, int(sys.argv[1]) if sys.argv[1:] else 100_000))
