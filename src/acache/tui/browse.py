"""``acache browse``: a store as a screen."""

from __future__ import annotations

import asyncio
import os
import signal
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, current_thread, main_thread
from types import FrameType
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Input

from acache.operations.browse.commands import selection_words
from acache.operations.browse.contents import Contents
from acache.operations.clear import Plan
from acache.operations.execute import Outcome, execute
from acache.operations.selection import Selection, access_note
from acache.operations.show import EntryDetails, FunctionDetails
from acache.render.tables.browse import (
    details_text,
    failures_text,
    plan_text,
)
from acache.render.tables.clear import outcome_line, question
from acache.store.table import EntryTable
from acache.system.text import counted, quoted
from acache.tui.layout import ListScreen
from acache.tui.reading import Reader, Source, pause_after
from acache.tui.tasks import Task, Tasks, text_of
from acache.tui.views import ALL, EntriesView, FunctionsView, LevelsView, View
from acache.tui.windows import MARGIN, PlanWindow, RemovalWindow, TextWindow

INTERRUPTED = 130
_KEYS = """\
Enter, Right       open what is under the cursor
Left, Backspace    go back up
s                  sort by the next column
/                  filter by a part of a function's name, or by the
                   options of a selection: --level 30 --unused-for 30d;
                   an empty line shows everything
Space              mark the row under the cursor, or take the mark away
d                  show what removing the marked rows would remove, or
                   the row under the cursor, and ask
i                  show the function or the entry under the cursor
c                  copy the command line at the top
r                  read the cache again
q                  quit

Up, Down, Page Up, Page Down, Home and End move the cursor.\
"""


class Browser(ListScreen):
    """Levels, functions and entries of a store, one list at a time.

    Parameters
    ----------
    source : Source
    selection : Selection
        The first filter.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right", "open", "open"),
        Binding("left,backspace", "up", "up"),
        Binding("s", "sort", "sort"),
        # With priority it is done before the next key is looked at: that belongs to the filter.
        Binding("slash", "filter", "filter", key_display="/", priority=True),
        Binding("space", "mark", "mark"),
        Binding("d", "delete", "remove"),
        Binding("i", "show", "show"),
        Binding("question_mark", "keys", "keys", key_display="?"),
        Binding("q", "quit", "quit"),
        Binding("c", "copy", show=False),
        Binding("r", "read", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(self, source: Source, selection: Selection) -> None:
        super().__init__(source, selection)
        self.problem: Exception | None = None
        self._filter = " ".join(map(quoted, selection_words(selection)))
        self._reader = Reader(source)
        self._tasks = Tasks(self, self._report)
        self._removal: Task | None = None
        self._stop_removal = Event()
        self._timers_by_name: dict[str, Timer] = {}
        if selection.functions or selection.ids is not None:
            self.views.append(FunctionsView(ALL))

    def on_mount(self) -> None:
        """Begin to read."""
        self.box.display = False
        self.rows.focus()
        if hasattr(signal, "SIGHUP") and current_thread() is main_thread():
            number = signal.SIGTERM
            asyncio.get_running_loop().add_signal_handler(number, self._end, 128 + number)
            # Not by the loop, which may wait for a terminal that is gone.
            signal.signal(signal.SIGHUP, self._hang_up)
        self._read(anew=True)

    def _report(self, problem: Exception) -> None:
        """Show what a task could not do; end where that is a bug."""
        text = text_of(problem)
        if text is None:
            self.problem = problem
            self.exit()
        else:
            self.say(f"error: {text}")

    # -- reading -----------------------------------------------------------------------------------

    def _read(self, *, anew: bool) -> None:
        """Read the totals, and the entries if they are on the screen."""
        self._read_contents(anew=anew)
        self._read_entries(anew=anew)

    def _read_contents(self, *, anew: bool) -> None:
        again = partial(self._again, "contents", partial(self._read_contents, anew=False))
        show = self._show_contents
        read = partial(self._reader.contents, self.selection, show, again, anew=anew)
        self._start("contents", read)

    def _read_entries(self, *, anew: bool) -> None:
        view = self.view
        if isinstance(view, EntriesView):
            again = partial(self._again, "entries", partial(self._read_entries, anew=False))
            show = partial(self._show_entries, view)
            read = partial(self._reader.entries, view, self.selection, show, again, anew=anew)
            self._start("entries", read)

    def _start(self, name: str, work: Callable[[Task], None]) -> None:
        """Start to read; what was to be read later is read now."""
        timer = self._timers_by_name.pop(name, None)
        if timer is not None:
            timer.stop()
        self._tasks.start(name, work)

    def _again(self, name: str, read: Callable[[], None], seconds: float) -> None:
        """Read again after a pause, as other processes write and remove meanwhile."""
        self._timers_by_name[name] = self.set_timer(pause_after(seconds), read)

    def _show_contents(self, contents: Contents) -> None:
        self.contents = contents
        for view in self.views:
            with _kept_place(view, complete=contents.complete):
                view.show(contents)
        self.show_list()

    def _show_entries(
        self, view: EntriesView, table: EntryTable, order: array[int] | None, cost: bool
    ) -> None:
        with _kept_place(view, complete=order is not None):
            view.show_entries(table, order, cost=cost)
        self.show_list()

    # -- keys --------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Open what is under the cursor."""
        view = self.view
        if isinstance(view, EntriesView):
            self.action_show()
        elif len(view):
            key = view.key(view.cursor)
            self._open(FunctionsView(key) if isinstance(view, LevelsView) else EntriesView(key))

    def on_rows_opened(self) -> None:
        """Open what was clicked twice."""
        self.action_open()

    def _open(self, view: View) -> None:
        self.message = ""
        self.views.append(view)
        view.show(self.contents)
        self.show_list()
        self._read_entries(anew=True)

    def action_up(self) -> None:
        """Go back to the list above."""
        if len(self.views) > 1:
            self.message = ""
            left = self.views.pop()
            self._tasks.stop("entries")
            self.show_list()
            if isinstance(left, EntriesView) and self.contents.complete:
                self._read_contents(anew=False)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.message = ""
        view = self.view
        view.next_order()
        view.cursor = 0
        if isinstance(view, EntriesView):
            if view.complete:
                show = partial(self._show_entries, view)
                self._tasks.start("order", partial(self._reader.order, view, show))
        else:
            view.show(self.contents)
        self.show_list()

    def action_mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and go on to the next."""
        self.view.toggle()
        self.view.cursor = min(self.view.cursor + 1, max(len(self.view) - 1, 0))
        self.show_list()

    def action_read(self) -> None:
        """Read again now."""
        self._read(anew=False)

    def action_copy(self) -> None:
        """Copy the command line to the clipboard of the terminal."""
        self.copy_to_clipboard(self.command)
        self.say("copied, if the terminal allows it")

    def action_keys(self) -> None:
        """Show the keys."""
        self.push_screen(TextWindow("Keys", _KEYS))

    def action_show(self) -> None:
        """Show what ``acache show`` shows."""
        view = self.view
        if isinstance(view, LevelsView) or not len(view):
            self.say("i shows a function or an entry")
            return
        self.say("reading ...")
        details = partial(self._reader.details, view.key(view.cursor), self._show_details)
        self._tasks.start("details", details)

    def _show_details(self, details: EntryDetails | FunctionDetails, note: str) -> None:
        self.say(note)
        text = details_text(details, self.size.width - MARGIN)
        self.push_screen(TextWindow(note, text))

    # -- the filter --------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return whether a key does what it is bound to: in a filter ``/`` is part of an id."""
        return action != "filter" or not isinstance(self.focused, Input)

    def action_filter(self) -> None:
        """Ask for a filter."""
        box = self.box
        box.value = self._filter
        box.display = True
        self.set_focus(box)
        self.say("filter: a part of a function's name, or --level 30 --unused-for 30d")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Read the filter, and look up whether there is such a thing."""
        self.say("reading ...")
        self._tasks.start(
            "filter", partial(self._reader.selection, event.value, self._show_filtered)
        )

    def on_filter_input_closed(self) -> None:
        """Keep the filter as it was."""
        self._tasks.stop("filter")
        self._close_filter()
        self.say("")

    def _close_filter(self) -> None:
        self.box.display = False
        self.set_focus(self.rows)

    def _show_filtered(self, text: str, selection: Selection, levels: set[int | None]) -> None:
        self._close_filter()
        self._filter, self.selection = text, selection
        second = self.views[1] if len(self.views) > 1 else None
        if isinstance(second, FunctionsView) and second.level in (ALL, *levels):
            del self.views[2:]
        elif selection.functions or selection.ids is not None:
            self.views[1:] = [FunctionsView(ALL)]
        else:
            del self.views[1:]
        for view in self.views:
            view.marks.clear()
            view.cursor = 0
        self.say(access_note(selection.unused_for) or "")
        self._show_contents(Contents())
        self._read(anew=True)

    # -- deletion ----------------------------------------------------------------------------------

    def action_delete(self) -> None:
        """Plan to remove the marked rows, or the one under the cursor."""
        keys = self.view.chosen()
        if not keys:
            return
        selection = self.view.selected(keys, self.selection)
        self.say("planning ...")
        show = partial(self._ask, selection)
        self._tasks.start("plan", partial(self._reader.plan, selection, show, self._show_planned))

    def _show_planned(self, found: int) -> None:
        self.say(f"planning: {found:,} files and folders")

    def _ask(self, selection: Selection, plan: Plan) -> None:
        if plan.is_empty and not plan.unreadable:
            self.say("nothing to remove")
            return
        self.say("")
        words = selection_words(selection) or ["--all"]
        window = PlanWindow(
            plan_text(plan, self.size.width - MARGIN),
            self.line(["clear", *words]),
            question(plan),
        )
        self.push_screen(window, partial(self._answered, plan))

    def _answered(self, plan: Plan, answer: bool | None) -> None:
        if not answer:
            self.say("nothing was removed")
            return
        self._stop_removal.clear()
        window = RemovalWindow(len(plan.entries), self._stop_removal.set)
        self.push_screen(window)

        def remove(task: Task) -> None:
            stopped = self._stop_removal.is_set
            progress = partial(task.tell, window.show)
            task.tell(self._removed, plan, execute(plan, progress=progress, stopped=stopped))

        self._removal = Task(self, remove, self._report)

    def _removed(self, plan: Plan, outcome: Outcome) -> None:
        self._removal = None
        self.pop_screen()
        self.view.marks.clear()
        text = outcome_line(outcome)
        if outcome.interrupted:
            text = f"interrupted: {text} of {counted(plan.total.entries, 'entry', 'entries')}"
        self.say(text)
        if outcome.failed:
            failed = counted(len(outcome.failed), "thing")
            title = f"{text}; {failed} could not be removed:"
            self.push_screen(TextWindow(title, failures_text(outcome.failed)))
        self._read(anew=False)

    # -- the end -----------------------------------------------------------------------------------

    def action_interrupt(self) -> None:
        """Stop a deletion, or else end."""
        if self._removal is not None:
            self._stop_removal.set()
        else:
            self.exit(return_code=INTERRUPTED)

    def _end(self, code: int) -> None:
        """End as a signal asks."""
        self.exit(return_code=code)

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        """End without the terminal, which is closed, after the entry that a deletion is at."""
        self.finish()
        os._exit(128 + number)

    def finish(self) -> None:
        """Wait until a deletion has removed the entry that it is at."""
        self._tasks.stop_all()
        self._stop_removal.set()
        if self._removal is not None:
            self._removal.wait()


@contextmanager
def _kept_place(view: View, *, complete: bool) -> Iterator[None]:
    """Keep the cursor on its row while others come and go, and no marks of rows that are gone."""
    key = view.key(view.cursor) if view.cursor and view.cursor < len(view) else None
    yield
    row = None if key is None else view.row_of(key)
    view.cursor = min(view.cursor if row is None else row, max(len(view) - 1, 0))
    if complete:
        view.marks = {one: None for one in view.marks if view.row_of(one) is not None}


def browse(source: Source, selection: Selection) -> int:
    """Show a store on the terminal until the user leaves.

    Parameters
    ----------
    source : Source
    selection : Selection
        The first filter.

    Returns
    -------
    code : int
        Exit code.
    """
    app = Browser(source, selection)
    try:
        app.run()
    finally:
        app.finish()
    if app.problem is not None:
        raise app.problem
    return app.return_code or 0
