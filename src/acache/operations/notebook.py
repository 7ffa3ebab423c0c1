"""Reports as a notebook shows them: a room above says how, as this one makes no text.

IPython asks an object for its ``_repr_html_``, and shows its ``repr`` where that returns None.
"""

from __future__ import annotations

from collections.abc import Callable

_show: Callable[[object], str] | None = None


def show_by(show: Callable[[object], str]) -> None:
    """Have reports shown by a function, which returns HTML."""
    global _show  # noqa: PLW0603 - set once, by the public API
    _show = show


def html_of(report: object) -> str | None:
    """Return a report as HTML; None before it is known how."""
    return None if _show is None else _show(report)
