"""The levels of functions whose source does not show them, kept in a folder beside the store."""

from __future__ import annotations

import os

from acache.store.format import dotted
from acache.system.dirfd import read_file

OWN_FOLDER = ".acache"  # in the location
LONGEST_LEVEL = 32  # bytes


def level_path(function: str) -> str:
    """Return where the level of a function is kept, below the location."""
    return f"{OWN_FOLDER}/levels/{dotted(function)}"


def record_level(location: str, function: str, level: int) -> None:
    """Keep the level of a function whose source does not show it.

    It goes into ``LOCATION/.acache/levels/FUNCTION``, the function id dotted: one decimal number.
    Where that cannot be written, nothing happens: the function's level is then shown as unknown.

    Parameters
    ----------
    location : str
    function : str
        Function id, ``/`` between its parts.
    level : int
    """
    if recorded_level(location, function) == level:
        return
    import tempfile

    folder = os.path.join(location, OWN_FOLDER, "levels")
    try:
        os.makedirs(folder, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{level}\n")
            # mkstemp's files are for the owner alone; others that share the store may read this.
            os.chmod(temporary, 0o644)
            os.replace(temporary, os.path.join(folder, dotted(function)))
        except OSError:
            os.unlink(temporary)
    except OSError:
        pass


def recorded_level(location: str, function: str) -> int | None:
    """Return the level that `record_level` kept; None if it kept none."""
    path = os.path.join(location, level_path(function))
    try:
        return int(read_file(path, limit=LONGEST_LEVEL))
    except (OSError, ValueError):
        return None
