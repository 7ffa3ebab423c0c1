"""Entries, one by one."""

from __future__ import annotations

import time

from rich.text import Text

from acache.listing import Listed, Listing
from acache.names import entry_id, printable
from acache.render.human.page import (
    GAP,
    NARROWEST_NAME,
    amount,
    console,
    level,
    pairs,
    show,
    size,
    tail,
)
from acache.render.plain import duration
from acache.totals import Totals

# Of the columns of a listing, which prints each line before it knows the next.
_LIST_WIDTHS = {"level": 5, "size": 8, "disk": 8, "age": 7, "unused": 7, "compute": 7}
_LIST_NAME = 35  # columns for an id, before other columns are left out
_SORTED_COLUMN = {
    "size": "size",
    "created": "age",
    "used": "unused",
    "time": "compute",
    "disk": "disk",
}
_SHORT_HASH = 8  # digits; within one function hardly ever two entries share them
_INDENT = 7


def listing(found: Listing, *, sort: str | None) -> None:
    """Print entries, a line each, as they come: the id's last parts are enough to name one."""
    out = console()
    columns = _LIST_WIDTHS.copy()
    for title in ("size", "age", "compute", "unused", "disk", "level"):
        if out.width >= sum(columns.values()) + GAP * len(columns) + _LIST_NAME:
            break
        if title != _SORTED_COLUMN.get(sort or ""):
            columns.pop(title)
    used = sum(columns.values()) + GAP * len(columns)
    now = time.time()
    shown = 0
    for row in found:
        if not shown:
            heading = "".join(f"{t:>{w}}{'':{GAP}}" for t, w in columns.items())
            show(out, Text(f"{heading}entry", style="bold"))
        cells = _cells(row, now)
        values = "".join(f"{cells[title]:>{width}}{'':{GAP}}" for title, width in columns.items())
        name = printable(entry_id(row.entry.function, row.entry.hash[:_SHORT_HASH]))
        line = values + tail(out, name, max(out.width - used, NARROWEST_NAME))
        out.file.write(line.rstrip() + "\n")
        if row.arguments:
            out.file.write(_arguments(row.arguments, out.width) + "\n")
        shown += 1
    if shown:
        show(out, "", pairs([("total", _listed_total(found.total, shown))]))


def _cells(row: Listed, now: float) -> dict[str, str]:
    entry = row.entry
    seconds = entry.compute_seconds
    return {
        "level": level(row.level),
        "size": size(entry.size_bytes),
        "disk": "-" if entry.disk_bytes is None else size(entry.disk_bytes),
        "age": duration(max(now - entry.created, 0)),
        "unused": duration(max(now - entry.last_access, 0)),
        "compute": "-" if seconds is None else duration(seconds),
    }


def _arguments(arguments: dict[str, str], width: int) -> str:
    """Show the arguments of a call on a line of their own."""
    text = ", ".join(f"{name}={' '.join(value.split())}" for name, value in arguments.items())
    text = printable(text)
    room = width - _INDENT
    return " " * _INDENT + (text if len(text) <= room else text[: room - 3] + "...")


def _listed_total(total: Totals, shown: int) -> str:
    text = amount(total)
    return text if shown == total.entries else f"{text}; {shown:,} shown"
