"""The three lists of the browser: levels, functions, entries."""

from __future__ import annotations

import time
from array import array
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, cast

from acache.operations.browse.commands import narrowed, selection_words
from acache.operations.browse.contents import Contents, FunctionTotals, sorted_functions
from acache.operations.ls import ListSort
from acache.operations.selection import Selection
from acache.operations.stats import LevelRow, Sort
from acache.render.tables.browse import (
    ENTRY_TITLES,
    FUNCTION_TITLES,
    LEVEL_TITLES,
    STALE_TITLES,
    Line,
    Sheet,
    entry_cells,
    function_cells,
    level_cells,
    share_of,
    sheet,
    summary_line,
)
from acache.store.format import dotted
from acache.store.table import EntryTable
from acache.store.totals import Totals
from acache.system.text import counted

ALL = "all"  # the key of the row of all levels
_FIRST: Sort = "disk"


class View:
    """One list of the browser.

    Attributes
    ----------
    contents : Contents
    marks : dict
        Keys of the marked rows.
    cursor : int
        Index of the row under the cursor.
    orders : tuple of str
        What the rows can be sorted by.
    order : str
    """

    orders: tuple[str, ...] = ()
    names: dict[str, str] = {"time": "compute", "name": "function"}  # noqa: RUF012
    contents = Contents()

    def __init__(self) -> None:
        self.marks: dict[Hashable, None] = {}
        self.cursor = 0
        self.order = self.orders[0]

    def __len__(self) -> int:
        raise NotImplementedError

    def key(self, index: int) -> Any:
        """Return what identifies a row, whatever the order."""
        raise NotImplementedError

    def heading(self, width: int) -> Line:
        """Make the line of titles."""
        return self._sheet(width).heading(self.names.get(self.order, self.order))

    def line(self, index: int, width: int) -> Line:
        """Make the line of a row."""
        raise NotImplementedError

    def command(self, selection: Selection) -> list[str]:
        """Return the words of the command that lists the same; `selection` is the filter."""
        raise NotImplementedError

    def selected(self, keys: Sequence[Any], selection: Selection) -> Selection:
        """Narrow the filter to some rows."""
        raise NotImplementedError

    def show(self, contents: Contents) -> None:
        """Show what a store holds."""
        raise NotImplementedError

    def summary(self) -> str:
        """Sum up the rows."""
        raise NotImplementedError

    def next_order(self) -> None:
        """Choose the next order."""
        position = self.orders.index(self.order) + 1
        self.order = self.orders[position % len(self.orders)]

    def chosen(self) -> list[Any]:
        """Return the keys of the marked rows, or else the one under the cursor."""
        if self.marks or not len(self):
            return list(self.marks)
        return [self.key(self.cursor)]

    def row_of(self, key: Any) -> int | None:
        """Return which row has a key; None if it is gone."""
        return next((row for row in range(len(self)) if self.key(row) == key), None)

    def toggle(self) -> None:
        """Mark the row under the cursor, or take its mark away."""
        if len(self):
            key = self.key(self.cursor)
            if key in self.marks:
                del self.marks[key]
            else:
                self.marks[key] = None

    def _sheet(self, width: int) -> Sheet:
        raise NotImplementedError


class LevelsView(View):
    """The levels of a store; before them a row that is all of them."""

    orders = ("level", "disk", "size", "entries", "time")

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[LevelRow] = []

    def show(self, contents: Contents) -> None:
        """Show what a store holds."""
        self.contents = contents
        self._rows = list(contents.levels)
        if self.order != "level":
            self._rows.sort(key=lambda row: -_amount(self.order, row.totals))

    def __len__(self) -> int:
        return len(self._rows) + 1

    def key(self, index: int) -> int | str | None:
        """Return a level, or `ALL`."""
        return self._rows[index - 1].level if index else ALL

    def line(self, index: int, width: int) -> Line:
        """Make the line of a level."""
        contents = self.contents
        if index:
            row, name = self._rows[index - 1], None
        else:
            row, name = LevelRow(None, len(contents.functions), contents.total), ALL
        return self._sheet(width).line(
            level_cells(row, name=name),
            share=share_of(row.totals, contents.total),
            marked=self.key(index) in self.marks,
        )

    def summary(self) -> str:
        """Sum up the store."""
        return summary_line(self.contents.total, len(self.contents.functions))

    def command(self, selection: Selection) -> list[str]:
        """Return a command that lists levels."""
        return ["stats", "--by", "level", *selection_words(selection)]

    def selected(self, keys: Sequence[Any], selection: Selection) -> Selection:
        """Narrow the filter to levels."""
        return selection if ALL in keys else narrowed(selection, levels=keys)

    def _sheet(self, width: int) -> Sheet:
        return sheet("level", LEVEL_TITLES, width)


class FunctionsView(View):
    """The functions of a level, or of all levels."""

    orders = ("disk", "size", "entries", "time", "name")

    def __init__(self, level: int | str | None) -> None:
        super().__init__()
        self.level = level
        self._rows: list[FunctionTotals] = []
        self._total = Totals()
        self._titles: tuple[str, ...] = FUNCTION_TITLES

    def show(self, contents: Contents) -> None:
        """Show what a store holds of the level."""
        self.contents = contents
        rows = [row for row in contents.functions if self.level in (ALL, row.level)]
        self._rows = sorted_functions(rows, cast("Sort", self.order))
        levels = [row.totals for row in contents.levels if row.level == self.level]
        self._total = contents.total if self.level == ALL else (*levels, Totals())[0]
        stale = any(row.source_state in ("changed", "gone") for row in rows)
        self._titles = STALE_TITLES if stale else FUNCTION_TITLES

    def __len__(self) -> int:
        return len(self._rows)

    def key(self, index: int) -> str:
        """Return a function id, ``/`` between its parts."""
        return self._rows[index].function

    def line(self, index: int, width: int) -> Line:
        """Make the line of a function."""
        row = self._rows[index]
        return self._sheet(width).line(
            function_cells(row),
            share=share_of(row.totals, self._total),
            marked=row.function in self.marks,
        )

    def summary(self) -> str:
        """Sum up the functions."""
        return summary_line(self._total, len(self._rows))

    def command(self, selection: Selection) -> list[str]:
        """Return a command that lists the level's functions."""
        if self.level != ALL:
            selection = narrowed(selection, levels=[self.level])  # type: ignore[list-item]
        order = [] if self.order == _FIRST else ["--sort", self.order]
        return ["stats", "--by", "function", *selection_words(selection), *order]

    def selected(self, keys: Sequence[Any], selection: Selection) -> Selection:
        """Narrow the filter to functions."""
        return narrowed(selection, functions=keys)._replace(levels=())

    def _sheet(self, width: int) -> Sheet:
        return sheet("function", self._titles, width)


class EntriesView(View):
    """The entries of one function, in the order in which they are found until all are there."""

    orders = ("size", "disk", "created", "used", "time", "name")
    names = {"created": "age", "used": "unused", "time": "compute", "name": "entry"}  # noqa: RUF012

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = function
        self.has_cost = False
        self.complete = False
        self._level: int | None = None
        self._total = Totals()
        self.table = EntryTable()
        self._places: array[int] | None = None
        self._count = 0

    def show(self, contents: Contents) -> None:
        """Learn the level of the function."""
        self.contents = contents
        for row in contents.functions:
            if row.function == self.function:
                self._level, self._total = row.level, row.totals

    def show_entries(self, table: EntryTable, order: array[int] | None, *, cost: bool) -> None:
        """Show entries: those found so far, or all in order."""
        self.table, self._places, self.has_cost = table, order, cost
        self._count = len(table)
        self.complete = order is not None

    def __len__(self) -> int:
        return self._count

    @property
    def sort(self) -> ListSort:
        """The order, as `acache ls` names it."""
        return cast("ListSort", self.order)

    def _index(self, row: int) -> int:
        return row if self._places is None else self._places[row]

    def key(self, index: int) -> tuple[str, str]:
        """Return a function id and an argument hash."""
        function, digest = self.table.name(self._index(index))
        return function, digest.hex()

    def row_of(self, key: Any) -> int | None:
        """Return which row has a key; None if it is gone."""
        index = self.table.index_of(*key)
        if index is None or self._places is None:
            return index
        return self._places.index(index)

    def line(self, index: int, width: int) -> Line:
        """Make the line of an entry."""
        entry = self.table[self._index(index)]
        return self._sheet(width).line(
            entry_cells(entry, self._level, now=time.time(), cost=self.has_cost),
            share=share_of(entry, self._total),
            marked=(entry.function, entry.hash) in self.marks,
        )

    def summary(self) -> str:
        """Sum up the function."""
        if self.complete:
            return summary_line(self.table.totals())
        return f"reading: {counted(len(self), 'entry', 'entries')} found"

    def command(self, selection: Selection) -> list[str]:
        """Return a command that lists the function's entries."""
        one = narrowed(selection, functions=[self.function])._replace(levels=())
        return ["ls", *selection_words(one), "--sort", self.order]

    def selected(self, keys: Sequence[Any], selection: Selection) -> Selection:
        """Narrow the filter to entries."""
        return narrowed(selection, entries=keys)._replace(levels=(), functions=())

    def _sheet(self, width: int) -> Sheet:
        return sheet("entry", ENTRY_TITLES, width)


def _amount(order: str, totals: Totals) -> float:
    values = {
        "disk": totals.disk_bytes,
        "size": totals.size_bytes,
        "entries": totals.entries,
        "time": totals.compute_seconds,
    }
    return values[order] or 0


def path_of(views: Iterable[View]) -> list[str]:
    """Name the lists that lead to the last one."""
    names = []
    for view in views:
        if isinstance(view, FunctionsView):
            unknown = "unknown level" if view.level is None else f"level {view.level}"
            names.append("all levels" if view.level == ALL else unknown)
        elif isinstance(view, EntriesView):
            names.append(dotted(view.function))
    return names
