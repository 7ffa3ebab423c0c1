"""The stores below some folders, the largest first: ``acache find``."""

from __future__ import annotations

import time

from rich.text import Text

from acache.operations.find import FindReport, FoundStore
from acache.render.durations import duration
from acache.render.tables.layout import (
    GAP,
    amount,
    console,
    pairs,
    plural,
    room_of,
    write,
)
from acache.system.text import quoted, size_text


def print_stores(report: FindReport) -> None:
    """Print a line for each store, which ends in its location: that is never cut."""
    out = console()
    if not report.stores:
        write(out, "no joblib caches found")
        return
    titles = ("functions", "entries", "disk", "unused")
    rows = [_cells(one) for one in report.stores]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    lines = [
        "".join(f"{cell:>{width}}{'':{GAP}}" for cell, width in zip(row, widths, strict=True))
        for row in (titles, *rows)
    ]
    parts = [Text(f"{lines[0]}location", style="bold", no_wrap=True)]
    for line, one in zip(lines[1:], report.stores, strict=True):
        parts.append(Text(line + quoted(one.location), no_wrap=True))
    count = plural(len(report.stores), "cache")
    write(out, *parts, "", pairs([("total", f"{count}, {amount(report.total)}")]))


def _cells(one: FoundStore) -> tuple[str, str, str, str]:
    last = one.totals.last_access
    return (
        f"{one.functions:,}",
        f"{one.totals.entries:,}",
        size_text(room_of(one.totals)),
        "-" if last is None else duration(max(time.time() - last, 0)),
    )
