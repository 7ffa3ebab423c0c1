"""What all reports for people share: where to print, tables, sizes, plurals."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import humanize
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from acache.config.settings import columns
from acache.store.model import Usage
from acache.store.totals import Totals

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress

GAP = 2  # columns between columns
NARROWEST_NAME = 12
_UNBOUNDED = 1000  # columns; what is not shown on a terminal need not be cut
_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEFT = ("function", "module", "share")
_DROPPED = ("share", "compute", "size")


def console(file: IO[str] | None = None) -> Console:
    """Return where to print: as wide as the terminal, or COLUMNS, or as wide as need be."""
    file = sys.stdout if file is None else file
    width = columns()
    if width is None and not file.isatty():
        width = _UNBOUNDED
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def show(out: Console, *parts: RenderableType) -> None:
    """Print without the spaces that fill up a table's last column.

    A text with ``no_wrap``, which is meant to be copied, is left to the terminal to wrap.
    """
    with out.capture() as captured:
        for part in parts:
            out.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap is True)
    out.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def live_bar(total: int, what: str) -> Progress:
    """Return a progress bar on stderr, wiped at its end."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(sys.stderr),
        auto_refresh=False,
        transient=True,
    )
    bar.add_task(what, total=total)
    return bar


def live_line() -> Live:
    """Return a line on stderr that is drawn again and again, and wiped at its end."""
    from rich.live import Live

    return Live("", console=console(sys.stderr), auto_refresh=False, transient=True)


def new_table() -> Table:
    """Return a table in the look of all tables."""
    return Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold underline")


def table(
    out: Console,
    columns: dict[str, list[str]],
    *,
    drop: Sequence[str] = _DROPPED,
    styles: Sequence[str] | None = None,
) -> Table:
    """Make a table of named columns, as wide as there is room; may take columns out.

    `drop` names those that go where there is no room, the first one first; `styles` are those of
    the rows.
    """
    _fit(out, columns, drop)
    made = new_table()
    for title in columns:
        left = title in ("function", "module", "share")
        made.add_column(title, justify="left" if left else "right", no_wrap=True)
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        made.add_row(*map(Text, row), style=styles[number] if styles else "")
    return made


def _fit(out: Console, columns: dict[str, list[str]], drop: Sequence[str]) -> None:
    """Leave out columns, the least telling first, and cut names; a number is never cut."""

    def width(title: str) -> int:
        return max(map(cell_len, [title, *columns[title]]))

    name, *others = columns
    for title in (*drop, others[0]):
        rest = sum(width(other) + GAP for other in columns if other != name)
        if out.width - rest >= min(width(name), NARROWEST_NAME):
            break
        columns.pop(title, None)
    rest = sum(width(other) + GAP for other in columns if other != name)
    room = max(out.width - rest, NARROWEST_NAME)
    columns[name] = [tail(out, text, room) for text in columns[name]]


def pairs(lines: Sequence[tuple[str, str]], *, style: str = "dim") -> Table:
    """Make a table of names and what is to be said of them."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style=style)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(Text(name), Text(text))
    return table


def tail(out: Console, name: str, width: int) -> str:
    """Cut a name at its front: its last parts tell the most, and select it."""
    if cell_len(name) <= width:
        return name
    ellipsis = "..." if out.options.ascii_only else "…"
    whole = name
    while "." in whole:  # parts that are whole can be copied: they select it
        whole = whole.partition(".")[2]
        if cell_len(whole) <= width - len(ellipsis):
            return ellipsis + whole
    while cell_len(name) > width - len(ellipsis):
        name = name[1:]
    return ellipsis + name


def bar(out: Console, share: float, width: int) -> str:
    """Draw a share of a full bar, to an eighth of a column where the terminal can."""
    if out.options.ascii_only:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def level(number: int | None) -> str:
    """Show a level, or that it is unknown."""
    return "-" if number is None else str(number)


def count(number: int) -> str:
    """Show a number of things."""
    return f"{number:,}"


def size(size_bytes: int) -> str:
    """Show a size with units of 1000, as the options read them."""
    text = humanize.naturalsize(size_bytes)
    return text.replace(" Bytes", " B").replace(" Byte", " B")


def room_of(totals: Totals) -> int:
    """Return the size that counts: on disk, where the system can tell."""
    return totals.size_bytes if totals.disk_bytes is None else totals.disk_bytes


def room(size_bytes: int, disk_bytes: int | None) -> str:
    """Show the size that counts."""
    return size(size_bytes) if disk_bytes is None else f"{size(disk_bytes)} on disk"


def amount(totals: Totals) -> str:
    """Tell a number of entries and their size."""
    entries = plural(totals.entries, "entry", "entries") or "no entries"
    return f"{entries}, {room(totals.size_bytes, totals.disk_bytes)}"


def leftovers(files: int, folders: int, usage: Usage) -> str:
    """Tell how many leftovers there are, and their size."""
    what = [
        plural(files, "temporary file"),
        plural(folders, "folder without result", "folders without result"),
    ]
    listed = " and ".join(part for part in what if part)
    return f"{listed}, {room(usage.size_bytes, usage.disk_bytes)}"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """Show a number and its noun; nothing for none."""
    return "" if not number else f"{number:,} {noun if number == 1 else many or noun + 's'}"
