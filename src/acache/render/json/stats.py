"""The JSON document of ``acache stats``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acache.config.settings import Config
from acache.operations.call_totals import CallRow
from acache.operations.stats import Leftovers, StatsReport
from acache.render.json.document import document, text, totals


def stats_document(
    report: StatsReport,
    config: Config,
    *,
    by_module: bool = False,
    calls: Sequence[CallRow] | None = None,
) -> str:
    """Write what a store holds, and what its logged calls saved."""
    content: dict[str, Any] = {
        "location": report.location,
        "store": report.store,
        "exists": report.exists,
        "level": config.level.value,
        "total": totals(report.total),
        "levels": [
            {
                "level": row.level,
                "functions": row.functions,
                **totals(row.totals),
                **_added([one for one in calls or () if one.level == row.level], calls),
            }
            for row in report.levels
        ],
        "functions": [
            {
                "function": text(row.function),
                "level": row.level,
                **totals(row.totals),
                "source_state": row.source_state,
                **_added(
                    [one for one in calls or () if one.totals.function == row.function], calls
                ),
            }
            for row in report.functions
        ],
    }
    if by_module:
        content["modules"] = [
            {"module": text(row.module), "functions": row.functions, **totals(row.totals)}
            for row in report.modules
        ]
    if calls is not None:
        content["calls"] = [_calls(row) for row in calls]
    content |= {
        "leftovers": {**_leftovers(report.leftovers), "in_flight": _leftovers(report.in_flight)},
        "other": report.other._asdict(),
        "disk": report.disk._asdict(),
        "warnings": [*config.warnings(), *report.warnings],
    }
    return document("stats", content)


def _leftovers(value: Leftovers) -> dict[str, Any]:
    return {"files": value.files, "folders": value.folders, **value.usage._asdict()}


def _added(rows: Sequence[CallRow], calls: Sequence[CallRow] | None) -> dict[str, Any]:
    """Return the sums of logged calls; nothing where they were not asked for."""
    if calls is None:
        return {}
    keys = ("calls", "hits", "misses", "saved_seconds")
    return {key: sum(getattr(row.totals, key) for row in rows) for key in keys}


def _calls(row: CallRow) -> dict[str, Any]:
    return {
        "function": text(row.totals.function),
        "level": row.level,
        **_added([row], [row]),
    }
