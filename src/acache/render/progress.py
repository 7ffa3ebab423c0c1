"""Progress on stderr, for what takes longer than half a second, on a terminal alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

_PATIENCE_SECONDS = 0.5
_REFRESH_SECONDS = 0.1

Progress = Callable[[int], None] | None


def scanning() -> AbstractContextManager[Progress]:
    """Show how many things a scan has found.

    Yields
    ------
    progress : callable or None
        To be called now and then with the number so far; None where nobody would see it.
    """
    return _line("Scanning: {:,} found")


def checking() -> AbstractContextManager[Progress]:
    """Show how many entries were checked; see `scanning`."""
    return _line("Checking: {:,} done")


def copying() -> AbstractContextManager[Progress]:
    """Show how many things copying has come past; see `scanning`."""
    return _line("Copying: {:,} done")


def compressing(total: int) -> AbstractContextManager[Progress]:
    """Show how many of `total` entries were compressed; see `scanning`."""
    return _bar(total, "Compressing")


def removing(total: int) -> AbstractContextManager[Progress]:
    """Show how many of `total` entries were removed; see `scanning`."""
    return _bar(total, "Removing")


def replaying(total: int) -> AbstractContextManager[Progress]:
    """Show how many of `total` calls were replayed; see `scanning`."""
    return _bar(total, "Replaying")


def _bar(total: int, what: str) -> AbstractContextManager[Progress]:
    def new() -> Any:
        from acache.render.tables.live import live_bar

        return live_bar(total, what)

    return _late(new, lambda bar, n: bar.update(bar.task_ids[0], completed=n, refresh=True))


def _line(text: str) -> AbstractContextManager[Progress]:
    def new() -> Any:
        from acache.render.tables.live import live_line

        return live_line()

    return _late(new, lambda line, count: line.update(text.format(count), refresh=True))


@contextmanager
def _late(new: Callable[[], Any], draw: Callable[[Any, int], None]) -> Iterator[Progress]:
    """Draw a display late, as most things take less than half a second, and then seldom."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    display: Any = None
    due = time.monotonic() + _PATIENCE_SECONDS

    def update(count: int) -> None:
        nonlocal display, due
        now = time.monotonic()
        if now < due:
            return
        due = now + _REFRESH_SECONDS
        if display is None:
            display = new()
            display.start()
        draw(display, count)

    try:
        yield update
    finally:
        if display is not None:
            display.stop()
