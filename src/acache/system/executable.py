"""The program and arguments that start what a user names: a script or a command."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from acache.system.errors import AcacheError
from acache.system.text import printable


class NotFoundError(AcacheError):
    """There is no such script or command. Exit code 127, as shells have it."""

    exit_code = 127


class NotExecutableError(AcacheError):
    """It is there, and cannot be executed. Exit code 126, as shells have it."""

    exit_code = 126


def start_arguments(words: Sequence[str], *, python: str) -> list[str]:
    """Return the program, and its arguments, that start a script or command.

    Parameters
    ----------
    words : sequence of str, not empty
        A script or command, and its arguments. What ends with ``.py`` is a script.
    python : str
        Path of the interpreter that runs scripts.

    Returns
    -------
    arguments : list of str
        The program's path first.

    Raises
    ------
    NotFoundError
        If there is no such script, nor such a command on ``PATH``.
    NotExecutableError
        If it is a folder, or a file that may not be executed.
    """
    name, *rest = words
    if name.endswith(".py"):
        if os.path.isdir(name):
            raise NotExecutableError(f"{printable(name)} is a folder, not a script")
        if not os.path.exists(name):
            raise NotFoundError(f"there is no script {printable(name)}")
        # A name like -c.py would be an option of Python's.
        return [python, f"./{name}" if name.startswith("-") else name, *rest]
    program = shutil.which(name)
    if program is not None:
        return [program, *rest]
    if os.path.isdir(name):
        raise NotExecutableError(f"{printable(name)} is a folder, not a command")
    if os.access(name, os.X_OK):
        raise NotFoundError(f"{printable(name)} is not on PATH; write {printable(f'./{name}')}")
    if os.path.exists(name):
        raise NotExecutableError(
            f"{printable(name)} is not executable; put its interpreter before it, or chmod +x it"
        )
    hint = "; give its arguments as words of their own" if " " in name.strip() else ""
    raise NotFoundError(f"there is no command {printable(name)!r}{hint}")
