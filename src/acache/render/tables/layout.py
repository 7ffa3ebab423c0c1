"""What all tables share: where to print, columns, sizes, plurals."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, TypeVar

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from acache.config.settings import Config, columns
from acache.render.durations import duration
from acache.store.model import Entry, Usage
from acache.store.totals import Totals
from acache.system.text import counted, size_text

T = TypeVar("T")

GAP = 2  # columns between columns
NARROWEST_NAME = 12
_MOST_ROWS = 100  # on a terminal
_UNBOUNDED = 1000  # columns; what is not shown on a terminal need not be cut
_LONGEST_TEXT = 500  # where nothing else bounds a line
_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEFT = ("function", "module", "share")
_DROPPED = ("share", "compute", "size")


def console(file: IO[str] | None = None) -> Console:
    """Return where to print: as wide as COLUMNS or the terminal, else without bound."""
    file = sys.stdout if file is None else file
    width = columns()
    if width is None and not file.isatty():
        width = _UNBOUNDED
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def write(out: Console, *parts: RenderableType) -> None:
    """Print without the spaces that fill up a table's last column.

    A text with ``no_wrap``, which is meant to be copied, is left to the terminal to wrap.
    """
    with out.capture() as captured:
        for part in parts:
            out.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap is True)
    out.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def new_table() -> Table:
    """Return an empty table in the look of all tables."""
    return Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold underline")


def table(
    out: Console,
    columns: dict[str, list[str]],
    *,
    drop: Sequence[str] = _DROPPED,
    styles: Sequence[str] | None = None,
) -> Table:
    """Make a table of named columns that fits; takes out of `columns` what has no room.

    `drop` are the columns to leave out, the first one first; `styles` are those of the rows.
    """
    _fit(out, columns, drop)
    made = new_table()
    for title in columns:
        made.add_column(title, justify="left" if title in _LEFT else "right", no_wrap=True)
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        made.add_row(*map(Text, row), style=styles[number] if styles else "")
    return made


def _fit(out: Console, columns: dict[str, list[str]], drop: Sequence[str]) -> None:
    """Leave out columns in the order of `drop`, and shorten names; a number is never cut."""

    def width(title: str) -> int:
        return max(map(cell_len, [title, *columns[title]]))

    def rest() -> int:
        return sum(width(title) + GAP for title in columns if title != name)

    name, *others = columns
    for title in (*drop, others[0]):
        if out.width - rest() >= min(width(name), NARROWEST_NAME):
            break
        columns.pop(title, None)
    left = max(out.width - rest(), NARROWEST_NAME)
    columns[name] = [tail(out, text, left) for text in columns[name]]


def totals_columns(rows: Sequence[Totals]) -> dict[str, list[str]]:
    """Make the columns that tables of functions share, without those nothing is known of."""
    made = {"entries": [f"{row.entries:,}" for row in rows]}
    made["size"] = [size_text(row.size_bytes) for row in rows]
    if any(row.disk_bytes is not None for row in rows):
        made["disk"] = [size_text(row.disk_bytes or 0) for row in rows]
    if any(row.compute_seconds is not None for row in rows):
        made["compute"] = [seconds_text(row.compute_seconds) for row in rows]
    return made


def first_rows(out: Console, rows: Sequence[T]) -> Sequence[T]:
    """Return the rows to show: on a terminal only the first ones, as there may be thousands."""
    return rows[:_MOST_ROWS] if out.file.isatty() else rows


def left_out(number: int, fix: str = "") -> list[RenderableType]:
    """Make a line about functions that a table leaves out; nothing for none."""
    return [Text(f"and {plural(number, 'more function')}{fix}", style="dim")] if number else []


def pairs(lines: Sequence[tuple[str, str]], *, style: str = "dim") -> Table:
    """Make a table of names and texts."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style=style)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(Text(name), Text(text))
    return table


def tail(out: Console, name: str, width: int) -> str:
    """Shorten a name at its front: a whole last part still selects the function."""
    if cell_len(name) <= width:
        return name
    ellipsis = "..." if out.options.ascii_only else "…"
    whole = name
    while "." in whole:
        whole = whole.partition(".")[2]
        if cell_len(whole) <= width - len(ellipsis):
            return ellipsis + whole
    while cell_len(name) > width - len(ellipsis):
        name = name[1:]
    return ellipsis + name


def cut(text: str, width: int) -> str:
    """Shorten a text at its end."""
    width = min(width, _LONGEST_TEXT)
    if cell_len(text) <= width:
        return text
    kept = text[:width]
    while cell_len(kept) > width - 3:
        kept = kept[:-1]
    return f"{kept}..."


def bar(out: Console, share: float, width: int) -> str:
    """Draw a share of a full bar, to an eighth of a column where the terminal can."""
    if out.options.ascii_only:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def level_text(level: int | None) -> str:
    """Format a level; ``-`` if it is unknown."""
    return "-" if level is None else str(level)


def configured_level(config: Config) -> str:
    """Format the configured level."""
    level = config.level.value
    return "not valid" if level is None else str(level)


def seconds_text(seconds: float | None) -> str:
    """Format a duration; ``-`` if it is unknown."""
    return "-" if seconds is None else duration(seconds)


def room_of(used: Totals | Usage | Entry) -> int:
    """Return the size that counts: on disk, where the system reports it."""
    return used.size_bytes if used.disk_bytes is None else used.disk_bytes


def room(used: Totals | Usage | Entry) -> str:
    """Format the size that counts."""
    return f"{size_text(room_of(used))}{'' if used.disk_bytes is None else ' on disk'}"


def amount(totals: Totals) -> str:
    """Format a number of entries and their size."""
    return f"{plural(totals.entries, 'entry', 'entries') or 'no entries'}, {room(totals)}"


def leftovers(files: int, folders: int, usage: Usage) -> str:
    """Format a number of leftovers and their size."""
    what = [
        plural(files, "temporary file"),
        plural(folders, "folder without result", "folders without result"),
    ]
    return f"{' and '.join(part for part in what if part)}, {room(usage)}"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """Format a number and its noun; nothing for none."""
    return counted(number, noun, many) if number else ""
