"""Logged calls, and what smaller caches would have saved, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from acache.operations.call_totals import CallRow
from acache.operations.simulate.passes import BOUND
from acache.operations.simulate.simulation import SimulateReport
from acache.render.durations import duration
from acache.render.html.curves import curves
from acache.render.html.markup import Markup, element
from acache.render.html.tables import columns, level_text, seconds_text, table, tail
from acache.system.text import counted, size_text

_MOST_FUNCTIONS = 500


def calls_table(rows: Sequence[CallRow]) -> Markup:
    """Make a table of logged calls per function, those that saved the most first."""
    shown = rows[:_MOST_FUNCTIONS]
    counts = [row.totals for row in shown]
    titles, cells = columns(
        {
            "function": [tail(one.function) for one in counts],
            "level": [level_text(row.level) for row in shown],
            "calls": [f"{one.calls:,}" for one in counts],
            "hits": [f"{one.hits:,}" for one in counts],
            "misses": [f"{one.misses:,}" for one in counts],
            "hit rate": [f"{one.hits / max(one.calls, 1):.0%}" for one in counts],
            "time saved": [_saved(row) for row in shown],
        }
    )
    more = len(rows) - len(shown)
    return table(
        "Logged calls by function",
        titles,
        cells,
        numbers=titles[1:],
        sorted_by="time saved",
        left_out=f"and {counted(more, 'more function')}" if more else "",
    )


def _saved(row: CallRow) -> str:
    text = seconds_text(row.totals.saved_seconds)
    return element("span", text, class_="bad") if row.totals.costs else text


def simulation_section(
    report: SimulateReport, wrapped: Callable[[Markup], Markup]
) -> Iterator[Markup]:
    """Draw what smaller caches would have saved, and say which size is enough."""
    unlimited = report.unlimited
    yield element(
        "p",
        f"{counted(report.calls, 'call')} of {counted(report.distinct, 'entry', 'entries')} in"
        f" {duration(report.span_seconds)}, replayed: without limit"
        f" {size_text(unlimited.size_bytes)} save {duration(unlimited.saved_seconds)} with"
        f" {unlimited.hit_rate:.0%} hits.",
    )
    if report.recommended is None:
        yield element("p", report.nothing_saved)
        return
    size, policy, share = report.recommended
    yield element("p", f"{size_text(size)} keep {share:.1%} of that, with the policy {policy}.")
    yield element("figure", curves(report))
    yield wrapped(simulation_table(report))


def simulation_table(report: SimulateReport) -> Markup:
    """Make a table of the share of the savings that each policy keeps at each size."""
    sizes = [point.size_bytes for point in next(iter(report.policies.values()))]
    titles, cells = columns(
        {
            "size": [size_text(size) for size in sizes],
            **{
                "best (bound)" if policy == BOUND else policy: [f"{p.share:.1%}" for p in points]
                for policy, points in report.policies.items()
            },
        }
    )
    return table("Share of the saved time by size and policy", titles, cells, numbers=titles[1:])
