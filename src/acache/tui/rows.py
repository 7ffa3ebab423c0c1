"""A list of any length with a cursor, whose lines are made when they come into view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

if TYPE_CHECKING:
    from acache.render.tables.browse import Line


class Rows(ScrollView, can_focus=True):
    """A list of any length: a line is asked for when it comes into view.

    Parameters
    ----------
    line : callable
        Makes the line of a row, given its index and the width.
    moved : callable
        Gets the index of the row to which the cursor has moved.
    **options
        As of any widget.

    Attributes
    ----------
    cursor : int >= 0
        The row that keys act on.
    """

    DEFAULT_CSS = "Rows { overflow-x: hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "end(0)", show=False),
        Binding("end,G", "end(-1)", show=False),
    ]
    cursor: reactive[int] = reactive(0, always_update=True)

    class Opened(Message):
        """The row under the cursor was clicked again."""

    def __init__(
        self,
        line: Callable[[int, int], Line],
        moved: Callable[[int], None],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._line = line
        self._moved = moved
        self.count = 0

    @property
    def line_width(self) -> int:
        """How many columns a line has."""
        return self.scrollable_content_region.width

    def show(self, count: int, cursor: int) -> None:
        """Show other rows, or the same ones that have changed."""
        self.count = count
        self.virtual_size = Size(self.line_width, count)
        self.cursor = cursor
        self.refresh()

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, self.count - 1))

    def watch_cursor(self, cursor: int) -> None:
        """Scroll as far as the cursor needs."""
        self._moved(cursor)
        height = self.scrollable_content_region.height
        top = self.scroll_offset.y
        if height:
            if cursor < top:
                top = cursor
            elif cursor >= top + height:
                top = cursor - height + 1
            self.scroll_to(y=min(top, max(self.count - height, 0)), animate=False)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Make a line of the screen."""
        index = self.scroll_offset.y + y
        width = self.line_width
        if index >= self.count:
            return Strip.blank(width, self.rich_style)
        line = self._line(index, width)
        if index == self.cursor:  # in one colour: a bar would be drawn the wrong way round
            line.spans.clear()
            line.stylize("reverse")
        return (
            Strip(line.render(self.app.console))
            .apply_style(self.rich_style)
            .adjust_cell_length(width)
        )

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        """Move the cursor by what the screen shows."""
        self.cursor += pages * max(self.scrollable_content_region.height - 1, 1)

    def action_end(self, row: int) -> None:
        """Move the cursor to the first row, or the last one."""
        self.cursor = row if row >= 0 else self.count - 1

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to a row; open the one that has it."""
        row = self.scroll_offset.y + event.y
        if row < self.count:
            if row == self.cursor and event.chain > 1:
                self.post_message(self.Opened())
            self.cursor = row
