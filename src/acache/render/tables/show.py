"""All about one entry or one function: ``acache show``."""

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
from acache.operations.show import EntryDetails, FunctionDetails, Value
from acache.render.durations import duration
from acache.render.tables.layout import (
    GAP,
    NARROWEST_NAME,
    amount,
    console,
    cut,
    level_text,
    pairs,
    room,
    write,
)
from acache.sources.staleness import MEANING
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.system.text import printable, size_text


def print_details(details: EntryDetails | FunctionDetails, out: Console | None = None) -> None:
    """Print all about an entry or a function, by default to stdout."""
    out = console() if out is None else out
    if isinstance(details, EntryDetails):
        _print_entry(out, details)
    else:
        _print_function(out, details)


def _print_entry(out: Console, details: EntryDetails) -> None:
    row = details.listed
    entry = row.entry
    seconds = entry.compute_seconds
    facts = [
        ("level", level_text(row.level)),
        ("size", f"{size_text(entry.size_bytes)}, {room(entry)}"),
        ("written", _moment(entry.created)),
        ("last used", "not known" if entry.last_access is None else _moment(entry.last_access)),
        ("compute", "not recorded" if seconds is None else f"{duration(seconds)}, with storing"),
    ]
    if details.source_state in ("changed", "gone"):
        facts.append(("source", MEANING[details.source_state]))
    write(out, _title(entry_id(entry.function, entry.hash)), pairs(facts))
    if row.arguments is not None:
        arguments = [(printable(name), readable(text)) for name, text in row.arguments.items()]
        write(out, "", _heading("arguments"), _cut_pairs(out, arguments or [("none", "")]))
    if details.value is not None:
        compression = details.value.compression
        how = "not compressed" if compression is None else f"compressed with {compression}"
        outline = _outline(out, details.value)
        write(out, "", _heading("value"), *outline, Text(f"  {how}", style="dim"))


def _print_function(out: Console, details: FunctionDetails) -> None:
    totals = details.totals
    facts = [("level", level_text(details.level)), ("entries", amount(totals))]
    if totals.entries:
        seconds = totals.compute_seconds
        again = "not known" if seconds is None else f"at most {duration(seconds)} to compute again"
        facts.append(("compute", again))
    moments = {"oldest": totals.oldest, "newest": totals.newest, "last used": totals.last_access}
    facts += [(name, _moment(moment)) for name, moment in moments.items() if moment is not None]
    if details.source is not None:
        facts.append(("source", MEANING[details.comparison.state]))
    write(out, _title(dotted(details.function)), pairs(facts))
    if details.source is None:
        write(out, "", Text("no source is stored"))
        return
    write(out, "", _heading("source"))
    _write_lines(out, details.source.splitlines())
    if details.comparison.installed is not None:
        write(out, "", _heading("stored (-) and installed (+)"))
        _write_lines(out, _difference(details.source, details.comparison.installed))


def _difference(stored: str, installed: str) -> list[str]:
    import difflib

    found = difflib.unified_diff(stored.splitlines(), installed.splitlines(), n=2, lineterm="")
    return list(found)[2:]  # after the names of files


def _write_lines(out: Console, lines: Iterable[str]) -> None:
    for line in lines:
        out.file.write(f"  {printable(line.expandtabs())}".rstrip() + "\n")


def _title(name: str) -> Text:
    return Text(printable(name), style="bold", overflow="fold")


def _heading(name: str) -> Text:
    return Text(name, style="bold underline")


def _cut_pairs(out: Console, lines: Sequence[tuple[str, str]]) -> Table:
    """Make a table of names and long texts, each shortened to its line."""
    widest = max(cell_len(name) for name, _ in lines)
    most = max(out.width - widest - 2 * GAP, NARROWEST_NAME)
    return pairs([(f"  {name}", cut(printable(text), most)) for name, text in lines])


def _outline(out: Console, value: Value) -> Iterator[Text]:
    for line in value.lines:
        size = "" if line.size_bytes is None else f"  {size_text(line.size_bytes)}"
        indent = GAP * (line.depth + 1)
        most = max(out.width - indent - len(size), NARROWEST_NAME)
        yield Text(" " * indent + cut(printable(line.text), most) + size)


def _moment(seconds: float) -> str:
    """Format a moment in local time, and how long ago it was."""
    try:
        moment = datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, ValueError, OSError):  # a file system can hold any number
        return "at an impossible time"
    ago = humanize.naturaltime(max(time.time() - seconds, 0))
    return f"{moment:%Y-%m-%d %H:%M:%S %z}, {ago}"
