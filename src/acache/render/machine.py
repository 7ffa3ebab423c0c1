"""Reports as JSON documents. Keys, order and units are part of what users rely on."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from acache.config import Config
from acache.records import Usage
from acache.report import StatsReport, Totals

SCHEMA = 1


def stats(report: StatsReport, config: Config, *, by_module: bool = False) -> str:
    """Write a stats report as one JSON document."""
    document: dict[str, Any] = {
        "location": report.location,
        "store": report.store,
        "exists": report.exists,
        "level": config.level,
        "total": totals(report.total),
        "levels": [
            {"level": row.level, "functions": row.functions, **totals(row.totals)}
            for row in report.levels
        ],
        "functions": [
            {"function": row.function, "level": row.level, **totals(row.totals)}
            for row in report.functions
        ],
    }
    if by_module:
        document["modules"] = [
            {"module": row.module, "functions": row.functions, **totals(row.totals)}
            for row in report.modules
        ]
    document |= {
        "leftovers": {
            "files": report.leftovers.files,
            "folders": report.leftovers.folders,
            **usage(report.leftovers.usage),
        },
        "other": usage(report.other),
        "disk": usage(report.disk),
        "warnings": [*config.warnings(), *report.warnings],
    }
    return _document("stats", document)


def config(configuration: Config) -> str:
    """Write the settings as one JSON document."""
    settings = [
        {
            "name": setting.name,
            "variable": setting.variable,
            "value": setting.value,
            "origin": setting.origin,
            "raw": setting.raw,
            "effect": setting.effect,
            "ok": setting.ok,
        }
        for setting in configuration.settings
    ]
    return _document("config", {"settings": settings})


def totals(value: Totals) -> dict[str, Any]:
    """Name what a number of entries amounts to."""
    return {
        "entries": value.entries,
        "size_bytes": value.size_bytes,
        "disk_bytes": value.disk_bytes,
        "inodes": value.inodes,
        "compute_seconds": value.compute_seconds,
        "oldest": iso(value.oldest),
        "newest": iso(value.newest),
        "last_access": iso(value.last_access),
    }


def usage(value: Usage) -> dict[str, Any]:
    """Name the room on disk."""
    return value._asdict()


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


def _document(kind: str, content: dict[str, Any]) -> str:
    # ASCII alone: a function's name may hold what the terminal's encoding lacks.
    return json.dumps({"schema": SCHEMA, "kind": kind, **content}, indent=2, allow_nan=False)
