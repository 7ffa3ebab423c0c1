"""A command on a pseudo-terminal: what it prints is read, what it asks is answered."""

from __future__ import annotations

import os
import select
import subprocess
import time

import pytest

from tests.helpers.processes import PATIENCE_SECONDS


class Console:
    """A command that runs in the foreground of a terminal of its own.

    Attributes
    ----------
    seen : str
        What it has printed so far.
    """

    def __init__(self, command: list[str], **environ: str) -> None:
        pty = pytest.importorskip("pty")
        self._leader, follower = pty.openpty()
        self._process = subprocess.Popen(
            command,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - there are no threads
            env={**os.environ, "TERM": "xterm", **environ},
        )
        os.close(follower)
        self._until = time.monotonic() + PATIENCE_SECONDS
        self.seen = ""

    def read_until(self, text: str) -> None:
        """Read until a text was printed."""
        while text not in self.seen:
            assert self._read(), f"it ended without {text!r}:\n{self.seen}"

    def type(self, text: str) -> None:
        os.write(self._leader, text.encode())

    def end(self, *, typing: str = "") -> int:
        """Read on to the end, and return the exit code; press keys now and then, if any."""
        pressed = time.monotonic()
        while self._read():
            if typing and time.monotonic() - pressed > 1:
                self.type(typing)
                pressed = time.monotonic()
        code = self._process.wait(PATIENCE_SECONDS)
        os.close(self._leader)
        return code

    def _read(self) -> bool:
        if time.monotonic() > self._until:
            self._process.kill()
            pytest.fail(f"it does not end:\n{self.seen}")
        if not select.select([self._leader], [], [], 0.1)[0]:
            return self._process.poll() is None
        try:
            part = os.read(self._leader, 65536)
        except OSError:  # Linux says so at the end
            return False
        self.seen += part.decode()
        return bool(part)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
