"""What opens above the list: texts to read, the plan of a deletion, its progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from acache.render.tables.browse import Line

MARGIN = 10  # columns beside a text


class TextWindow(ModalScreen[None]):
    """A text to read.

    Parameters
    ----------
    title : str
    text : Line or str
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,i,enter,left,backspace,question_mark", "dismiss", "close")
    ]

    def __init__(self, title: str, text: Line | str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out the text, and how to close it."""
        with Vertical(classes="window"):
            if self._title:
                yield Static(self._title, classes="title", markup=False)
            with VerticalScroll():
                yield Static(self._text, markup=False)
            yield Static("Esc closes", classes="hint", markup=False)


class PlanWindow(ModalScreen[bool]):
    """What would be deleted, and the question whether to.

    Parameters
    ----------
    plan : Line
    command : str
        The command line that would delete the same.
    question : str
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "remove"),
        Binding("n,escape,q", "answer(False)", "keep"),
    ]

    def __init__(self, plan: Line, command: str, question: str) -> None:
        super().__init__()
        self._plan = plan
        self._command = command
        self._question = question

    def compose(self) -> ComposeResult:
        """Lay out the plan above the question."""
        with Vertical(classes="window"):
            yield Static(f"$ {self._command}", classes="command", markup=False)
            with VerticalScroll():
                yield Static(self._plan, markup=False)
            yield Static(f"{self._question} [y/n]", classes="question", markup=False)

    def action_answer(self, answer: bool) -> None:
        """Close the window with an answer."""
        self.dismiss(answer)


class RemovalWindow(ModalScreen[None]):
    """How far a deletion is.

    Parameters
    ----------
    total : int
        How many entries are to be removed.
    stop : callable
        Stops the deletion between two entries.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "stop", "stop", priority=True)
    ]

    def __init__(self, total: int, stop: Callable[[], None]) -> None:
        super().__init__()
        self._total = total
        self._stop = stop
        self._progress = Static(self._line(0), markup=False)

    def compose(self) -> ComposeResult:
        """Lay out a line of progress."""
        with Vertical(classes="window small"):
            yield self._progress
            yield Static("Esc or Ctrl-C stops", classes="hint", markup=False)

    def show(self, done: int) -> None:
        """Show how many entries are done."""
        self._progress.update(self._line(done))

    def action_stop(self) -> None:
        """Stop the deletion."""
        self._stop()

    def _line(self, done: int) -> str:
        return f"Removing {done:,} of {self._total:,}"
