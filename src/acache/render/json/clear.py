"""The JSON document of ``acache clear`` and of every other command that deletes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acache.operations.clear import Plan
from acache.operations.execute import Failure, Outcome
from acache.render.json.document import amount, document, text
from acache.store.totals import Tally


def deletion_document(
    kind: str,
    plan: Plan,
    outcome: Outcome | None,
    failed: Iterable[Failure],
    *,
    warnings: Iterable[str],
    findings: dict[str, Any],
) -> str:
    """Write a plan and its outcome, None for a dry run; `findings` says why, and goes first."""
    content = {
        **findings,
        "dry_run": outcome is None,
        "planned": amount(plan.total),
        "removed": amount(Tally().totals() if outcome is None else outcome.removed),
        "functions": [{"function": text(row.function), **amount(row.totals)} for row in plan.rows],
        "leftovers": (plan.leftover_usage if outcome is None else outcome.leftovers)._asdict(),
        "failed": [{"id": text(failure.id), "error": failure.error} for failure in failed],
        "warnings": [*warnings],
    }
    return document(kind, content)
