"""The JSON document of ``acache run``."""

from __future__ import annotations

from typing import Any

from acache.operations.run.savings import FunctionSavings, RunReport
from acache.render.json.document import document, text
from acache.render.json.why import explained

_FIELDS = (
    *("hits", "misses", "hash_seconds", "load_seconds", "compute_seconds", "store_seconds"),
    *("saved_seconds", "bytes_loaded", "bytes_stored"),
)


def run_document(report: RunReport) -> str:
    """Write what caching did in a run."""
    content: dict[str, Any] = {
        "command": [text(word) for word in report.command],
        "exit_code": report.exit_code,
        "level": report.level,
        "wall_seconds": report.wall_seconds,
        "functions": [_function(row) for row in report.functions],
        "warnings": [*report.warnings],
    }
    if report.why is not None:
        content["why"] = explained(report.why)
    return document("run", content)


def _function(row: FunctionSavings) -> dict[str, Any]:
    calls = row.calls
    values = {**calls._asdict(), "saved_seconds": row.saved_seconds}
    return {
        "function": text(row.function),
        "level": row.level,
        "calls": calls.hits + calls.misses,
        **{name: values[name] for name in _FIELDS},
    }
