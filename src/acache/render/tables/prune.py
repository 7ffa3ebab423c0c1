"""What ``acache prune`` would evict, and what stays."""

from __future__ import annotations

from rich.text import Text

from acache.operations.clear import Plan
from acache.render.tables.clear import plan_summary, plan_table
from acache.render.tables.layout import amount, console, pairs, write


def print_plan(plan: Plan) -> None:
    """Print what would be evicted, per function, and how much stays."""
    out = console()
    kept = amount(plan.kept) if plan.kept.entries else ""
    if plan.is_empty:
        write(out, Text(f"nothing to remove{kept and f'; keep {kept}'}"))
    else:
        keep = [("keep", kept)] if kept else []
        write(out, *plan_table(plan, out), pairs([*plan_summary(plan), *keep]))
