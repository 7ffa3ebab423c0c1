"""What each function saved in a run: the table of ``acache run``."""

from __future__ import annotations

import sys

from rich.console import Console, RenderableType

from acache.config.settings import Config
from acache.operations.run.savings import FunctionSavings, RunReport
from acache.render.durations import duration
from acache.render.tables.layout import console, count, level, pairs, plural, show, size, table
from acache.system.text import printable

_WIDE = 120  # columns; with fewer, names need the room more than bytes do
# What is left out first where there is little room. Calls are hits and misses.
_DROPPED = ("calls", "level", "hash", "store", "load", "compute")


def run(report: RunReport, configuration: Config) -> None:
    """Print what was called, hit and missed, and what each function saved, on stderr."""
    out = console(sys.stderr)
    if report.functions:
        show(out, "", _table(out, report), "", pairs(_summary(report, configuration)))


def _table(out: Console, report: RunReport) -> RenderableType:
    rows = report.functions
    calls = [row.calls for row in rows]
    columns = {
        "function": [printable(row.function) for row in rows],
        "level": [level(row.level) for row in rows],
        "calls": [count(c.hits + c.misses) for c in calls],
        "hits": [count(c.hits) for c in calls],
        "misses": [count(c.misses) for c in calls],
        "hash": [duration(c.hash_seconds) for c in calls],
        "load": [duration(c.load_seconds) for c in calls],
        "compute": [duration(c.compute_seconds) for c in calls],
        "store": [duration(c.store_seconds) for c in calls],
        "loaded": [size(c.bytes_loaded) for c in calls],
        "stored": [size(c.bytes_stored) for c in calls],
        "saved": [signed(row.saved_seconds) for row in rows],
    }
    if out.width < _WIDE:
        del columns["loaded"], columns["stored"]
    return table(out, columns, drop=_DROPPED, styles=[_style(row) for row in rows])


def _style(row: FunctionSavings) -> str:
    return "red" if row.costs else ""


def signed(seconds: float | None) -> str:
    """Show seconds saved, or with a minus those lost."""
    if seconds is None:
        return "-"
    return duration(seconds) if seconds >= 0 else f"-{duration(-seconds)}"


def _summary(report: RunReport, configuration: Config) -> list[tuple[str, str]]:
    functions = plural(len(report.functions), "function")
    hits = plural(report.hits, "hit") or "no hits"
    misses = plural(report.misses, "miss", "misses") or "no misses"
    lines = [
        ("calls", f"{hits}, {misses} in {functions}"),
        ("saved", _saved(report)),
        ("wall", duration(report.wall_seconds)),
    ]
    costly = [row for row in report.functions if row.costs]
    if costly and report.hits > report.misses:  # a run that fills the cache is no measure
        lines.append(("costly", _advice(report, len(costly), configuration)))
    return lines


def _saved(report: RunReport) -> str:
    saved = report.saved_seconds
    if not report.hits:
        return "nothing yet: this run filled the cache; the next one shows what that saves"
    if saved is None:
        return "unknown: joblib recorded no times"
    if saved < 0:
        later = "; what was stored saves time in the next runs" if report.misses else ""
        return f"nothing: caching cost {duration(-saved)} more than it saved{later}"
    return f"about {duration(saved)}, at most"


def _advice(report: RunReport, costly: int, configuration: Config) -> str:
    functions = plural(costly, "function")
    verb = "costs" if costly == 1 else "cost"
    text = f"{functions} {verb} more to cache than to compute"
    if report.advice is None:
        return f"{text}; a lower level would not help"
    variable = configuration.level.variable
    gain = duration(report.advice.gain_seconds)
    return f"{text}; {variable}={report.advice.level} would gain {gain}"
