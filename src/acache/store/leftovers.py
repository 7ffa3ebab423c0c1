"""When a leftover may be removed: its grace, and the process that may still be writing it."""

from __future__ import annotations

from collections.abc import Mapping

from acache.store.format import OUTPUT, parse_temporary
from acache.store.model import Leftover
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


def has_failed(temporaries: Mapping[str, Leftover], recorded: float) -> bool:
    """Return whether joblib failed to store the result of an entry folder without one.

    After a write that fails, as the result cannot be pickled for instance, joblib leaves the
    temporary file, records the metadata all the same, and computes again at the next call.

    Parameters
    ----------
    temporaries : mapping of str to Leftover
        The temporary files in the folder, by name.
    recorded : float
        When ``metadata.json`` was written, Unix seconds.
    """
    named = {name: parse_temporary(name) for name in temporaries}
    writes = [
        temporaries[name].modified <= recorded
        and not may_be_writing(temporary.pid, temporaries[name].modified)
        for name, temporary in named.items()
        if temporary is not None and temporary.target == OUTPUT
    ]
    return bool(writes) and all(writes)
