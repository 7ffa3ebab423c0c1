"""Jobs for pools of workers, and folds for their shares; workers import this module."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from acache.store.model import Entry, Found


def square(number: int) -> int:
    """Return the square of a number; 13 is refused."""
    if number == 13:
        raise ValueError("13 is not valid")
    return number * number


def process_of(_: int) -> int:
    """Return the number of the process."""
    return os.getpid()


def die(_: int) -> None:
    """Kill the process, as a system does that is out of memory."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def die_once(marker: Path) -> None:
    """Kill one of the processes that call this."""
    try:
        marker.touch(exist_ok=False)
    except FileExistsError:
        return
    die(0)


class DyingOnce:
    """Squares numbers, and kills one of the processes that do."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __call__(self, number: int) -> int:
        if number == 5:
            die_once(self._marker)
        return square(number)


class Hashes:
    """Gathers argument hashes, and the processes that found them; one may be killed meanwhile."""

    def __init__(self, marker: Path | None = None) -> None:
        self.found: list[str] = []
        self.processes = {os.getpid()}
        self._marker = marker

    def add(self, found: Found) -> None:
        if isinstance(found, Entry):
            self.found.append(found.hash)
            if self._marker is not None and len(self.found) == 3:
                die_once(self._marker)

    def merge(self, other: Hashes) -> None:
        self.found += other.found
        self.processes |= other.processes
