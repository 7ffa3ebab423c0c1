"""Timing commands side by side: interleaved runs, medians, peak memory from the system."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

Command = Sequence[str]


class Side(NamedTuple):
    """What the runs of one command took: median seconds, and the highest peak memory in bytes."""

    seconds: float
    peak_bytes: int


class Row(NamedTuple):
    """A line of the table: ours against theirs, as a ratio that should not exceed the target."""

    what: str
    ours: str
    theirs: str
    ratio: float
    target: float


def measure(
    *commands: Command, runs: int, warmup: int = 1, prepare: Callable[[int], None] | None = None
) -> list[Side]:
    """Run the commands in turns, so that whatever the machine does meanwhile hits all alike.

    `prepare` is called before each run, untimed, with the number of the command.
    """
    times: list[list[float]] = [[] for _ in commands]
    peaks = [0] * len(commands)
    for round_ in range(warmup + runs):
        for index, command in enumerate(commands):
            if prepare is not None:
                prepare(index)
            seconds, peak = _run(command)
            peaks[index] = max(peaks[index], peak)
            if round_ >= warmup:
                times[index].append(seconds)
    return [Side(statistics.median(t), peak) for t, peak in zip(times, peaks, strict=True)]


def _run(command: Command) -> tuple[float, int]:
    start = time.perf_counter()
    # In a process group of its own there is one child to wait for, and its peak is its own.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return seconds, usage.ru_maxrss * 1024


def compare(what: str, ours: Side, theirs: Side, target: float) -> Row:
    """Make a line of the table from two timings."""
    ratio = ours.seconds / theirs.seconds
    return Row(what, _text(ours.seconds), _text(theirs.seconds), ratio, target)


def print_table(rows: Sequence[Row]) -> None:
    """Print what was measured: what, ours, theirs, ratio, target."""
    width = max(len(row.what) for row in rows)
    print(f"{'what':{width}}  {'ours':>9}  {'theirs':>9}  {'ratio':>6}  {'target':>6}")
    for row in rows:
        verdict = "" if row.ratio <= row.target else "  MISSED"
        print(
            f"{row.what:{width}}  {row.ours:>9}  {row.theirs:>9}"
            f"  {row.ratio:6.2f}  {row.target:6.2f}{verdict}"
        )


def _text(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
