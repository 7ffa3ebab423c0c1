"""The JSON document of ``acache report``: where the page is, which holds all else."""

from __future__ import annotations

from acache.operations.report import StoreReport
from acache.render.json.document import document, text


def report_document(report: StoreReport, file: str, size_bytes: int) -> str:
    """Write where a page was written, its size, and what it shows in numbers."""
    checked = report.verification
    content = {
        "file": text(file),
        "size_bytes": size_bytes,
        "entries": report.stats.total.entries,
        "checks": {
            status: sum(check.status == status for check in report.checks)
            for status in ("ok", "warning", "problem")
        },
        "problems": None if checked is None else checked.problems,
        "warnings": [*map(text, report.warnings)],
    }
    return document("report", content)
