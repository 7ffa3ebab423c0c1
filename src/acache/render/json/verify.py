"""The JSON document of ``acache verify``."""

from __future__ import annotations

from typing import Any

from acache.config.settings import Config
from acache.operations.verify.store import VerifyReport
from acache.render.json.document import document, text


def verify_document(report: VerifyReport, config: Config) -> str:
    """Write what a check found."""
    warnings = [*config.warnings(), *report.warnings]
    return document("verify", {**findings(report), "warnings": warnings})


def findings(report: VerifyReport) -> dict[str, Any]:
    """Return what a check found; also the beginning of the document of a deletion."""
    return {
        "entries": report.entries,
        "problems": [{**one._asdict(), "id": text(one.id)} for one in report.findings],
    }
