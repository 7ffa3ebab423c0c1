"""A piece of work in a second process, where the system has `os.fork`."""

from __future__ import annotations

import mmap
import os
import pickle
import select
import signal
import struct
from collections.abc import Callable
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")
Progress = Callable[[int], None]

_TICK_SECONDS = 0.1


class Forked(Generic[T]):
    """A forked process that does a piece of work and sends back its result.

    Parameters
    ----------
    work : callable
        Gets a callable that it may tell, now and then, how far it is.
    """

    def __init__(self, work: Callable[[Progress], T]) -> None:
        self._counter = mmap.mmap(-1, 8)
        self._answer, sending = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._run(work, sending)
        os.close(sending)
        self._ended = False

    def _run(self, work: Callable[[Progress], T], sending: int) -> NoReturn:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent tells of an interruption
            os.close(self._answer)
            result = work(lambda count: struct.pack_into("q", self._counter, 0, count))
            with os.fdopen(sending, "wb") as file:
                pickle.dump(result, file, protocol=pickle.HIGHEST_PROTOCOL)
            status = 0
        finally:
            os._exit(status)

    @property
    def count(self) -> int:
        """What the process found so far."""
        return int(struct.unpack_from("q", self._counter)[0])

    def result(self, tell: Progress) -> T | None:
        """Wait for the result; None if the process died before it had one."""
        parts = []
        while True:
            if not select.select([self._answer], [], [], _TICK_SECONDS)[0]:
                tell(self.count)
            elif part := os.read(self._answer, 1 << 20):
                parts.append(part)
            else:
                break
        _, status = os.waitpid(self._pid, 0)
        self._ended = True
        if status != 0:
            return None
        result: T = pickle.loads(b"".join(parts))
        return result

    def end(self) -> None:
        """End the process if it still runs, and let go of what belongs to it."""
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._answer)
        self._counter.close()
