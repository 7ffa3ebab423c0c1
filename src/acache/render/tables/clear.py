"""What a command would delete, and what it has deleted: ``acache clear`` and others."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.text import Text

from acache.operations.clear import Plan
from acache.operations.execute import Outcome
from acache.render.durations import duration
from acache.render.tables.layout import (
    amount,
    console,
    first_rows,
    left_out,
    leftovers,
    pairs,
    room,
    table,
    totals_columns,
    write,
)
from acache.system.text import printable


def print_plan(plan: Plan, out: Console | None = None) -> None:
    """Print what would be deleted, per function; by default to stdout."""
    out = console() if out is None else out
    if plan.is_empty:
        write(out, Text("nothing to remove"))
    else:
        write(out, *plan_table(plan, out), pairs(plan_summary(plan)))


def plan_table(plan: Plan, out: Console) -> list[RenderableType]:
    """Make the table of functions; nothing if no entry would be deleted."""
    if not plan.rows:
        return []
    rows = first_rows(out, plan.rows)
    columns = {"function": [printable(row.function) for row in rows]}
    columns |= totals_columns([row.totals for row in rows])
    return [table(out, columns), *left_out(len(plan.rows) - len(rows)), ""]


def plan_summary(plan: Plan) -> list[tuple[str, str]]:
    """Sum up what would be deleted."""
    total = plan.total
    lines = []
    if total.entries:
        what = amount(total)
        if total.compute_seconds is not None:
            what += f"; at most {duration(total.compute_seconds)} to compute again"
        lines.append(("remove", what))
    if plan.leftovers:
        lines.append(("leftovers", _leftovers(plan)))
    return lines


def print_outcome(outcome: Outcome) -> None:
    """Print what was deleted."""
    write(console(), Text(outcome_line(outcome)))


def outcome_line(outcome: Outcome) -> str:
    """Format what was deleted."""
    text = f"removed {amount(outcome.removed)}"
    if outcome.leftovers.size_bytes or outcome.leftovers.inodes:
        text += f", and {room(outcome.leftovers)} of leftovers"
    return text


def question(plan: Plan) -> str:
    """Return what to ask before a plan is carried out."""
    what = [amount(plan.total)] if plan.total.entries else []
    if plan.leftovers:
        what.append(_leftovers(plan))
    return f"Remove {' and '.join(what)}?"


def _leftovers(plan: Plan) -> str:
    folders = sum(one.kind == "folder" for one in plan.leftovers)
    return leftovers(len(plan.leftovers) - folders, folders, plan.leftover_usage)
