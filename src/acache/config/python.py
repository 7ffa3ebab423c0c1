"""Finding the Python whose packages are meant: the one asked for, else the active environment's."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from acache.config.effects import Reading
from acache.system.errors import UsageError

_VARIABLES = ("VIRTUAL_ENV", "CONDA_PREFIX")


def find_python(environ: Mapping[str, str], flag: str | None) -> tuple[str, str | None, Reading]:
    """Find the Python that is meant.

    Parameters
    ----------
    environ : mapping of str to str
    flag : str or None
        The path, or the name of a command, that was asked for.

    Returns
    -------
    variable : str
        The environment variable that decided, or would.
    raw : str or None
        As given; None where nothing was.
    reading : Reading
        Its value is the path of a Python, which may be missing: then it is not ``ok``.

    Raises
    ------
    UsageError
        If what was asked for is no program.
    """
    if flag is not None:
        import shutil

        path = shutil.which(os.path.expanduser(flag))
        if path is None:
            raise UsageError(f"--python {flag!r} is no program; give the path of a Python")
        return _VARIABLES[0], flag, Reading(os.path.abspath(path), "as asked")
    for variable in _VARIABLES:
        raw = environ.get(variable)
        path = _python_in(os.path.abspath(raw)) if raw else None
        if path:
            return variable, raw, Reading(path, "the active environment's packages")
        if raw and (variable == "VIRTUAL_ENV" or not os.path.isdir(raw)):
            # Environments of Conda need not have a Python. To take another one than is meant would
            # call current results stale.
            effect = (
                "there is no Python in it, so nothing is known of installed packages; unset it, or"
                " give --python PATH"
            )
            path = os.path.join(os.path.abspath(raw), "bin", "python")
            return variable, raw, Reading(path, effect, ok=False)
    effect = "no environment is active: acache's own packages"
    return _VARIABLES[0], None, Reading(sys.executable, effect)


def _python_in(folder: str) -> str | None:
    for parts in (("bin", "python"), ("Scripts", "python.exe"), ("python.exe",)):
        path = os.path.join(folder, *parts)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return sys.executable if folder == os.path.abspath(sys.prefix) else path
    return None
