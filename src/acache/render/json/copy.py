"""The JSON document of ``acache copy``."""

from __future__ import annotations

from collections.abc import Iterable

from acache.operations.copy import CopyReport, NotCopied
from acache.render.json.document import document, text


def copy_document(report: CopyReport, *, dry_run: bool, warnings: Iterable[str]) -> str:
    """Write what was copied, or would be, and what was not."""
    content = {
        "dry_run": dry_run,
        "source": text(report.source.location),
        "target": text(report.target.location),
        "copied": {"entries": report.copied, "size_bytes": report.size_bytes},
        "present": report.present,
        "functions": [{**row._asdict(), "function": text(row.function)} for row in report.rows],
        "left_out": [_reason("function", one) for one in report.left_out],
        "refused": [_reason("id", one) for one in report.refused],
        "failed": [{"id": text(one.id), "error": one.reason} for one in report.failed],
        "interrupted": report.interrupted,
        "warnings": [*warnings],
    }
    return document("copy", content)


def _reason(key: str, one: NotCopied) -> dict[str, str]:
    return {key: text(one.id), "reason": one.reason}
