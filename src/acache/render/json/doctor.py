"""The JSON document of ``acache doctor``."""

from __future__ import annotations

from collections.abc import Iterable

from acache.operations.doctor.check import Check
from acache.render.json.document import document, text


def doctor_document(checks: Iterable[Check]) -> str:
    """Write the result of every check."""
    found = [
        {
            "id": check.id,
            "status": check.status,
            "message": text(check.message),
            "fix": None if check.fix is None else text(check.fix),
        }
        for check in checks
    ]
    return document("doctor", {"checks": found})
