"""A shell in a terminal of its own: keys go in, the screen is read."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

from tests.helpers.processes import PATIENCE_SECONDS

LINES, COLUMNS = 40, 110
PROMPT = "READY>"
_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A shell that runs in a pseudo-terminal until the end of a ``with``."""

    def __init__(self, command: Sequence[str], *, env: dict[str, str], cwd: Path) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        self._file, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, *command],
            stdin=far,
            stdout=far,
            stderr=far,
            env={"TERM": "xterm", **env},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(far)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._file)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._file, keys.encode())

    def wait(self, shown: Callable[[str], bool], what: str) -> str:
        """Wait until the screen shows something; return the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not shown(self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"no {what} on the screen:\n{self.text}"
            if select.select([self._file], [], [], left)[0]:
                self._stream.feed(os.read(self._file, 65536))
        return self.text

    def wait_for(self, *texts: str) -> str:
        """Wait until the screen shows all the texts; return it."""
        return self.wait(lambda screen: all(text in screen for text in texts), repr(texts))

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def line(self) -> str:
        """Tell what is typed, as the last prompt has it."""
        return self.text.rpartition(PROMPT)[2].partition("\n")[0].strip()

    def clear(self) -> None:
        """Empty the line and the screen."""
        self.type("\x15\x0c")  # Ctrl-U, Ctrl-L
        self.wait(lambda screen: screen.strip() == PROMPT, "empty prompt")
