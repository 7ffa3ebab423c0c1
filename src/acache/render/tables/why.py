"""Why calls were computed, the latest first: ``acache why``."""

from __future__ import annotations

import time

from rich.console import Console, RenderableType
from rich.text import Text

from acache.operations.why.explanation import Miss, WhyReport
from acache.render.durations import duration
from acache.render.tables.layout import console, pairs, plural, write
from acache.store.ids import entry_id
from acache.system.text import printable

_SHORT_HASH = 8  # digits


def print_misses(report: WhyReport, out: Console | None = None, *, most: int | None = None) -> None:
    """Print each miss with its reason, what differs, and what to do; then how many there were.

    Parameters
    ----------
    report : WhyReport
    out : Console, optional
        Where to print; on stdout by default.
    most : int > 0, optional
        How many misses to print, the latest ones.
    """
    out = out or console()
    now = time.time()
    parts: list[RenderableType] = []
    printed = report.misses[:most]
    for miss in printed:
        parts += [_heading(miss, now), pairs(_lines(miss)), ""]
    if not report.misses:
        parts.append("no misses")
    shown = len(printed)
    missed = len(report.misses) + report.left_out
    total = f"{plural(report.calls, 'call') or 'no calls'}, {plural(missed, 'miss', 'misses')}"
    if shown < missed:
        total += f"; the latest {shown} are shown, acache why --all shows all"
    if missed:
        parts.append(pairs([("total", total)]))
    write(out, *parts)


def _heading(miss: Miss, now: float) -> Text:
    name = printable(entry_id(miss.function.replace(".", "/"), miss.hash[:_SHORT_HASH]))
    heading = Text(name, style="bold", overflow="fold")
    heading.append(f"  {duration(max(now - miss.time, 0))} ago", style="dim")
    return heading


def _lines(miss: Miss) -> list[tuple[str, str]]:
    lines = [(miss.reason, printable(miss.message))]
    if miss.nearest is not None:
        lines.append(("nearest", printable(miss.nearest[: -32 + _SHORT_HASH])))
    same = [change.name for change in miss.arguments if change.same]
    if miss.reason == "argument" and same:
        lines.append(("same", printable(", ".join(same))))
    if miss.fix is not None:
        lines.append(("fix", printable(miss.fix)))
    return lines
