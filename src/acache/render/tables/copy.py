"""What was copied, per function: ``acache copy``."""

from __future__ import annotations

from rich.text import Text

from acache.operations.copy import CopyReport
from acache.render.tables.layout import console, first_rows, left_out, pairs, plural, table, write
from acache.system.text import printable, size_text


def print_copy(report: CopyReport, *, dry_run: bool) -> None:
    """Print what was copied, or would be."""
    out = console()
    if not report.rows:
        write(out, Text("nothing to copy"))
        return
    copied = [row for row in report.rows if row.copied]
    if copied:
        rows = first_rows(out, copied)
        columns = {
            "function": [printable(row.function) for row in rows],
            "copied": [f"{row.copied:,}" for row in rows],
            "size": [size_text(row.size_bytes) for row in rows],
        }
        made = table(out, columns, drop=("size",))
        write(out, made, *left_out(len(copied) - len(rows)), "")
    lines = [("would copy" if dry_run else "copied", _amount(report.copied, report.size_bytes))]
    if report.present:
        lines.append(("present", f"{_entries(report.present)}, kept as they are"))
    write(out, pairs(lines))


def _amount(entries: int, size_bytes: int) -> str:
    return f"{_entries(entries)}, {size_text(size_bytes)}"


def _entries(number: int) -> str:
    return plural(number, "entry", "entries") or "no entries"
