"""Signals as exceptions, so that what was begun is cleaned up; delayed where that matters."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from acache.system.errors import AcacheError

_ENDING = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
]


class TerminatedError(AcacheError):
    """A signal asked the process to end. Exit code 128 and the signal's number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class _State:
    held = 0
    waiting: int | None = None


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Let SIGTERM, SIGHUP and SIGQUIT raise `TerminatedError`, and SIGINT `KeyboardInterrupt`.

    A signal that is ignored stays ignored. Does nothing outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in _ENDING}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    if _State.held:
        _State.waiting = number
        return
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise TerminatedError(number)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Delay signals, within `signals_as_exceptions`, until what is done here is done."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        waiting = _State.waiting
        if not _State.held and waiting is not None:
            _State.waiting = None
            _end(waiting, None)
