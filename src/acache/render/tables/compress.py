"""What compressing made of results, per function: ``acache compress``."""

from __future__ import annotations

from acache.operations.compress import CompressReport, CompressRow
from acache.render.tables.layout import console, first_rows, left_out, pairs, plural, table, write
from acache.system.text import printable, size_text


def print_compress(report: CompressReport, *, dry_run: bool) -> None:
    """Print what was compressed, or would be, and what was kept."""
    out = console()
    changed = [row for row in report.rows if row.entries]
    if changed:
        rows = first_rows(out, changed)
        columns = {
            "function": [printable(row.function) for row in rows],
            "entries": [f"{row.entries:,}" for row in rows],
            "before": [size_text(row.before_bytes) for row in rows],
            "after": [size_text(row.after_bytes) for row in rows],
        }
        made = table(out, columns, drop=("entries",))
        write(out, made, *left_out(len(changed) - len(rows)), "")
    write(out, pairs(_summary(report, dry_run=dry_run)))


def _summary(report: CompressReport, *, dry_run: bool) -> list[tuple[str, str]]:
    total = report.total
    done = "uncompressed" if report.method == "none" else "compressed"
    lines = [(f"would be {done}" if dry_run else done, _amount(total))]
    kept = [
        f"{plural(total.same, 'entry', 'entries')} with that form" if total.same else "",
        f"{plural(total.not_smaller, 'entry', 'entries')} that would not become smaller"
        if total.not_smaller
        else "",
    ]
    if any(kept):
        lines.append(("kept", ", ".join(filter(None, kept))))
    return lines


def _amount(total: CompressRow) -> str:
    if not total.entries:
        return "no entries"
    sizes = f"{size_text(total.before_bytes)} before, {size_text(total.after_bytes)} after"
    return f"{plural(total.entries, 'entry', 'entries')}, {sizes}"
