"""The JSON document of ``acache why``."""

from __future__ import annotations

from typing import Any

from acache.operations.why.explanation import Miss, WhyReport
from acache.render.json.document import document, iso, text


def why_document(report: WhyReport) -> str:
    """Write the misses, the latest first."""
    return document("why", explained(report))


def explained(report: WhyReport) -> dict[str, Any]:
    """Return the misses as JSON, the latest first."""
    return {
        "calls": report.calls,
        "misses": [_miss(miss) for miss in report.misses],
        "left_out": report.left_out,
    }


def _miss(miss: Miss) -> dict[str, Any]:
    return {
        "time": iso(miss.time),
        "function": text(miss.function),
        "hash": miss.hash,
        "reason": miss.reason,
        "nearest": None if miss.nearest is None else text(miss.nearest),
        "arguments": [
            {
                "name": text(change.name),
                "same": change.same,
                "now": text(change.now),
                "then": None if change.then is None else text(change.then),
            }
            for change in miss.arguments
        ],
        "message": text(miss.message),
        "fix": None if miss.fix is None else text(miss.fix),
    }
