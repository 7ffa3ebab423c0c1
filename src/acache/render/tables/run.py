"""What each function saved in a run: ``acache run``."""

from __future__ import annotations

import sys

from rich.console import Console, RenderableType

from acache.config.settings import Config
from acache.operations.run.savings import RunReport
from acache.render.durations import duration
from acache.render.tables.layout import (
    console,
    level_text,
    pairs,
    plural,
    seconds_text,
    table,
    write,
)
from acache.render.tables.why import print_misses
from acache.system.text import printable, size_text

_MOST_MISSES = 20
_WIDE = 120  # columns; with fewer, names need the room more than bytes do
# What is left out first where there is little room. Calls are hits and misses.
_DROPPED = ("calls", "level", "hash", "store", "load", "compute")


def print_run(report: RunReport, config: Config) -> None:
    """Print what was called, hit and missed, and what each function saved, on stderr."""
    out = console(sys.stderr)
    if report.functions:
        write(out, "", _table(out, report), "", pairs(_summary(report, config)))
    if report.why is not None and report.why.calls:
        write(out, "")
        print_misses(report.why, out, most=_MOST_MISSES)


def _table(out: Console, report: RunReport) -> RenderableType:
    rows = report.functions
    calls = [row.calls for row in rows]
    columns = {
        "function": [printable(row.function) for row in rows],
        "level": [level_text(row.level) for row in rows],
        "calls": [f"{c.hits + c.misses:,}" for c in calls],
        "hits": [f"{c.hits:,}" for c in calls],
        "misses": [f"{c.misses:,}" for c in calls],
        "hash": [duration(c.hash_seconds) for c in calls],
        "load": [duration(c.load_seconds) for c in calls],
        "compute": [duration(c.compute_seconds) for c in calls],
        "store": [duration(c.store_seconds) for c in calls],
        "loaded": [size_text(c.bytes_loaded) for c in calls],
        "stored": [size_text(c.bytes_stored) for c in calls],
        "saved": [_signed(row.saved_seconds) for row in rows],
    }
    if out.width < _WIDE:
        del columns["loaded"], columns["stored"]
    return table(out, columns, drop=_DROPPED, styles=["red" if row.costs else "" for row in rows])


def _signed(seconds: float | None) -> str:
    """Format seconds saved; those lost have a minus."""
    return (
        f"-{duration(-seconds)}" if seconds is not None and seconds < 0 else seconds_text(seconds)
    )


def _summary(report: RunReport, config: Config) -> list[tuple[str, str]]:
    functions = plural(len(report.functions), "function")
    hits = plural(report.hits, "hit") or "no hits"
    misses = plural(report.misses, "miss", "misses") or "no misses"
    lines = [
        ("calls", f"{hits}, {misses} in {functions}"),
        ("saved", _saved(report)),
        ("wall", duration(report.wall_seconds)),
    ]
    costly = [row for row in report.functions if row.costs]
    if costly and report.hits > report.misses:  # a run that fills the cache shows nothing of that
        lines.append(("costly", _advice(report, len(costly), config)))
    return lines


def _saved(report: RunReport) -> str:
    saved = report.saved_seconds
    if not report.hits:
        return _promise(report)
    if saved is None:
        return "unknown: joblib recorded no times"
    if saved < 0:
        stored = any(row.calls.bytes_stored and row.doubt is None for row in report.functions)
        later = "; what was stored may save time in later runs" if stored else ""
        return f"nothing: caching took {duration(-saved)} more than it saved{later}"
    return f"at most {duration(saved)}"


def _promise(report: RunReport) -> str:
    stored = [row for row in report.functions if row.calls.bytes_stored]
    if not stored:
        return "nothing: no result was stored"
    if all(row.doubt for row in stored):
        return "nothing, and probably nothing in later runs: see the warnings"
    return "nothing yet: results were stored; run it again to see what they save"


def _advice(report: RunReport, costly: int, config: Config) -> str:
    functions = plural(costly, "function takes", "functions take")
    text = f"{functions} longer to load than to compute"
    if report.exit_code:  # what it did is not all that it does
        return text
    if report.advice is None:
        return f"{text}; a lower level would not help"
    variable = config.level.variable
    gain = duration(report.advice.gain_seconds)
    return f"{text}; {variable}={report.advice.level} would save {gain} more"
