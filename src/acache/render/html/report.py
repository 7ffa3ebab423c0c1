"""A report of a store as one page: ``acache report``."""

from __future__ import annotations

from collections.abc import Iterator

from acache import __version__
from acache.operations.report import StoreReport
from acache.render.durations import duration
from acache.render.html.contents import entries_table, functions_table, levels_table
from acache.render.html.findings import checks_table, findings_table
from acache.render.html.history import calls_table, simulation_section
from acache.render.html.markup import Markup, element
from acache.render.html.page import page
from acache.render.html.tables import (
    day,
    minute,
    room_of,
    room_title,
    seconds_text,
    short_names,
)
from acache.render.html.tiles import level_tiles
from acache.render.html.treemap import described, treemap
from acache.system.text import counted, size_text

_MOST_FUNCTIONS = 500
_ARGUMENTS = (60_000, 40_000, 30_000, 20_000, 10_000, 0)  # characters
_LARGEST = 300_000  # bytes
_FEW = 50  # entries: their table is not folded up


def report_page(report: StoreReport, command: str) -> str:
    """Write the page. The larger it is, the less it shows of arguments.

    Parameters
    ----------
    report : StoreReport
    command : str
        The command line that makes the same report.
    """
    made = ""
    for characters in _ARGUMENTS:
        title = f"Cache report: {report.stats.location}"
        made = page(title, *_sections(report, command, characters))
        if len(made.encode()) < _LARGEST:
            break
    return made


def _sections(report: StoreReport, command: str, characters: int) -> Iterator[Markup]:
    stats = report.stats
    yield from _head(report)
    if stats.total.entries:
        rows = stats.functions[:_MOST_FUNCTIONS]
        levels = level_tiles(report, rows)
        title = f"{room_title(stats.total)} of {stats.store} by level, function and entry"
        picture = element("figure", treemap(levels, title, described(levels)))
        yield _section("Where the room goes", picture)
        yield _section("Levels", _scroll(levels_table(stats)))
        yield _section("Functions", _scroll(functions_table(stats, rows)))
        names = short_names([row.function for row in rows])
        yield _entries(report, entries_table(report, names, characters))
    if report.calls is not None:
        yield _section("Calls", _scroll(calls_table(report.calls)))
    if report.simulation is not None:
        yield _section("Smaller caches", *simulation_section(report.simulation, _scroll))
    yield _section("Findings", *_findings(report))
    made = f"Made {minute(report.made)} by acache {__version__}: "
    yield element("footer", made, element("code", command))


def _section(title: str, *content: Markup) -> Markup:
    name = title.lower().replace(" ", "-")
    return element("section", element("h2", title, id=name), *content, aria_labelledby=name)


def _scroll(content: Markup) -> Markup:
    """Let a wide table scroll by itself, by the keyboard too."""
    return element("div", content, class_="scroll", tabindex=0, role="group", aria_label="Table")


def _head(report: StoreReport) -> Iterator[Markup]:
    stats = report.stats
    level = "not valid" if report.level is None else str(report.level)
    yield element(
        "header",
        element("h1", "Cache report"),
        element("p", element("code", stats.store), class_="path"),
        element("p", f"{minute(report.made)}, configured level {level}", class_="quiet"),
    )
    if not stats.exists:
        yield element("p", "There is no cache yet.", class_="note")
    elif report.selected:
        yield element(
            "p",
            "Entries were selected: the figures, tables and checks of entries cover only these.",
            class_="note",
        )
    yield element("dl", *_figures(report), class_="figures")


def _figures(report: StoreReport) -> Iterator[Markup]:
    stats = report.stats
    total = stats.total
    functions = counted(sum(row.functions for row in stats.levels), "function")
    yield _figure("entries", f"{total.entries:,}", f"in {functions}")
    room = "size" if total.disk_bytes is None else "on disk"
    yield _figure(room, size_text(room_of(total)), f"{size_text(_whole(report))} with all else")
    if total.compute_seconds is not None:
        text = "at most, to compute again"
        yield _figure("compute time", duration(total.compute_seconds), text)
    if total.last_access is not None:
        yield _figure("last used", day(total.last_access), f"oldest {day(total.oldest)}")
    if report.calls:
        calls = sum(row.totals.calls for row in report.calls)
        hits = sum(row.totals.hits for row in report.calls)
        yield _figure("hit rate", f"{hits / max(calls, 1):.0%}", f"of {calls:,} logged calls")
        saved = sum(row.totals.saved_seconds for row in report.calls)
        yield _figure("time saved", seconds_text(saved), "by the logged calls")
    problems = sum(check.status == "problem" for check in report.checks)
    problems += report.verification.problems if report.verification else 0
    link = element("a", f"{problems:,}", href="#findings")
    unchecked = "" if report.verification else "entries were not checked"
    yield _figure("problems", link, unchecked, "bad" if problems else "")


def _figure(name: str, value: str, more: str = "", style: str = "") -> Markup:
    small = [element("small", more)] if more else []
    what = element("dd", value, *small, class_=style or None)
    return element("div", element("dt", name), what)


def _whole(report: StoreReport) -> int:
    disk = report.stats.disk
    return disk.size_bytes if disk.disk_bytes is None else disk.disk_bytes


def _entries(report: StoreReport, table: Markup) -> Markup:
    listed = report.largest
    content = _scroll(table)
    if len(listed) == report.stats.total.entries <= _FEW:
        return _section("Entries", content)
    some = len(listed) < report.stats.total.entries
    title = f"The {len(listed):,} largest entries" if some else f"All {len(listed):,} entries"
    return element("details", element("summary", element("h2", title)), content, id="entries")


def _findings(report: StoreReport) -> Iterator[Markup]:
    if report.verification is None:
        yield element("p", "The entries were not checked: --no-verify.", class_="note")
    else:
        yield from findings_table(report.verification, _scroll)
    for text in report.warnings:
        yield element("p", text, class_="note")
    yield _scroll(checks_table(report.checks))
