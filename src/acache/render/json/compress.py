"""The JSON document of ``acache compress``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acache.operations.compress import CompressReport, CompressRow
from acache.render.json.document import document, text


def compress_document(report: CompressReport, *, dry_run: bool, warnings: Iterable[str]) -> str:
    """Write what was compressed, or would be, and what was kept."""
    content = {
        "dry_run": dry_run,
        "method": report.method,
        **_amounts(report.total),
        "functions": [{"function": text(row.function), **_amounts(row)} for row in report.rows],
        "failed": [{"id": text(one.id), "error": one.reason} for one in report.failed],
        "interrupted": report.interrupted,
        "warnings": [*warnings],
    }
    return document("compress", content)


def _amounts(row: CompressRow) -> dict[str, Any]:
    return {
        "compressed": {
            "entries": row.entries,
            "before_bytes": row.before_bytes,
            "after_bytes": row.after_bytes,
        },
        "kept": {"same": row.same, "not_smaller": row.not_smaller},
    }
