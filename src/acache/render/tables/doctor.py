"""What `acache doctor` found."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from acache.operations.doctor.check import Check, Status
from acache.render.tables.layout import GAP, console, plural, show
from acache.system.text import printable

_STYLES: dict[Status, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_STATUS_WIDTH = max(map(len, _STYLES))
_WIDEST = 100  # columns; longer lines are hard to read
_NARROWEST = 12


def doctor(checks: Sequence[Check]) -> None:
    """Print each check, what mends it below, and how many there are of each kind."""
    out = console()
    names = max(len(check.id) for check in checks)
    indent = _STATUS_WIDTH + names + 2 * GAP
    width = max(min(out.width, _WIDEST) - indent, _NARROWEST)
    for check in checks:
        first, *rest = textwrap.wrap(printable(check.message), width, break_on_hyphens=False)
        line = Text(f"{check.status:<{_STATUS_WIDTH + GAP}}", style=_STYLES[check.status])
        line.append(f"{check.id:<{names + GAP}}{first}", style="not bold default")
        show(out, line, *(Text(" " * indent + text) for text in rest))
        if check.fix is not None:
            # Never wrapped: it is there to be copied.
            out.file.write(f"{'':{indent}}$ {printable(check.fix)}\n")
    show(out, "", Text(_summary(checks)))


def _summary(checks: Sequence[Check]) -> str:
    found = Counter(check.status for check in checks)
    told = [plural(found["problem"], "problem"), plural(found["warning"], "warning")]
    listed = " and ".join(filter(None, told)) or "all is well"
    return f"{plural(len(checks), 'check')}: {listed}"
