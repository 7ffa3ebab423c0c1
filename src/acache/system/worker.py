"""A second process that takes pieces of work as it has time, where the system has `os.fork`."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
from collections.abc import Callable, Iterator
from typing import Generic, NoReturn, TypeVar

P = TypeVar("P")
T = TypeVar("T")

_DONE = b"."
_RESULT = b"R"


class Helper(Generic[P, T]):
    """A forked process that is sent pieces of work, and sends back one result.

    Parameters
    ----------
    work : callable
        Runs in the process: gets an iterator over the pieces, and returns the result.
    """

    def __init__(self, work: Callable[[Iterator[P]], T]) -> None:
        taking, giving = os.pipe()
        self._answers, answering = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(giving)
            self._run(work, taking, answering)
        os.close(taking)
        os.close(answering)
        self._giving = os.fdopen(giving, "wb")
        self._received = b""
        self._ended = False

    @staticmethod
    def _run(work: Callable[[Iterator[P]], T], taking: int, answering: int) -> NoReturn:
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent reports an interruption

            def pieces() -> Iterator[P]:
                with os.fdopen(taking, "rb") as source:
                    while True:
                        try:
                            piece: P = pickle.load(source)
                        except EOFError:
                            return
                        yield piece
                        os.write(answering, _DONE)

            result = work(pieces())
            with os.fdopen(answering, "wb") as file:
                file.write(_RESULT)
                pickle.dump(result, file, protocol=pickle.HIGHEST_PROTOCOL)
            status = 0
        finally:
            os._exit(status)

    def give(self, piece: P) -> bool:
        """Send a piece of work; False if the process has ended."""
        try:
            pickle.dump(piece, self._giving, protocol=pickle.HIGHEST_PROTOCOL)
            self._giving.flush()
        except BrokenPipeError:
            return False
        return True

    def done(self) -> int:
        """Return how many pieces it has done since this was asked before."""
        count = 0
        while select.select([self._answers], [], [], 0)[0]:
            answer = os.read(self._answers, 4096)
            if not answer:
                break
            count += answer.count(_DONE)
        return count

    def result(self) -> T | None:
        """Give it no more work and wait for the result; None if the process died before."""
        try:
            self._giving.close()
        except BrokenPipeError:
            return None
        parts = []
        while part := os.read(self._answers, 1 << 20):
            parts.append(part)
        _, status = os.waitpid(self._pid, 0)
        self._ended = True
        _, _, pickled = b"".join(parts).partition(_RESULT)
        if status != 0 or not pickled:
            return None
        result: T = pickle.loads(pickled)
        return result

    def end(self) -> None:
        """End the process if it still runs, and close its pipes."""
        if not self._ended:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._ended = True
        with contextlib.suppress(BrokenPipeError):
            self._giving.close()
        os.close(self._answers)
