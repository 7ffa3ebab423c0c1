"""What a check says."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple

from acache.config.settings import Config
from acache.system.text import quoted

Status = Literal["ok", "warning", "problem"]
_UNITS = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    id : str
        ``cache-dir``, ``level`` and so on.
    status : {"ok", "warning", "problem"}
    message : str
        What was seen, and what follows for the user.
    fix : str or None
        The command or the shell's line that mends it.
    """

    id: str
    status: Status
    message: str
    fix: str | None = None


def command(config: Config, *arguments: str) -> str:
    """Write a command of acache that means the same configuration."""
    words = ["acache", *arguments]
    location, prefix = config.cache_dir, config.env_prefix
    if prefix.origin == "flag":
        words += ["--env-prefix", str(prefix.value)]
    if location.origin == "flag":
        words += ["--cache-dir", str(location.value)]
    if config.python.origin == "flag":
        words += ["--python", config.python.value]
    return " ".join(map(quoted, words))


def own_location(config: Config) -> str | None:
    """Write the line that sets a location of one's own; None where that mends nothing."""
    setting = config.cache_dir
    own = f"~/.cache/{config.prefix.lower()}"
    if setting.origin == "flag" or setting.value == os.path.expanduser(own):
        return None
    return f"export {setting.variable}={own}"


def existing(path: str, *, strictly: bool = True) -> str:
    """Return the folder in which a path lies, or will; or the nearest thing that is no folder."""
    there = os.path.isdir if strictly else os.path.lexists
    while not there(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def size(size_bytes: float) -> str:
    """Show a size in two figures or more."""
    for unit, factor in _UNITS:
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes:.0f} B"


def count(number: int, noun: str, many: str | None = None) -> str:
    """Show a number and its noun."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"
