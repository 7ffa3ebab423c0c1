"""The environment of a child process: which cache the library in it will use."""

from __future__ import annotations

import os

from acache.config.settings import Config


def child_environment(config: Config, *, switch_on: bool = True) -> dict[str, str]:
    """Return this process's environment, with the location and level that options gave.

    Parameters
    ----------
    config : Config
    switch_on : bool
        Whether the location is set; otherwise it is that of this process's environment, if any.
    """
    child = dict(os.environ)
    for setting in (config.cache_dir, config.level) if switch_on else (config.level,):
        if setting.origin == "flag":
            child[setting.variable] = str(setting.value)
    return child


def child_environment_at(
    config: Config,
    location: str | None,
    *,
    level: int | None = None,
) -> dict[str, str]:
    """Return this process's environment, with another cache than the configured one.

    Parameters
    ----------
    config : Config
    location : str or None
        None switches caching off.
    level : int, optional
        By default as it is.
    """
    child = dict(os.environ)
    child.pop(config.cache_dir.variable, None)
    if location is not None:
        child[config.cache_dir.variable] = location
    if level is not None:
        child[config.level.variable] = str(level)
    return child
