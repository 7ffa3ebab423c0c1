"""Entries, one by one: ``acache ls``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from rich.text import Text

from acache.operations.ls import Listed, Listing
from acache.render.durations import duration
from acache.render.tables.layout import (
    GAP,
    NARROWEST_NAME,
    amount,
    console,
    cut,
    level_text,
    pairs,
    seconds_text,
    tail,
    write,
)
from acache.store.ids import entry_id
from acache.system.text import printable, size_text

# Fixed widths, as each line is printed before the next one is known.
_WIDTHS = {"level": 5, "size": 8, "disk": 8, "age": 7, "unused": 7, "compute": 7}
_DROPPED = ("size", "age", "compute", "unused", "disk", "level")
_NAME = 35  # columns for an id, before other columns are left out
_SORTED = {"size": "size", "created": "age", "used": "unused", "time": "compute", "disk": "disk"}
_SHORT_HASH = 8  # digits; two entries of one function hardly ever share them
_INDENT = 7
_BLOCK = 500  # rows that are compared before they are printed


def print_listing(listing: Listing, *, sort: str | None, arguments: bool) -> None:
    """Print entries as they come, a line each; the last parts of an id are enough to name it."""
    out = console()
    columns = _WIDTHS.copy()
    for title in _DROPPED:
        if out.width >= sum(columns.values()) + GAP * len(columns) + _NAME:
            break
        if title != _SORTED.get(sort or ""):
            columns.pop(title)
    used = sum(columns.values()) + GAP * len(columns)
    now = time.time()
    shown = 0
    for row in _differing_first(listing) if arguments else listing:
        if not shown:
            heading = "".join(f"{t:>{w}}{'':{GAP}}" for t, w in columns.items())
            write(out, Text(f"{heading}entry", style="bold"))
        cells = _cells(row, now)
        values = "".join(f"{cells[title]:>{width}}{'':{GAP}}" for title, width in columns.items())
        name = printable(entry_id(row.entry.function, row.entry.hash[:_SHORT_HASH]))
        line = values + tail(out, name, max(out.width - used, NARROWEST_NAME))
        out.file.write(line.rstrip() + "\n")
        if row.arguments:
            out.file.write(_arguments(row.arguments, out.width) + "\n")
        shown += 1
    if shown:
        total = amount(listing.total)
        if shown < listing.total.entries:
            total += f"; {shown:,} shown"
        write(out, "", pairs([("total", total)]))


def _differing_first(listing: Iterable[Listed]) -> Iterator[Listed]:
    """Move arguments that differ between the calls of a function to the front, as lines are cut."""
    rows = iter(listing)
    while block := [*islice(rows, _BLOCK)]:
        values: dict[tuple[str, str], set[str]] = {}
        for row in block:
            for name, text in (row.arguments or {}).items():
                values.setdefault((row.entry.function, name), set()).add(text)
        for row in block:
            given = row.arguments or {}
            same = [name for name in given if len(values[row.entry.function, name]) == 1]
            names = [name for name in given if name not in same] + same
            yield row._replace(arguments={name: given[name] for name in names})


def _cells(row: Listed, now: float) -> dict[str, str]:
    entry = row.entry
    return {
        "level": level_text(row.level),
        "size": size_text(entry.size_bytes),
        "disk": "-" if entry.disk_bytes is None else size_text(entry.disk_bytes),
        "age": duration(max(now - entry.created, 0)),
        "unused": "-" if entry.last_access is None else duration(max(now - entry.last_access, 0)),
        "compute": seconds_text(entry.compute_seconds),
    }


def _arguments(arguments: dict[str, str], width: int) -> str:
    """Format the arguments of a call on a line of their own."""
    text = ", ".join(f"{name}={' '.join(value.split())}" for name, value in arguments.items())
    return " " * _INDENT + cut(printable(text), width - _INDENT)
