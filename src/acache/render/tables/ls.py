"""Entries, one by one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import humanize
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from acache.operations.argument_text import readable
from acache.operations.ls import Listed, Listing
from acache.operations.show import EntryDetails, FunctionDetails, Value
from acache.render.durations import duration
from acache.render.tables.layout import (
    GAP,
    NARROWEST_NAME,
    amount,
    console,
    level,
    pairs,
    room,
    show,
    size,
    tail,
)
from acache.sources.staleness import MEANING
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.store.totals import Totals
from acache.system.text import printable

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
_LONGEST_TEXT = 500  # where nothing else bounds a line


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
    return " " * _INDENT + _cut(printable(text), width - _INDENT)


def _listed_total(total: Totals, shown: int) -> str:
    text = amount(total)
    return text if shown == total.entries else f"{text}; {shown:,} shown"


def entry_details(details: EntryDetails) -> None:
    """Print all about an entry."""
    out = console()
    row = details.listed
    entry = row.entry
    seconds = entry.compute_seconds
    facts = [
        ("level", level(row.level)),
        ("size", f"{size(entry.size_bytes)}, {room(entry.size_bytes, entry.disk_bytes)}"),
        ("written", _moment(entry.created)),
        ("last used", _moment(entry.last_access)),
        (
            "compute",
            "not recorded" if seconds is None else f"{duration(seconds)}, storing included",
        ),
    ]
    if details.source_state in ("changed", "gone"):
        facts.append(("source", MEANING[details.source_state]))
    show(out, _title(entry_id(entry.function, entry.hash)), pairs(facts))
    if row.arguments is not None:
        arguments = [(printable(name), readable(text)) for name, text in row.arguments.items()]
        show(out, "", _heading("arguments"), _facts(out, arguments or [("none", "")]))
    if details.value is not None:
        compression = details.value.compression
        how = "not compressed" if compression is None else f"compressed with {compression}"
        show(
            out, "", _heading("value"), *_outline(out, details.value), Text(f"  {how}", style="dim")
        )


def function_details(details: FunctionDetails) -> None:
    """Print all about a function."""
    out = console()
    totals = details.totals
    facts = [("level", level(details.level)), ("entries", amount(totals))]
    if totals.entries:
        seconds = totals.compute_seconds
        held = "not recorded" if seconds is None else f"{duration(seconds)} held, at most"
        facts.append(("compute", held))
    for name, moment in (
        ("oldest", totals.oldest),
        ("newest", totals.newest),
        ("last used", totals.last_access),
    ):
        if moment is not None:
            facts.append((name, _moment(moment)))
    if details.source is not None:
        facts.append(("source", MEANING[details.comparison.state]))
    show(out, _title(dotted(details.function)), pairs(facts))
    if details.source is None:
        show(out, "", Text("no source is stored"))
        return
    show(out, "", _heading("source"))
    _lines(out, details.source.splitlines())
    if details.comparison.installed is not None:
        show(out, "", _heading("stored (-) and installed (+)"))
        _lines(out, _difference(details.source, details.comparison.installed))


def _difference(stored: str, installed: str) -> list[str]:
    import difflib

    found = difflib.unified_diff(stored.splitlines(), installed.splitlines(), n=2, lineterm="")
    return list(found)[2:]  # after the names of files


def _lines(out: Console, lines: Iterable[str]) -> None:
    for line in lines:
        out.file.write(f"  {printable(line.expandtabs())}".rstrip() + "\n")


def _title(name: str) -> Text:
    return Text(printable(name), style="bold", overflow="fold")


def _heading(name: str) -> Text:
    return Text(name, style="bold underline")


def _facts(out: Console, lines: Sequence[tuple[str, str]]) -> Table:
    """Make a table of names and long texts, each cut to its line."""
    widest = max(cell_len(name) for name, _ in lines)
    most = max(out.width - widest - 2 * GAP, NARROWEST_NAME)
    cut = [(f"  {name}", _cut(printable(text), most)) for name, text in lines]
    return pairs(cut)


def _outline(out: Console, value: Value) -> Iterator[Text]:
    for line in value.lines:
        told = "" if line.size_bytes is None else f"  {size(line.size_bytes)}"
        indent = GAP * (line.depth + 1)
        most = max(out.width - indent - len(told), NARROWEST_NAME)
        yield Text(" " * indent + _cut(printable(line.text), most) + told)


def _cut(text: str, width: int) -> str:
    """Cut a text at its end."""
    if cell_len(text) <= min(width, _LONGEST_TEXT):
        return text
    cut = text[: min(width, _LONGEST_TEXT)]
    while cell_len(cut) > min(width, _LONGEST_TEXT) - 3:
        cut = cut[:-1]
    return f"{cut}..."


def _moment(seconds: float) -> str:
    """Show a moment in local time, and how long ago it was."""
    try:
        moment = datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, ValueError, OSError):  # a file system can hold any number
        return "at an impossible time"
    ago = humanize.naturaltime(max(time.time() - seconds, 0))
    return f"{moment:%Y-%m-%d %H:%M:%S %z}, {ago}"
