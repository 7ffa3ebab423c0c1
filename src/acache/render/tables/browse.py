"""The lines that ``acache browse`` draws one by one, and other reports as text for its windows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from io import StringIO
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from acache.operations.browse.contents import FunctionTotals
from acache.operations.clear import Plan
from acache.operations.execute import Failure
from acache.operations.show import EntryDetails, FunctionDetails
from acache.operations.stats import LevelRow
from acache.render.durations import duration
from acache.render.tables.clear import print_plan
from acache.render.tables.layout import (
    GAP,
    amount,
    bar,
    level_text,
    plural,
    room_of,
    tail,
    write,
)
from acache.render.tables.show import print_details
from acache.store.format import dotted
from acache.store.model import Entry
from acache.store.totals import Totals
from acache.system.text import printable, size_text

_MARK = 2  # columns before a line
_BAR = 6  # columns of a full bar, twice as many where there is room
_LONGEST_BAR = 30
_PERCENT = 5  # columns before a bar
_WIDE = 110
_UNKNOWN = "…"  # not read yet
_WIDTHS = {
    "level": 5,
    "functions": 9,
    "entries": 9,
    "size": 8,
    "disk": 8,
    "source": 7,
    "age": 7,
    "unused": 7,
    "compute": 7,
}
_NAMES = {"level": (5, 6), "function": (24, 500), "entry": (8, 32)}  # least and greatest width
_DROPPED = ("size", "level", "age", "compute", "source", "unused", "entries", "disk")


Line = Text  # of a screen or a window; the room of screens does not import rich


class Sheet(NamedTuple):
    """The columns of a table that fits the screen; its first one takes what room is left.

    Attributes
    ----------
    name : str
        Title of the first column.
    name_width : int
    columns : dict of str to int
        Titles and widths of the others.
    bar_width : int
    """

    name: str
    name_width: int
    columns: dict[str, int]
    bar_width: int

    def heading(self, sorted_by: str) -> Text:
        """Make the line of titles; the column that the rows are sorted by has a mark."""
        titles = {
            title: (f"▾{title}" if title == sorted_by else title)
            for title in (self.name, *self.columns)
        }
        line = Text(" " * _MARK + f"{titles[self.name]:<{self.name_width}}")
        for title, width in self.columns.items():
            shown = titles[title]
            shown = f"{shown:<{width}}" if title == "share" else f"{shown:>{width}}"
            line.append(" " * GAP + shown)
        return line

    def line(self, cells: dict[str, str], *, share: float, marked: bool) -> Text:
        """Make the line of a row, from the texts of its columns."""
        name = cells[self.name]
        if self.name == "function":
            name = tail(_out(), name, self.name_width)
        name = name[: self.name_width]  # of a hash the first digits name it
        line = Text("● " if marked else "  ", style="bold" if marked else "")
        line.append(name + " " * (self.name_width - cell_len(name)))
        for title, width in self.columns.items():
            line.append(" " * GAP)
            if title == "share":
                line.append(f"{share:4.0%} ")
                drawn = bar(_out(), min(share, 1.0), self.bar_width)
                line.append(f"{drawn:<{self.bar_width}}", style="blue")
            else:
                line.append(f"{cells[title]:>{width}}")
        return line


def sheet(name: str, titles: Sequence[str], width: int) -> Sheet:
    """Choose the columns of a table that fit; bars stay, and take what nothing else needs."""
    bar_width = _BAR if width < _WIDE else 2 * _BAR
    columns = {title: _WIDTHS.get(title, _PERCENT + bar_width) for title in titles}
    least, most = _NAMES[name]

    def left() -> int:
        return width - _MARK - sum(columns.values()) - GAP * len(columns)

    for title in _DROPPED:
        if left() >= least:
            break
        columns.pop(title, None)
    name_width = max(min(left(), most), least)
    bar_width = min(bar_width + max(left() - name_width, 0), _LONGEST_BAR)
    columns["share"] = _PERCENT + bar_width
    return Sheet(name, name_width, columns, bar_width)


LEVEL_TITLES = ("functions", "entries", "size", "disk", "share", "compute")
FUNCTION_TITLES = ("level", "entries", "size", "disk", "share", "compute")
STALE_TITLES = (*FUNCTION_TITLES, "source")
ENTRY_TITLES = ("level", "size", "disk", "share", "age", "unused", "compute")


def level_cells(row: LevelRow, *, name: str | None = None) -> dict[str, str]:
    """Format a level; `name` is shown instead of it."""
    shown = level_text(row.level) if name is None else name
    return {"level": shown, "functions": f"{row.functions:,}", **_totals_cells(row.totals)}


def function_cells(row: FunctionTotals) -> dict[str, str]:
    """Format a function."""
    state = row.source_state
    return {
        "function": printable(dotted(row.function)),
        "level": level_text(row.level),
        "source": state if state in ("changed", "gone") else "-",
        **_totals_cells(row.totals),
    }


def entry_cells(entry: Entry, level: int | None, *, now: float, cost: bool) -> dict[str, str]:
    """Format an entry; `cost` is whether its compute time has been read."""
    seconds = entry.compute_seconds
    return {
        "entry": entry.hash,
        "level": level_text(level),
        "size": size_text(entry.size_bytes),
        "disk": "-" if entry.disk_bytes is None else size_text(entry.disk_bytes),
        "age": duration(max(now - entry.created, 0)),
        "unused": "-" if entry.last_access is None else duration(max(now - entry.last_access, 0)),
        "compute": _compute(seconds, cost=cost),
    }


def _totals_cells(totals: Totals) -> dict[str, str]:
    disk = totals.disk_bytes
    return {
        "entries": f"{totals.entries:,}",
        "size": size_text(totals.size_bytes),
        "disk": "-" if disk is None else size_text(disk),
        "compute": _compute(totals.compute_seconds, cost=True),
    }


def _compute(seconds: float | None, *, cost: bool) -> str:
    if seconds is None:
        return "-" if cost else _UNKNOWN
    return duration(seconds)


def share_of(part: Totals | Entry, whole: Totals) -> float:
    """Return the share of the whole that something takes."""
    return room_of(part) / (room_of(whole) or 1)


def summary_line(total: Totals, functions: int | None = None) -> str:
    """Sum up what a list shows."""
    counts = [] if functions is None else [plural(functions, "function") or "no functions"]
    return ", ".join([*counts, amount(total)])


def plan_text(plan: Plan, width: int) -> Text:
    """Return what ``acache clear`` shows of a plan."""
    return _printed(lambda out: print_plan(plan, out), width)


def details_text(details: EntryDetails | FunctionDetails, width: int) -> Text:
    """Return what ``acache show`` prints of an entry or a function."""

    def show(out: Console) -> None:
        print_details(details, out)
        for text in details.warnings:
            write(out, "", Text(f"warning: {printable(text)}", style="yellow"))

    return _printed(show, width)


def failures_text(failed: Sequence[Failure]) -> Text:
    """Return what could not be removed, a line each."""
    return Text("\n".join(printable(f"{one.path}: {one.error}") for one in failed))


def _printed(show: Callable[[Console], None], width: int) -> Text:
    file = StringIO()
    show(Console(file=file, width=width, force_terminal=True, color_system="standard",
                 highlight=False, markup=False, emoji=False))  # fmt: skip
    return Text.from_ansi(file.getvalue())


@cache
def _out() -> Console:
    return Console(file=sys.__stderr__)
