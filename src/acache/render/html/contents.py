"""What a store holds, as tables of HTML: levels, functions, the largest entries."""

from __future__ import annotations

from collections.abc import Sequence

from acache.operations.report import StoreReport, room_of
from acache.operations.stats import FunctionRow, StatsReport
from acache.render.html import tables
from acache.render.html.markup import Markup
from acache.render.html.tables import (
    arguments_text,
    bar,
    columns,
    day,
    entry_name,
    level_text,
    per_megabyte,
    room_title,
    seconds_text,
    table,
    tail,
)
from acache.store.totals import Totals
from acache.system.text import counted, size_text

_LONGEST_ARGUMENTS = 200  # characters


def levels_table(report: StatsReport, *, plain: bool = False) -> Markup:
    """Make the table of levels; `plain`: without what needs a page's style and its ids."""
    rows = report.levels
    titles, cells = columns(
        {
            "level": [level_text(row.level) for row in rows],
            "functions": [f"{row.functions:,}" for row in rows],
            **_sizes([row.totals for row in rows], report.total, plain=plain),
        }
    )
    caption = f"{room_title(report.total)} by level"
    ids = None if plain else "l"
    return table(caption, titles, cells, numbers=titles[1:], row_ids=ids)


def functions_table(
    report: StatsReport, rows: Sequence[FunctionRow], *, plain: bool = False
) -> Markup:
    """Make the table of functions, of those that are given; `plain` as in `levels_table`."""
    states = [row.source_state or "unknown" for row in rows]
    stale = {"changed", "gone"}.intersection(states)
    titles, cells = columns(
        {
            "function": [tail(row.function) for row in rows],
            "level": [level_text(row.level) for row in rows],
            **_sizes([row.totals for row in rows], report.total, plain=plain),
            "source": [state if stale else "" for state in states],
        }
    )
    more = sum(row.functions for row in report.levels) - len(rows)
    return table(
        f"{room_title(report.total)} by function",
        titles,
        cells,
        numbers=[title for title in titles[1:] if title != "source"],
        sorted_by=None if plain else "disk" if "disk" in titles else "size",
        row_ids=None if plain else "f",
        left_out=f"and {counted(more, 'more function')}" if more else "",
    )


def entries_table(report: StoreReport, names: dict[str, str], characters: int) -> Markup:
    """Make the table of the largest entries.

    Parameters
    ----------
    report : StoreReport
    names : dict of str to str
        Short names of functions.
    characters : int >= 0
        Of all arguments together.
    """
    listed = report.largest
    entries = [one.entry for one in listed]
    longest = min(characters // max(len(listed), 1), _LONGEST_ARGUMENTS)
    unit = "size" if report.stats.disk.disk_bytes is None else "disk"
    titles, cells = columns(
        {
            "entry": [entry_name(one, names) for one in listed],
            "level": [level_text(one.level) for one in listed],
            "arguments": [arguments_text(one, longest) for one in listed],
            unit: [size_text(room_of(entry)) for entry in entries],
            "compute": [seconds_text(entry.compute_seconds) for entry in entries],
            "last used": [day(entry.last_access) for entry in entries],
        }
    )
    more = report.stats.total.entries - len(listed)
    rest = tables.room_of(report.stats.total) - sum(map(room_of, entries))
    left_out = f"and {counted(more, 'smaller entry', 'smaller entries')}, {size_text(rest)}"
    return table(
        "The entries that take the most room",
        titles,
        cells,
        numbers=[title for title in titles[1:] if title != "arguments"],
        texts=("arguments",),
        sorted_by=unit,
        row_ids="e",
        left_out=left_out if more else "",
    )


def _sizes(rows: Sequence[Totals], total: Totals, *, plain: bool) -> dict[str, Sequence[str]]:
    """Make the columns that levels and functions share."""
    whole = tables.room_of(total) or 1
    known = any(row.disk_bytes is not None for row in rows)
    shares = [tables.room_of(row) / whole for row in rows]
    rates = [per_megabyte(row.compute_seconds, tables.room_of(row)) for row in rows]
    return {
        "entries": [f"{row.entries:,}" for row in rows],
        "size": [size_text(row.size_bytes) for row in rows],
        "disk": [size_text(row.disk_bytes or 0) if known else "" for row in rows],
        "share": [f"{one:.0%}" if plain else bar(one) for one in shares],
        "compute": [seconds_text(row.compute_seconds) for row in rows],
        "per MB": [seconds_text(rate) for rate in rates],
        "last used": [day(row.last_access) for row in rows],
    }
