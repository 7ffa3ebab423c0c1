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
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    line = _Line()
    try:
        yield line.tell
    finally:
        line.end()


class _Line:
    """One line that is drawn late, and seldom: most scans take less than half a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PATIENCE_SECONDS
        self._status: Any = None

    def tell(self, count: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _REFRESH_SECONDS
        if self._status is None:
            from acache.render import human

            self._status = human.live_line()
            self._status.start()
        self._status.update(f"Scanning: {count:,} found", refresh=True)

    def end(self) -> None:
        if self._status is not None:
            self._status.stop()
