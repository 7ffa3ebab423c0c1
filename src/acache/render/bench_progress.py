"""Progress of a benchmark, in a line on stderr, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from acache.operations.bench.runner import BenchProgress, Step
from acache.render.durations import duration


@contextmanager
def benching(
    rounds: int, expect: Callable[[float], None], *, quiet: bool
) -> Iterator[BenchProgress]:
    """Show the progress of a benchmark.

    Parameters
    ----------
    rounds : int
    expect : callable
        Called once with the seconds that it is expected to take.
    quiet : bool
        Whether to draw nothing, as the runs' own output goes to stderr.

    Yields
    ------
    progress : BenchProgress
    """
    progress = _Line(rounds, expect, quiet=quiet)
    try:
        yield progress
    finally:
        progress.end()


class _Line(BenchProgress):
    """A line that changes when a run begins: drawing it during one would take CPU time."""

    def __init__(self, rounds: int, expect: Callable[[float], None], *, quiet: bool) -> None:
        self._quiet = quiet or sys.stderr is None or not sys.stderr.isatty()
        self._rounds = rounds
        self._expected = expect
        self._line: Any = None

    def expect(self, seconds: float) -> None:
        self.end()
        self._expected(seconds)

    def begin(self, step: Step, round_: int | None, remaining: float | None) -> None:
        if self._quiet:
            return
        if self._line is None:
            from acache.render.tables.live import live_line

            self._line = live_line()
            self._line.start()
        what = "Warming up" if round_ is None else f"Round {round_ + 1} of {self._rounds}"
        rest = "" if remaining is None else f"; about {duration(remaining)} remain"
        self._line.update(f"{what}: {step}{rest}", refresh=True)

    def end(self) -> None:
        """Remove the line."""
        if self._line is not None:
            self._line.stop()
            self._line = None
