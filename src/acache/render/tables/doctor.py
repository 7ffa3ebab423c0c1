"""The result of each check: ``acache doctor``."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from acache.operations.doctor.check import Check, Status
from acache.render.tables.layout import GAP, console, plural, write
from acache.system.text import printable

_STYLES: dict[Status, str] = {"ok": "green", "warning": "yellow", "problem": "bold red"}
_STATUS_WIDTH = max(map(len, _STYLES))
_WIDEST = 100  # columns; longer lines are hard to read
_NARROWEST = 12


def print_checks(checks: Sequence[Check]) -> None:
    """Print each check with its fix below, and how many there are of each kind."""
    out = console()
    names = max(len(check.id) for check in checks)
    indent = _STATUS_WIDTH + names + 2 * GAP
    width = max(min(out.width, _WIDEST) - indent, _NARROWEST)
    for check in checks:
        first, *rest = textwrap.wrap(printable(check.message), width, break_on_hyphens=False)
        line = Text(f"{check.status:<{_STATUS_WIDTH + GAP}}", style=_STYLES[check.status])
        line.append(f"{check.id:<{names + GAP}}{first}", style="not bold default")
        write(out, line, *(Text(" " * indent + text) for text in rest))
        if check.fix is not None:
            # Never wrapped: it is there to be copied.
            out.file.write(f"{'':{indent}}$ {printable(check.fix)}\n")
    write(out, "", Text(_summary(checks)))


def _summary(checks: Sequence[Check]) -> str:
    found = Counter(check.status for check in checks)
    bad = [plural(found["problem"], "problem"), plural(found["warning"], "warning")]
    return f"{plural(len(checks), 'check')}: {' and '.join(filter(None, bad)) or 'all is well'}"
