"""Which engine answers cached calls where nobody says: ``ACACHE_ENGINE``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal, cast

from acache.system.errors import UsageError

ENGINE_VARIABLE = "ACACHE_ENGINE"
ENGINES = ("fast", "joblib")

Engine = Literal["fast", "joblib"]


def check_engine(name: str) -> Engine:
    """Return the engine of a name.

    Raises
    ------
    UsageError
        If there is none.
    """
    if name not in ENGINES:
        raise UsageError(f"engine not valid: {name!r}; choose from {', '.join(ENGINES)}")
    return cast("Engine", name)


def engine_from_env(environ: Mapping[str, str] | None = None) -> Engine | None:
    """Return the engine that the environment asks for; None if it asks for none.

    Parameters
    ----------
    environ : mapping of str to str, optional
        By default the environment of this process.

    Raises
    ------
    UsageError
        If there is no such engine.
    """
    raw = (os.environ if environ is None else environ).get(ENGINE_VARIABLE, "")
    if not raw:
        return None
    if raw not in ENGINES:
        choices = ", ".join(ENGINES)
        raise UsageError(f"{ENGINE_VARIABLE} not valid: {raw!r}; choose from {choices}")
    return cast("Engine", raw)
