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
    return _shown(_Line("Scanning: {:,} found"))


def checking() -> AbstractContextManager[Progress]:
    """Show how many entries were checked; see `scanning`."""
    return _shown(_Line("Checking: {:,} done"))


def removing(total: int) -> AbstractContextManager[Progress]:
    """Show how many of `total` entries were removed; see `scanning`."""
    return _shown(_Bar(total, "Removing"))


def replaying(total: int) -> AbstractContextManager[Progress]:
    """Show how many of `total` calls were replayed; see `scanning`."""
    return _shown(_Bar(total, "Replaying"))


@contextmanager
def _shown(display: _Display) -> Iterator[Progress]:
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    try:
        yield display.update
    finally:
        display.end()


class _Display:
    """A display that appears late, as most things take less than half a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PATIENCE_SECONDS
        self._drawn: Any = None

    def update(self, count: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _REFRESH_SECONDS
        if self._drawn is None:
            self._drawn = self._new()
            self._drawn.start()
        self._draw(count)

    def end(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()

    def _new(self) -> Any:
        raise NotImplementedError

    def _draw(self, count: int) -> None:
        raise NotImplementedError


class _Line(_Display):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def _new(self) -> Any:
        from acache.render.tables.live import live_line

        return live_line()

    def _draw(self, count: int) -> None:
        self._drawn.update(self._text.format(count), refresh=True)


class _Bar(_Display):
    def __init__(self, total: int, what: str) -> None:
        super().__init__()
        self._total = total
        self._what = what

    def _new(self) -> Any:
        from acache.render.tables.live import live_bar

        return live_bar(self._total, self._what)

    def _draw(self, count: int) -> None:
        self._drawn.update(self._drawn.task_ids[0], completed=count, refresh=True)
