"""A line or a bar on stderr that is drawn again and again, and removed at its end."""

from __future__ import annotations

import sys

from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from acache.render.tables.layout import console


def live_bar(total: int, what: str) -> Progress:
    """Return a progress bar, not yet started."""
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
    """Return a line, not yet started."""
    return Live("", console=console(sys.stderr), auto_refresh=False, transient=True)
