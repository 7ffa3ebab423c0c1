"""Processes that go on when the one that started them ends, and disturb nobody."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence

# The shell ends at once, so that nobody has to wait for the process; it belongs to no terminal.
_BACKGROUND = '"$@" </dev/null >/dev/null 2>&1 &'
_NICENESS = 10
_LONGEST_START = 10.0  # seconds; 2 ms where nothing is wrong


def be_nice() -> None:
    """Have the system prefer other processes to this one."""
    with contextlib.suppress(OSError, AttributeError):  # Windows has no os.nice
        os.nice(_NICENESS)


def start_detached(code: str, arguments: Sequence[str]) -> bool:
    """Have this process's Python run code, in a process that outlives this one.

    The process has neither terminal nor pipes, nor what environment variables and site-packages
    bring into a Python.

    Parameters
    ----------
    code : str
        What is given to ``python -c``.
    arguments : sequence of str
        Its ``sys.argv[1:]``.

    Returns
    -------
    started : bool
        False where it cannot be: this program is no Python, or the system refuses.
    """
    if not is_python():
        return False
    command = [sys.executable, "-I", "-S", "-c", code, *arguments]
    try:
        if os.name == "nt":  # pragma: no cover - Windows
            flags = subprocess.DETACHED_PROCESS | subprocess.BELOW_NORMAL_PRIORITY_CLASS  # type: ignore[attr-defined,unused-ignore]
            process = subprocess.Popen(command, creationflags=flags, close_fds=True)
            process.returncode = 0  # it is not waited for, and Python need not warn of that
            return True
        return (
            subprocess.run(
                ["/bin/sh", "-c", _BACKGROUND, "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",  # so that the working folder can be removed, or unmounted
                start_new_session=True,
                check=False,
                timeout=_LONGEST_START,
            ).returncode
            == 0
        )
    except (OSError, RuntimeError, ValueError, subprocess.SubprocessError):
        return False


def is_python() -> bool:
    """Return whether `sys.executable` is a Python, not a program that Python is part of."""
    name = os.path.basename(sys.executable or "").lower()
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)
