"""Reports as a notebook shows them: a line that sums up, and tables, without style or script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from acache.operations.bench.results import BenchReport, Measurement
from acache.operations.clear import Plan
from acache.operations.run.savings import RunReport
from acache.operations.stats import StatsReport
from acache.operations.verify.store import VerifyReport
from acache.render.durations import duration, timing
from acache.render.html.contents import functions_table, levels_table
from acache.render.html.findings import verify_summary, verify_table
from acache.render.html.markup import Markup, element
from acache.render.html.tables import amount, columns, level_text, seconds_text, table, tail
from acache.system.text import counted, size_text

_MOST_ROWS = 60  # as pandas has it


def notebook_html(report: object) -> str:
    """Write a report as HTML.

    Parameters
    ----------
    report : StatsReport, RunReport, BenchReport, VerifyReport or Plan
    """
    return element("div", *_WRITERS[type(report)](report), class_="acache")


def _stats(report: StatsReport) -> Iterator[Markup]:
    yield element("p", element("b", report.store), f": {amount(report.total)}")
    if report.total.entries:
        yield levels_table(report, plain=True)
        yield functions_table(report, report.functions[:_MOST_ROWS], plain=True)


def _run(report: RunReport) -> Iterator[Markup]:
    saved = seconds_text(report.saved_seconds)
    hits = f"{counted(report.hits, 'hit')}, {counted(report.misses, 'miss', 'misses')}"
    summary = f": {hits}; saved {saved} in {duration(report.wall_seconds)}"
    if report.exit_code:
        summary += f"; exit code {report.exit_code}"
    yield element("p", _command(report.command), summary)
    rows = report.functions[:_MOST_ROWS]
    calls = [row.calls for row in rows]
    yield _table(
        "Cached calls by function",
        len(report.functions) - len(rows),
        {
            "function": [tail(row.function) for row in rows],
            "level": [level_text(row.level) for row in rows],
            "hits": [f"{one.hits:,}" for one in calls],
            "misses": [f"{one.misses:,}" for one in calls],
            "hash": [duration(one.hash_seconds) for one in calls],
            "load": [duration(one.load_seconds) for one in calls],
            "compute": [duration(one.compute_seconds) for one in calls],
            "store": [duration(one.store_seconds) for one in calls],
            "saved": [seconds_text(row.saved_seconds) for row in rows],
        },
    )
    yield from map(_warning, report.warnings)


def _bench(report: BenchReport) -> Iterator[Markup]:
    best = report.recommended
    advice = "no level is worth using" if best is None else f"level {best.name} is recommended"
    summary = f": {counted(report.rounds, 'run')} each, median ± median absolute deviation; "
    yield element("p", _command(report.command), summary, element("b", advice))
    rows = [("off", report.off, "", "", "", "")]
    for one in report.levels:
        gain = "" if one.speedup is None else f"{one.speedup:.2f}x"
        spread = "" if one.interval is None else "{:.2f} – {:.2f}".format(*one.interval)
        pays = "" if one.break_even_runs is None else f"{one.break_even_runs:.1f} runs"
        rows.append((f"{one.name} cold", one.cold, "", "", amount(one.held.entries), ""))
        rows.append((f"{one.name} warm", one.warm, gain, spread, "", pays))
    names, measured, gains, spreads, held, pays_off = zip(*rows, strict=True)
    yield _table(
        "Times by level",
        0,
        {
            "level": names,
            "time": [timing(one.summary.median) for one in measured],
            "±": [_spread(one) for one in measured],
            "speed-up": gains,
            "95 %": spreads,
            "cache": held,
            "pays off after": pays_off,
        },
    )
    yield from map(_warning, report.warnings)


def _spread(measured: Measurement) -> str:
    mad = measured.summary.mad
    return "" if mad is None else timing(mad)


def _verify(report: VerifyReport) -> Iterator[Markup]:
    yield element("p", element("b", report.store.path), f": {verify_summary(report)}")
    if report.findings:
        yield verify_table(report.findings, _MOST_ROWS)
    yield from map(_warning, report.warnings)


def _plan(report: Plan) -> Iterator[Markup]:
    planned = "nothing to remove" if report.is_empty else f"to remove: {amount(report.total)}"
    if report.total.entries and report.total.compute_seconds is not None:
        planned += f"; at most {duration(report.total.compute_seconds)} to compute again"
    if report.leftovers:
        room = report.leftover_usage
        size = room.size_bytes if room.disk_bytes is None else room.disk_bytes
        planned += f"; {counted(len(report.leftovers), 'leftover')}, {size_text(size)}"
    kept = f"; kept: {amount(report.kept)}"
    yield element("p", element("b", report.store.path), f": {planned}{kept}")
    if not report.rows:
        return
    rows = report.rows[:_MOST_ROWS]
    totals = [row.totals for row in rows]
    yield _table(
        "What would be removed, by function",
        len(report.rows) - len(rows),
        {
            "function": [tail(row.function) for row in rows],
            "entries": [f"{one.entries:,}" for one in totals],
            "size": [size_text(one.size_bytes) for one in totals],
            "disk": ["" if one.disk_bytes is None else size_text(one.disk_bytes) for one in totals],
            "compute": [seconds_text(one.compute_seconds) for one in totals],
        },
    )


def _table(caption: str, more: int, cells: dict[str, Any]) -> Markup:
    titles, rows = columns(cells)
    left_out = f"and {counted(more, 'more function')}" if more else ""
    return table(caption, titles, rows, left_out=left_out)


def _command(words: tuple[str, ...]) -> Markup:
    return element("code", " ".join(words))


def _warning(text: str) -> Markup:
    return element("p", element("b", "warning: "), text)


_WRITERS: dict[type, Callable[[Any], Iterator[Markup]]] = {
    StatsReport: _stats,
    RunReport: _run,
    BenchReport: _bench,
    VerifyReport: _verify,
    Plan: _plan,
}
