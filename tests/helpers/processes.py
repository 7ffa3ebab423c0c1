"""Processes that the tests start: Python, lines of a shell, one that has ended."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

# How long a test waits for what must happen before it gives up. It measures nothing.
PATIENCE_SECONDS = 300.0

# joblib warns of this where a machine is busy.
SLOW_WARNING = "ignore:Persisting input arguments took"


class Result(NamedTuple):
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.stdout)


def run_python(
    code: str,
    *arguments: str | Path,
    env: dict[str, str] | None = None,
    python: str = sys.executable,
) -> str:
    """Run code in a Python of its own, and return what it printed."""
    done = subprocess.run(
        [python, "-c", code, *map(str, arguments)],
        env={**os.environ, **(env or {})},
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.stderr.write(done.stderr)  # pytest shows it
    done.check_returncode()
    return done.stdout


def run_line(line: str, **environ: str | Path) -> None:
    """Run a line in bash as it was printed, but for the question that acache asks."""
    acache = f'acache() {{ {shlex.quote(sys.executable)} -m acache "$@" --yes; }}'
    subprocess.run(
        ["bash", "-c", f"{acache}\n{line}"],
        env={**os.environ, **{name: str(value) for name, value in environ.items()}},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


def dead_pid() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid
