"""Running a command in the foreground, as a shell does, and passing signals on to it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from acache.system.executable import NotExecutableError, NotFoundError
from acache.system.text import printable

# Those that a terminal sends to every process in its foreground.
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")
_FORWARDED = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", *_FROM_TERMINAL)
_KILLED = 128  # and the signal's number: an exit code as shells have it


class Finished(NamedTuple):
    """How a command ended: its exit code, 128+N after signal N, and its wall time in seconds."""

    exit_code: int
    wall_seconds: float


class Foreground:
    """Runs commands and passes signals on to them, so that this process ends after them.

    A context manager. Signals that are ignored stay ignored, by the command too. One that comes
    when no command runs any more takes effect at the end of the context.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}
        self._waiting: list[int] = []

    def __enter__(self) -> Foreground:
        for name in _FORWARDED:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        for number in self._waiting:
            signal.raise_signal(number)

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Finished:
        """Run a command on this process's own input and output, in its own process group.

        Parameters
        ----------
        arguments : sequence of str
            The program's path first.
        environment : mapping of str to str

        Raises
        ------
        NotFoundError
            If the program, or the interpreter that its first line names, is not there.
        NotExecutableError
            If it cannot be executed.
        """
        start = time.perf_counter()
        self._process = process = _started(arguments, environment)
        while self._waiting:
            _send(process, self._waiting.pop())
        code = process.wait()
        seconds = time.perf_counter() - start
        self._process = None
        return Finished(code if code >= 0 else _KILLED - code, seconds)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if self._process is None:
            self._waiting.append(number)
        elif signal.Signals(number).name not in _FROM_TERMINAL or not _in_foreground():
            _send(self._process, number)


def _send(process: subprocess.Popen[bytes], number: int) -> None:
    if os.name == "nt":  # has no signals to send
        process.terminate()
    else:
        process.send_signal(number)


def _started(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    name = printable(arguments[0])
    try:
        # Descriptors that this process inherited are for the command.
        return subprocess.Popen(arguments, env=environment, close_fds=False)
    except FileNotFoundError:
        raise NotFoundError(f"{name} needs an interpreter that is not there") from None
    except OSError as error:
        hints = {errno.ENOEXEC: "put its interpreter before it", errno.EACCES: "chmod +x it"}
        hint = hints.get(error.errno or 0, "see whether it is a program")
        raise NotExecutableError(f"{name} cannot be executed: {error.strerror}; {hint}") from None


def _in_foreground() -> bool:
    """Return whether a key at the terminal reaches the command by itself."""
    if os.name == "nt":
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
