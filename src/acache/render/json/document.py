"""What all JSON documents share. Keys, order and units are part of what users rely on."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

from acache.store.totals import Totals
from acache.system.text import printable

SCHEMA = 1
_SURROGATE = re.compile("[\ud800-\udfff]")  # as os.fsdecode makes them of bytes that are no text


def document(kind: str, content: dict[str, Any]) -> str:
    """Write one JSON document, in ASCII: a name may hold what the terminal's encoding lacks."""
    return json.dumps({"schema": SCHEMA, "kind": kind, **content}, indent=2, allow_nan=False)


def text(name: str) -> str:
    """Escape bytes that are no text, which JSON cannot hold."""
    return name if name.isascii() or not _SURROGATE.search(name) else printable(name)


def amount(totals: Totals) -> dict[str, Any]:
    """Return what some entries free, and what computing them again costs."""
    keys = ("entries", "size_bytes", "disk_bytes", "compute_seconds")
    return {key: getattr(totals, key) for key in keys}


def totals(value: Totals) -> dict[str, Any]:
    """Return the totals of some entries."""
    moments = {key: iso(getattr(value, key)) for key in ("oldest", "newest", "last_access")}
    return {**value._asdict(), **moments}


def iso(seconds: float | None) -> str | None:
    """Write a time as ISO 8601 in UTC, to the microsecond.

    Parameters
    ----------
    seconds : float or None
        Unix seconds.

    Examples
    --------
    >>> iso(0)
    '1970-01-01T00:00:00.000000Z'
    """
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):  # a file system can hold any number
        moment = datetime.max if seconds > 0 else datetime.min
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
