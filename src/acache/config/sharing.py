"""What the fast engine does for several processes, as the environment asks for it."""

from __future__ import annotations

import os
from collections.abc import Mapping

SINGLE_FLIGHT_VARIABLE = "ACACHE_SINGLE_FLIGHT"
CALL_LOG_VARIABLE = "ACACHE_CALL_LOG"


def single_flight_from_env(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether one process is to compute what several want: ``ACACHE_SINGLE_FLIGHT=1``.

    Parameters
    ----------
    environ : mapping of str to str, optional
        By default the environment of this process.
    """
    raw = (os.environ if environ is None else environ).get(SINGLE_FLIGHT_VARIABLE, "")
    return raw not in ("", "0")


def call_log_from_env(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether calls are logged: they are, but for ``ACACHE_CALL_LOG=0``.

    Parameters
    ----------
    environ : mapping of str to str, optional
        By default the environment of this process.
    """
    return (os.environ if environ is None else environ).get(CALL_LOG_VARIABLE, "") != "0"
