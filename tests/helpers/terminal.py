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

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: dict[str, str],
        cwd: Path,
        size: tuple[int, int] = (COLUMNS, LINES),
    ) -> None:
        columns, lines = size
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._file, far = pty.openpty()
        fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
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

    def wait(self, shown: Callable[[str], bool], what: str, *, poll: bool = False) -> str:
        """Wait until the screen shows something; return the screen.

        With `poll` something else may be waited for.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not shown(self.text):
            left = deadline - time.monotonic()
            assert left > 0, f"no {what} on the screen:\n{self.text}"
            left = 0.001 if poll else left
            if select.select([self._file], [], [], left)[0]:
                self._stream.feed(os.read(self._file, 65536))
        return self.text

    def wait_for(self, *texts: str) -> str:
        """Wait until the screen shows all the texts; return it."""
        return self.wait(lambda screen: all(text in screen for text in texts), repr(texts))

    def colours(self) -> set[str]:
        """Return the colours of all characters on the screen."""
        cells = [cell for line in self._screen.buffer.values() for cell in line.values()]
        return {colour for cell in cells for colour in (cell.fg, cell.bg)}

    def signal(self, number: int) -> None:
        """Send a signal to what runs in the foreground, but not to the shell."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for child in children.read_text().split():
            os.kill(int(child), number)

    def hang_up(self) -> None:
        """Close the terminal, as a window that is closed; wait for the end of all in it."""
        os.close(self._file)
        self._process.wait(PATIENCE_SECONDS)
        group = self._process.pid
        deadline = time.monotonic() + PATIENCE_SECONDS
        while _has_members(group):
            assert time.monotonic() < deadline, "what runs in the terminal does not end"
            time.sleep(0.01)
        self._file = os.open(os.devnull, os.O_RDWR)

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


def _has_members(group: int) -> bool:
    """Return whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
