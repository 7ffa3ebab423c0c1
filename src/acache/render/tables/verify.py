"""What a check of a store found."""

from __future__ import annotations

from itertools import groupby

from rich.table import Table
from rich.text import Text

from acache.operations.verify.store import RAISES, VerifyReport
from acache.render.tables.layout import GAP, console, plural, show, size, tail
from acache.store.format import dotted, is_hash
from acache.store.ids import exactly
from acache.system.text import printable, quoted

_MOST_SHOWN = 20  # of each kind
_WIDEST_ID = 36
_SHORT_HASH = 8
_MOST_MENDED = 3


def verification(report: VerifyReport, *, mend: str | None, clear: str) -> None:
    """Print what was found, kind by kind, and how to mend it.

    `mend` is a command, ``{}`` for the options that make it mend something; None if that is what
    comes next. `clear` is the command that clears the same store.
    """
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
            table.add_row(Text(kind, style="dim"), Text(more), Text("--json lists them all"))
    if report.findings:
        show(out, table, "")
    show(out, Text(_summary(report)))
    if mend is None:
        show(out, "")
    elif mends := _mends(report, mend, clear):
        show(out, "")
        widest = max(len(name) for name, _ in mends)
        for name, command in mends:
            # Never wrapped: it is there to be copied.
            out.file.write(f"{name:<{widest}}  {printable(command)}\n")


def _name(text: str) -> str:
    """Name what a finding is about; of an argument hash the first digits will do."""
    above, _, last = text.rpartition("/")
    return printable(f"{above}/{last[:_SHORT_HASH]}" if above and is_hash(last) else text)


def _summary(report: VerifyReport) -> str:
    checked = plural(report.entries, "entry", "entries") or "no entries"
    problems = plural(report.problems, "problem") or "no problems"
    notes = plural(len(report.findings) - report.problems, "note") or "no notes"
    return f"{checked} checked ({size(report.size_bytes)}), {problems}, {notes}"


def _mends(report: VerifyReport, mend: str, clear: str) -> list[tuple[str, str]]:
    """Tell for each kind of problem what mends it."""
    kinds = {one.kind for one in report.findings if one.severity == "problem"}
    lines = []
    if report.broken or report.remnants:
        lines.append(("damaged", mend.format("--delete")))
    if "unsafe-pickle" in kinds:
        lines.append(("unsafe", mend.format("--delete-unsafe")))
    if "unknown-global" in kinds:
        lines.append(("unknown", mend.format("--strict --allow MODULE.NAME")))
    without = report.sourceless
    raising = {one.id for one in report.findings if one.message.endswith(RAISES)}
    for name in without[:_MOST_MENDED]:
        command = f"{clear} --function {quoted(exactly(name))}"
        if dotted(name) in raising:
            command += f" && rm -r {quoted(report.store.source_address(name))}"
        lines.append(("no source", command))
    if len(without) > _MOST_MENDED:
        lines.append(("no source", f"... and {len(without) - _MOST_MENDED:,} more"))
    return lines
