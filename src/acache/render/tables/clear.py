"""Plans to delete, and what became of them."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from acache.operations.clear import Plan
from acache.operations.execute import Outcome
from acache.render.durations import duration
from acache.render.tables.layout import (
    amount,
    console,
    count,
    leftovers,
    pairs,
    room,
    show,
    size,
    table,
)
from acache.system.text import printable


def plan(found: Plan) -> None:
    """Print what is to be deleted, per function."""
    out = console()
    rows = [(row.function, row.totals) for row in found.rows]
    parts: list[RenderableType] = []
    if rows:
        columns = {"function": [printable(name) for name, _ in rows]}
        columns["entries"] = [count(totals.entries) for _, totals in rows]
        columns["size"] = [size(totals.size_bytes) for _, totals in rows]
        if found.total.disk_bytes is not None:
            columns["disk"] = [size(totals.disk_bytes or 0) for _, totals in rows]
        if found.total.compute_seconds is not None:
            seconds = [totals.compute_seconds for _, totals in rows]
            columns["compute"] = ["-" if s is None else duration(s) for s in seconds]
        parts += [table(out, columns), ""]
    show(out, *parts, pairs(_plan_summary(found)))


def _plan_summary(found: Plan) -> list[tuple[str, str]]:
    total = found.total
    lines = []
    if total.entries:
        what = f"{amount(total)}"
        if total.compute_seconds is not None:
            what += f"; to compute again: {duration(total.compute_seconds)}, at most"
        lines.append(("to go", what))
    if found.leftovers:
        lines.append(("leftovers", _leftovers(found)))
    if found.kept.entries:
        lines.append(("to stay", amount(found.kept)))
    return lines


def outcome(found: Outcome) -> None:
    """Print what was removed."""
    out = console()
    left = found.leftovers
    text = f"removed {amount(found.removed)}"
    if left.size_bytes or left.inodes:
        text += f", and {room(left.size_bytes, left.disk_bytes)} of leftovers"
    show(out, Text(text))


def nothing(found: Plan) -> None:
    """Print that there is nothing to do."""
    text = "nothing to remove"
    if found.kept.entries:
        text += f"; {amount(found.kept)} to stay"
    show(console(), Text(text))


def question(found: Plan) -> str:
    """Ask whether to carry out a plan."""
    what = [amount(found.total)] if found.total.entries else []
    if found.leftovers:
        what.append(_leftovers(found))
    return f"Remove {' and '.join(what)}?"


def _leftovers(found: Plan) -> str:
    folders = sum(one.kind == "folder" for one in found.leftovers)
    return leftovers(len(found.leftovers) - folders, folders, found.leftover_usage)
