"""The JSON document of ``acache simulate``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acache.operations.simulate.passes import Point
from acache.operations.simulate.simulation import SimulateReport
from acache.render.json.document import document


def simulate_document(report: SimulateReport, warnings: Sequence[str]) -> str:
    """Write what caches of several sizes would have saved."""
    unlimited = report.unlimited
    content: dict[str, Any] = {
        "calls": report.calls,
        "distinct": report.distinct,
        "span_seconds": report.span_seconds,
        "unlimited": {
            "size_bytes": unlimited.size_bytes,
            "hit_rate": unlimited.hit_rate,
            "saved_seconds": unlimited.saved_seconds,
        },
        "policies": [
            {"policy": policy, "points": [_point(point) for point in points]}
            for policy, points in report.policies.items()
        ],
        "recommended": None if report.recommended is None else report.recommended._asdict(),
        "warnings": [*warnings],
    }
    return document("simulate", content)


def _point(point: Point) -> dict[str, Any]:
    return point._asdict()
