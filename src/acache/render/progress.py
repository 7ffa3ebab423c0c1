"""Progress on stderr, for what takes longer than half a second, on a terminal alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PATIENCE_SECONDS = 0.5
_REFRESH_SECONDS = 0.1


@contextmanager
def scanning() -> Iterator[Callable[[int], None] | None]:
    """Show how much a scan has found.

    Yields
    ------
    tell : callable or None
        To be called now and then with the number of things found; None where nobody would see it.
    """
    with _shown(_Line("Scanning: {:,} found")) as tell:
        yield tell


@contextmanager
def checking() -> Iterator[Callable[[int], None] | None]:
    """Show how much was checked; see `scanning`."""
    with _shown(_Line("Checking: {:,} done")) as tell:
        yield tell


@contextmanager
def removing(total: int) -> Iterator[Callable[[int], None] | None]:
    """Show how many of so many entries are removed; see `scanning`."""
    with _shown(_Bar(total)) as tell:
        yield tell


@contextmanager
def _shown(late: _Late) -> Iterator[Callable[[int], None] | None]:
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    try:
        yield late.tell
    finally:
        late.end()


class _Late:
    """What is drawn late, and seldom: most things take less than half a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PATIENCE_SECONDS
        self._drawn: Any = None

    def tell(self, count: int) -> None:
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


class _Line(_Late):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def _new(self) -> Any:
        from acache.render.tables.layout import live_line

        return live_line()

    def _draw(self, count: int) -> None:
        self._drawn.update(self._text.format(count), refresh=True)


class _Bar(_Late):
    def __init__(self, total: int) -> None:
        super().__init__()
        self._total = total

    def _new(self) -> Any:
        from acache.render.tables.layout import live_bar

        return live_bar(self._total, "Removing")

    def _draw(self, count: int) -> None:
        self._drawn.update(self._drawn.task_ids[0], completed=count, refresh=True)
