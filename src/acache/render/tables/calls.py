"""Logged calls, per function and level: ``acache stats --calls``."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType

from acache.operations.call_totals import CallRow
from acache.render.durations import duration
from acache.render.tables.layout import console, level_text, pairs, plural, table, write
from acache.system.text import printable


def print_calls(rows: Sequence[CallRow]) -> None:
    """Print calls, hits and seconds saved; functions whose hits cost time are red, and counted."""
    out = console()
    parts: list[RenderableType] = [""]
    levels = sorted({row.level for row in rows}, key=lambda level: (level is None, level or 0))
    by_level = [[row for row in rows if row.level == level] for level in levels]
    if rows:
        names = {"level": [level_text(level) for level in levels]}
        parts += [table(out, {**names, **_columns(by_level)}), ""]
    parts += [_functions(out, rows), "", pairs(_summary(rows))]
    write(out, *parts)


def _functions(out: Console, rows: Sequence[CallRow]) -> RenderableType:
    columns = {
        "function": [printable(row.totals.function) for row in rows],
        "level": [level_text(row.level) for row in rows],
        **_columns([[row] for row in rows]),
    }
    styles = ["red" if row.totals.costs else "" for row in rows]
    return table(out, columns, drop=("calls", "level", "misses"), styles=styles)


def _columns(groups: Sequence[Sequence[CallRow]]) -> dict[str, list[str]]:
    hits = [sum(row.totals.hits for row in group) for group in groups]
    calls = [sum(row.totals.calls for row in group) for group in groups]
    saved = [sum(row.totals.saved_seconds for row in group) for group in groups]
    pairs = list(zip(hits, calls, strict=True))
    return {
        "calls": [f"{count:,}" for count in calls],
        "hits": [f"{count:,}" for count in hits],
        "misses": [f"{count - hit:,}" for hit, count in pairs],
        "rate": [f"{hit / count:.0%}" for hit, count in pairs],
        "saved": [f"-{duration(-one)}" if one < 0 else duration(one) for one in saved],
    }


def _summary(rows: Sequence[CallRow]) -> list[tuple[str, str]]:
    calls = sum(row.totals.calls for row in rows)
    hits = sum(row.totals.hits for row in rows)
    rate = f", {hits / calls:.0%} hits" if calls else ""
    lines = [("calls", f"{plural(calls, 'call') or 'no calls'}{rate}; acache why shows the misses")]
    costly = sum(row.totals.costs for row in rows)
    if costly:
        functions = plural(costly, "function takes", "functions take")
        lines.append(("costly", f"{functions} longer to load than to compute"))
    return lines
