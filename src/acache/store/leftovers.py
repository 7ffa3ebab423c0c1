"""When a leftover may be removed: its grace, and the process that may still be writing it."""

from __future__ import annotations

from acache.store.format import parse_temporary
from acache.system.liveness import may_be_writing

GRACE_SECONDS = 3600.0
_FUTURE_SECONDS = 86_400.0


def is_expired(name: str, modified: float, *, grace: float, now: float) -> bool:
    """Return whether a temporary file may be removed.

    Parameters
    ----------
    name : str
        Of the file, without its folder.
    modified : float
        When it was last written to, Unix seconds.
    grace : float >= 0
        Seconds.
    now : float
        Unix seconds.

    Returns
    -------
    expired : bool
        False within the grace, and while its process lives on this host. A time in the future,
        by more than clocks differ, does not count as within the grace.
    """
    temporary = parse_temporary(name)
    return (
        temporary is not None
        and (modified <= now - grace or modified > now + _FUTURE_SECONDS)
        and not may_be_writing(temporary.pid, modified)
    )
