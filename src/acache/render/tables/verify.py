"""What a check of a store found: ``acache verify``."""

from __future__ import annotations

from itertools import groupby

from rich.table import Table
from rich.text import Text

from acache.operations.verify.result import Kind
from acache.operations.verify.store import VerifyReport
from acache.render.tables.layout import GAP, console, plural, tail, write
from acache.store.format import is_hash
from acache.system.text import printable, size_text

_MOST_SHOWN = 20  # of each kind
_MOST_FIXES = 3  # of each kind
_WIDEST_ID = 36
_SHORT_HASH = 8
_FIXED: dict[Kind, str] = {
    "unsafe-pickle": "unsafe",
    "truncated": "damaged",
    "unreadable": "damaged",
    "missing-output": "damaged",
    "missing-source": "no source",
    "unknown-global": "unknown",
}


def print_findings(report: VerifyReport, *, fixes: bool) -> None:
    """Print what was found, kind by kind, and with `fixes` the commands that fix it."""
    out = console()
    width = min(_WIDEST_ID, max(12, (out.width - 16) // 2))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for kind, findings in groupby(report.findings, lambda one: one.kind):
        listed = list(findings)
        for one in listed[:_MOST_SHOWN]:
            style = "red" if one.severity == "problem" else "dim"
            name = tail(out, _name(one.id), width)
            table.add_row(Text(kind, style=style), Text(name), Text(printable(one.message)))
        if len(listed) > _MOST_SHOWN:
            more = f"... and {len(listed) - _MOST_SHOWN:,} more"
            table.add_row(Text(kind, style="dim"), Text(more), Text("--json lists all"))
    if report.findings:
        write(out, table, "")
    write(out, Text(_summary(report)))
    lines = _fixes(report) if fixes else []
    if lines or not fixes:
        out.file.write("\n")
    widest = max((len(title) for title, _ in lines), default=0)
    for title, fix in lines:  # never wrapped: it is there to be copied
        out.file.write(f"{title:<{widest}}  {fix}\n")


def _name(text: str) -> str:
    """Name what a finding is about; the first digits of an argument hash are enough."""
    above, _, last = text.rpartition("/")
    return printable(f"{above}/{last[:_SHORT_HASH]}" if above and is_hash(last) else text)


def _summary(report: VerifyReport) -> str:
    checked = plural(report.entries, "entry", "entries") or "no entries"
    problems = plural(report.problems, "problem") or "no problems"
    notes = plural(len(report.findings) - report.problems, "note") or "no notes"
    return f"{checked} checked ({size_text(report.size_bytes)}), {problems}, {notes}"


def _fixes(report: VerifyReport) -> list[tuple[str, str]]:
    """List the commands that fix the findings, each once, with what they fix."""
    commands = {one.fix: _FIXED[one.kind] for one in report.findings if one.fix is not None}
    lines = []
    for title in dict.fromkeys(commands.values()):
        found = [fix for fix, fixed in commands.items() if fixed == title]
        lines += [(title, printable(fix)) for fix in found[:_MOST_FIXES]]
        if len(found) > _MOST_FIXES:
            lines.append((title, f"... and {len(found) - _MOST_FIXES:,} more"))
    return lines
