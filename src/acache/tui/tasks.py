"""Work in threads, while the screen stays alive: one task of a kind at a time."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from textual.app import App
from textual.message import Message

from acache.operations.browse.contents import StoppedError
from acache.system.errors import AcacheError


class Told(Message):
    """What a task has to tell: a call to be made in the thread of the screen."""

    def __init__(self, call: Callable[..., None], *arguments: Any) -> None:
        super().__init__()
        self.call = call
        self.arguments = arguments


class Task:
    """One piece of work in a thread of its own.

    Parameters
    ----------
    app : App
        Gets a `Told` for everything that the task tells.
    work : callable
        Is called with this task, in the thread.
    failed : callable
        Gets what went wrong, in the thread of the screen.
    """

    def __init__(
        self,
        app: App[Any],
        work: Callable[[Task], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._app = app
        self._work = work
        self._failed = failed
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end soon. It tells nothing any more."""
        self._stop.set()

    def stopped(self) -> bool:
        """Return whether it was asked to end."""
        return self._stop.is_set()

    def wait(self) -> None:
        """Wait until it has ended."""
        self._thread.join()

    def tell(self, call: Callable[..., None], *arguments: Any) -> None:
        """Have a call made in the thread of the screen, unless the task was stopped by then."""

        def unless_stopped() -> None:
            if not self.stopped():
                call(*arguments)

        self._app.post_message(Told(unless_stopped))

    def _run(self) -> None:
        try:
            self._work(self)
        except StoppedError:
            pass
        except Exception as problem:
            self.tell(self._failed, problem)


class Tasks:
    """The tasks of an app, one of a name at a time.

    Parameters
    ----------
    app : App
    failed : callable
        Gets the name of a task, and what went wrong.
    """

    def __init__(self, app: App[Any], failed: Callable[[Exception], None]) -> None:
        self._app = app
        self._failed = failed
        self._running: dict[str, Task] = {}

    def start(self, name: str, work: Callable[[Task], None]) -> None:
        """Start a task, and stop the one before it that has its name."""
        self.stop(name)
        self._running[name] = Task(self._app, work, self._failed)

    def stop(self, name: str) -> None:
        """Stop the task of a name, if any."""
        task = self._running.pop(name, None)
        if task is not None:
            task.stop()

    def stop_all(self) -> None:
        """Stop all tasks."""
        for name in list(self._running):
            self.stop(name)


def text_of(problem: Exception) -> str | None:
    """Return what to show of a problem that a user can fix; None for a bug."""
    if isinstance(problem, OSError):
        where = f"{problem.filename}: " if problem.filename else ""
        return f"{where}{problem.strerror or problem}"
    return str(problem) if isinstance(problem, AcacheError) else None
