"""What `acache doctor` and `acache verify` found, as tables of HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from acache.operations.doctor.check import Check
from acache.operations.verify.entry import Finding
from acache.operations.verify.store import VerifyReport
from acache.render.html.markup import Markup, element
from acache.render.html.tables import columns, cut, entries_text, table, tail
from acache.store.format import is_hash
from acache.system.text import counted, size_text

_MOST_FINDINGS = 60
_MOST_FIXES = 5
_LONGEST = 500
_TEXTS = ("message", "fix")
_STYLE = {"problem": "bad", "warning": "warn", "note": "", "ok": "good"}


def checks_table(checks: Sequence[Check]) -> Markup:
    """Make a table of the checks, problems and warnings first."""
    order = ("problem", "warning", "ok")
    rows = sorted(checks, key=lambda check: order.index(check.status))
    titles, cells = columns(
        {
            "check": [check.id for check in rows],
            "status": [_status(check.status) for check in rows],
            "message": [cut(check.message, _LONGEST) for check in rows],
            "fix": [_code(check.fix) for check in rows],
        }
    )
    return table("Settings, disk and store: what acache doctor finds", titles, cells, texts=_TEXTS)


def findings_table(report: VerifyReport, wrapped: Callable[[Markup], Markup]) -> Iterator[Markup]:
    """Sum up a check of entries, and make a table of what it found, the problems first."""
    yield element("p", verify_summary(report))
    if report.findings:
        yield wrapped(verify_table(report.findings, _MOST_FINDINGS))
    fixes = list(dict.fromkeys(one.fix for one in report.findings if one.fix is not None))
    if fixes:
        more = f" and {len(fixes) - _MOST_FIXES:,} more" if len(fixes) > _MOST_FIXES else ""
        items = [element("li", element("code", fix)) for fix in fixes[:_MOST_FIXES]]
        yield element("p", f"To fix{more}:")
        yield element("ul", *items)


def verify_summary(report: VerifyReport) -> str:
    """Sum up a check of entries in a sentence."""
    notes = len(report.findings) - report.problems
    checked = f"{entries_text(report.entries)} checked ({size_text(report.size_bytes)})"
    return f"{checked}: {counted(report.problems, 'problem')}, {counted(notes, 'note')}"


def verify_table(findings: Sequence[Finding], most: int) -> Markup:
    """Make a table of the first findings."""
    rows = findings[:most]
    titles, cells = columns(
        {
            "what": [_name(one.id) for one in rows],
            "severity": [_status(one.severity) for one in rows],
            "kind": [one.kind for one in rows],
            "message": [cut(one.message, _LONGEST) for one in rows],
        }
    )
    more = len(findings) - len(rows)
    left_out = f"and {more:,} more: acache verify lists all" if more else ""
    caption = "Entries: what acache verify finds"
    return table(caption, titles, cells, texts=("what", "message"), left_out=left_out)


def _name(text: str) -> str:
    """Name what a finding is about; the first digits of an argument hash are enough."""
    above, _, last = text.rpartition("/")
    return tail(f"{above}/{last[:8]}" if above and is_hash(last) else text)


def _status(status: str) -> Markup:
    return element("span", status, class_=_STYLE[status] or None)


def _code(fix: str | None) -> Markup | str:
    return element("code", cut(fix, _LONGEST)) if fix else ""
