"""What a store holds, per level and function: ``acache stats``."""

from __future__ import annotations

import time
from collections.abc import Sequence

import humanize
from rich.console import Console, RenderableType
from rich.text import Text

from acache.config.settings import Config
from acache.operations.stats import FunctionRow, StatsReport
from acache.render.durations import duration
from acache.render.tables.layout import (
    amount,
    bar,
    configured_level,
    console,
    first_rows,
    left_out,
    leftovers,
    level_text,
    pairs,
    plural,
    room,
    room_of,
    table,
    totals_columns,
    write,
)
from acache.store.totals import Totals
from acache.system.text import printable

_BAR = 6  # columns of a full bar, twice as many where there is room
_WIDE = 110


def print_stats(
    report: StatsReport,
    config: Config,
    *,
    by: str | None = None,
    top: int | None = None,
    selected: bool = False,
) -> None:
    """Print the table by level and the one by function, or only the one asked for.

    Without `top` a terminal gets the first rows; `report` holds no more than `top`.
    """
    out = console()
    heading = Text(printable(report.store), style="bold", overflow="fold")
    heading.append(f"  (level {configured_level(config)})", style="not bold")
    parts: list[RenderableType] = [heading]
    whole = room_of(report.total)
    if by in (None, "level"):
        levels = [(level_text(r.level), f"{r.functions:,}", r.totals) for r in report.levels]
        parts += _table(out, ("level", "functions"), levels, whole)
    if by in (None, "function"):
        shown = report.functions if top else first_rows(out, report.functions)
        functions = [(r.function, level_text(r.level), r.totals) for r in shown]
        parts += _table(out, ("function", "level"), functions, whole, _sources(shown))
        parts += _left_out(report, len(shown), top)
    if by == "module":
        listed = report.modules if top else first_rows(out, report.modules)
        modules = [(r.module, f"{r.functions:,}", r.totals) for r in listed]
        parts += _table(out, ("module", "functions"), modules, whole)
        parts += _left_out(report, sum(r.functions for r in listed), top)
    if report.exists:
        parts += ["", pairs(_summary(report, config, selected=selected))]
    write(out, *parts)


def _table(
    out: Console,
    titles: tuple[str, str],
    rows: Sequence[tuple[str, str, Totals]],
    whole: int,
    sources: Sequence[str] = (),
) -> list[RenderableType]:
    if not rows:
        return []
    names, seconds, totals = zip(*rows, strict=True)
    columns = {titles[0]: [*map(printable, names)], titles[1]: [*seconds], **totals_columns(totals)}
    compute = columns.pop("compute", None)
    if sources:
        columns["source"] = [*sources]
    columns["share"] = [_share(out, room_of(one) / (whole or 1)) for one in totals]
    if compute is not None:  # the last one
        columns["compute"] = compute
    return ["", table(out, columns)]


def _share(out: Console, share: float) -> str:
    """Draw a share of the whole as a percentage and a bar."""
    return f"{share:4.0%} {bar(out, share, _BAR if out.width < _WIDE else 2 * _BAR)}"


def _sources(rows: Sequence[FunctionRow]) -> list[str]:
    """Return the state of each function's source; nothing if none is known to be stale."""
    states = [row.source_state for row in rows]
    if not {"changed", "gone"}.intersection(states):
        return []
    return ["-" if state in (None, "unknown") else state for state in states]


def _left_out(report: StatsReport, shown: int, top: int | None) -> list[RenderableType]:
    more = sum(row.functions for row in report.levels) - shown
    return left_out(more, "" if top else "; --top N shows N of them")


def _summary(report: StatsReport, config: Config, *, selected: bool) -> list[tuple[str, str]]:
    total = report.total
    lines = [("selected" if selected else "total", amount(total))]
    if total.compute_seconds is not None and total.entries:
        lines.append(("compute", f"at most {duration(total.compute_seconds)} to compute again"))
    if total.last_access is not None:
        lines.append(("last used", humanize.naturaltime(max(time.time() - total.last_access, 0))))
    lines.append(("other", f"{room(report.other)}: sources and folders"))
    level = config.level.value
    if above := _above(report, level):
        entries = plural(above, "entry has", "entries have")
        lines.append(("not used", f"{entries} a level above {level}, the configured one"))
    if report.abandoned.files or report.abandoned.folders:
        listed = leftovers(*report.abandoned)
        lines.append(("leftovers", f"{listed}\nremove: acache clear --leftovers"))
    if report.in_flight.files:
        listed = leftovers(*report.in_flight)
        lines.append(("in flight", f"{listed}: still being written, or less than an hour old"))
    return lines


def _above(report: StatsReport, level: int | None) -> int:
    """Count the entries of levels above the configured one."""
    rows = [] if level is None else report.levels
    return sum(r.totals.entries for r in rows if r.level is not None and r.level > (level or 0))
