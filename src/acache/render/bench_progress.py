"""How a benchmark goes, in a line on stderr, on a terminal alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from acache.operations.bench.runner import Step, Watcher
from acache.render.durations import duration


@contextmanager
def benching(rounds: int, expect: Callable[[float], None], *, quiet: bool) -> Iterator[Watcher]:
    """Show how a benchmark goes.

    Parameters
    ----------
    rounds : int
    expect : callable
        Is told, once, the seconds that it is expected to take.
    quiet : bool
        Whether nothing else is shown, as something else goes to stderr.

    Yields
    ------
    watcher : Watcher
    """
    watcher = _Rounds(rounds, expect, quiet=quiet)
    try:
        yield watcher
    finally:
        watcher.end()


class _Rounds(Watcher):
    """A line that changes when a run begins; drawing it during one would take its time."""

    def __init__(self, rounds: int, expect: Callable[[float], None], *, quiet: bool) -> None:
        self._quiet = quiet or sys.stderr is None or not sys.stderr.isatty()
        self._rounds = rounds
        self._tell = expect
        self._line: Any = None

    def expect(self, seconds: float) -> None:
        self.end()
        self._tell(seconds)

    def begin(self, step: Step, round_: int | None, remaining: float | None) -> None:
        if self._quiet:
            return
        if self._line is None:
            from acache.render.tables.layout import live_line

            self._line = live_line()
            self._line.start()
        what = "Warming up" if round_ is None else f"Round {round_ + 1} of {self._rounds}"
        rest = "" if remaining is None else f"; about {duration(remaining)} remain"
        self._line.update(f"{what}: {step}{rest}", refresh=True)

    def end(self) -> None:
        """Wipe the line."""
        if self._line is not None:
            self._line.stop()
            self._line = None
