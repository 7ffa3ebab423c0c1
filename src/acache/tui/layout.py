"""The screen of the browser: the command at the top, one list, a line below it."""

from __future__ import annotations

import os
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Footer, Input, Static

from acache.operations.browse.contents import Contents
from acache.operations.selection import Selection
from acache.render.tables.browse import Line
from acache.system.text import printable, quoted
from acache.tui.reading import Source
from acache.tui.rows import Rows
from acache.tui.tasks import Told
from acache.tui.views import LevelsView, View, path_of


class FilterInput(Input):
    """The line that a filter is typed into."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "cancel")]

    class Closed(Message):
        """The filter is to stay as it was."""

    def action_close(self) -> None:
        """Leave the line."""
        self.post_message(self.Closed())


class ListScreen(App[int]):
    """The top one of some lists, and what is to be said of it.

    Parameters
    ----------
    source : Source
    selection : Selection
        The filter.

    Attributes
    ----------
    contents : Contents
        What is known of the store.
    views : list of View
        The list on the screen is the last one, after those that led to it.
    message : str
        Shown until the list changes or the cursor moves.
    rows : Rows
        The widget of the list.
    box : FilterInput
        The widget that a filter is typed into.
    """

    TITLE = "acache browse"
    CSS_PATH = "browse.tcss"
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, source: Source, selection: Selection) -> None:
        super().__init__(ansi_color=True)
        self.source = source
        self.selection = selection
        self.contents = Contents()
        self.views: list[View] = [LevelsView()]
        self.message = ""
        # Held, as a query looks at the window that is on top.
        self.rows = Rows(self._line_of, self._moved, id="rows")
        self.box = FilterInput(id="filter")
        self._path = Static(id="path", markup=False)
        self._command = Static(id="command", markup=False)
        self._heading = Static(id="heading", markup=False)
        self._status = Static(id="status", markup=False)

    @property
    def view(self) -> View:
        """The list on the screen."""
        return self.views[-1]

    @property
    def command(self) -> str:
        """The command line that lists what is on the screen."""
        return self.line(self.view.command(self.selection))

    def _line_of(self, index: int, width: int) -> Line:
        return self.view.line(index, width)

    def _moved(self, cursor: int) -> None:
        if cursor != self.view.cursor:
            self.view.cursor = cursor
            self.say("")

    def line(self, words: list[str]) -> str:
        """Return a command line on the same store; `words` are those after ``acache``."""
        return " ".join(map(quoted, ("acache", *words, *self.source.words)))

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield from (self._path, self._command, self._heading, self.rows, self._status, self.box)
        yield Footer()

    def on_resize(self) -> None:
        """Fit the columns."""
        self.call_after_refresh(self.show_list)

    def on_told(self, message: Told) -> None:
        """Do what a task has to tell, unless the screen is closed already."""
        if self.rows.is_attached:
            message.call(*message.arguments)

    def show_list(self) -> None:
        """Show the list as it is now."""
        view = self.view
        self._path.update(self._way())
        self._command.update(f"$ {self.command}")
        self.rows.show(len(view), view.cursor)
        self._heading.update(view.heading(self.rows.line_width))
        self.show_status()

    def _way(self) -> str:
        """Name the way to the list; of a long path of the store only the end."""
        store, names = self.source.store.path, path_of(self.views)
        path = " › ".join(map(printable, (store, *names)))
        if len(path) > self.size.width:
            path = " › ".join(map(printable, (f"…{os.sep}{os.path.basename(store)}", *names)))
        return path

    def show_status(self) -> None:
        """Show the line below the list."""
        parts = [self.view.summary()]
        if not self.contents.complete:
            parts.append(f"reading: {self.contents.found:,} files and folders")
        if self.view.marks:
            parts.append(f"{len(self.view.marks):,} marked")
        if self.contents.warnings:
            first, *more = self.contents.warnings
            parts.append(printable(first) + (f", and {len(more):,} more" if more else ""))
        self._status.update(self.message or "; ".join(parts))

    def say(self, message: str) -> None:
        """Show a message until the list changes or the cursor moves."""
        self.message = printable(message)
        self.show_status()
