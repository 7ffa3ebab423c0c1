"""The JSON document of ``acache stats``."""

from __future__ import annotations

from typing import Any

from acache.config.settings import Config
from acache.operations.stats import Leftovers, StatsReport
from acache.render.json.document import document, text, totals


def stats_document(report: StatsReport, config: Config, *, by_module: bool = False) -> str:
    """Write what a store holds."""
    content: dict[str, Any] = {
        "location": report.location,
        "store": report.store,
        "exists": report.exists,
        "level": config.level.value,
        "total": totals(report.total),
        "levels": [
            {"level": row.level, "functions": row.functions, **totals(row.totals)}
            for row in report.levels
        ],
        "functions": [
            {
                "function": text(row.function),
                "level": row.level,
                **totals(row.totals),
                "source_state": row.source_state,
            }
            for row in report.functions
        ],
    }
    if by_module:
        content["modules"] = [
            {"module": text(row.module), "functions": row.functions, **totals(row.totals)}
            for row in report.modules
        ]
    content |= {
        "leftovers": {**_leftovers(report.leftovers), "in_flight": _leftovers(report.in_flight)},
        "other": report.other._asdict(),
        "disk": report.disk._asdict(),
        "warnings": [*config.warnings(), *report.warnings],
    }
    return document("stats", content)


def _leftovers(value: Leftovers) -> dict[str, Any]:
    return {"files": value.files, "folders": value.folders, **value.usage._asdict()}
