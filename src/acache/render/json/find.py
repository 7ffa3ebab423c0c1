"""The JSON document of ``acache find``."""

from __future__ import annotations

from acache.operations.find import FindReport
from acache.render.json.document import document, text, totals


def find_document(report: FindReport) -> str:
    """Write the stores that were found."""
    stores = [
        {
            "location": text(one.location),
            "store": text(one.store),
            "functions": one.functions,
            **totals(one.totals),
        }
        for one in report.stores
    ]
    content = {"stores": stores, "total": totals(report.total), "warnings": [*report.warnings]}
    return document("find", content)
