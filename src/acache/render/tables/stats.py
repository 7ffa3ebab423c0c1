"""Where the cache is, its settings, and what it holds."""

from __future__ import annotations

import time
from collections.abc import Sequence

import humanize
from rich.console import Console, RenderableType
from rich.text import Text

from acache.config.settings import Config, Setting
from acache.operations.stats import StatsReport
from acache.render.durations import duration
from acache.render.tables.layout import (
    amount,
    bar,
    console,
    count,
    leftovers,
    level,
    new_table,
    pairs,
    plural,
    room,
    room_of,
    show,
    size,
    table,
)
from acache.store.local import Store
from acache.store.totals import Totals
from acache.system.text import printable

_BAR = 6  # columns of a full bar, twice as many where there is room
_WIDE = 110


def overview(config: Config, store: Store | None, functions: int | None) -> None:
    """Print where the cache is, and what to do next."""
    if store is None:
        lines = [("location", "none: caching is off")]
        steps = [(f"export {config.cache_dir.variable}=~/.cache/librosa", "switch caching on")]
    else:
        lines = [
            ("location", printable(store.location)),
            ("level", _configured_level(config)),
            ("functions", f"{functions:,}" if store.exists else "no cache here yet"),
        ]
        steps = [
            ("acache stats", "see what it holds, per level and function"),
            ("acache prune --max-size 10GB", "keep it within limits"),
        ]
    steps += [
        ("acache doctor", "find what is wrong, and what mends it"),
        ("acache config", "see every setting, and what it does"),
        ("acache --help", "see every command"),
    ]
    show(console(), pairs(lines), "", pairs(steps, style="bold"))


def config(configuration: Config) -> None:
    """Print every setting, its value, its origin, and what the library makes of it."""
    table = new_table()
    for title in ("setting", "value", "origin", "effect"):
        table.add_column(title)
    for setting in configuration.settings:
        table.add_row(
            Text(setting.name),
            Text(_value(setting), overflow="fold"),
            Text(setting.origin),
            Text(printable(setting.effect), style="" if setting.ok else "yellow"),
        )
    variable = f"{configuration.prefix}_CACHE_LEVEL"
    show(console(), table, "", Text(f"Set one with a line like: export {variable}=30"))


def _value(setting: Setting) -> str:
    if setting.value is None:
        return "-"
    if setting.name == "max-size":
        return size(int(setting.value))
    if setting.name == "max-age":
        return duration(float(setting.value))
    return printable(str(setting.value))


def stats(
    report: StatsReport, configuration: Config, *, by: str | None = None, selected: bool = False
) -> None:
    """Print what a store holds: a table by level and one by function, or the one asked for."""
    out = console()
    parts: list[RenderableType] = [_heading(report, configuration)]
    if by in (None, "level"):
        rows = [(level(r.level), count(r.functions), r.totals) for r in report.levels]
        parts += _stats_table(out, ("level", "functions"), rows, report)
    if by in (None, "function"):
        rows = [(r.function, level(r.level), r.totals) for r in report.functions]
        parts += _stats_table(out, ("function", "level"), rows, report, _sources(report))
    if by == "module":
        rows = [(r.module, count(r.functions), r.totals) for r in report.modules]
        parts += _stats_table(out, ("module", "functions"), rows, report)
    if report.exists:
        parts += ["", pairs(_summary(report, configuration, selected=selected))]
    show(out, *parts)


def _heading(report: StatsReport, configuration: Config) -> Text:
    text = Text(printable(report.store), style="bold", overflow="fold")
    return text.append(f"  (level {_configured_level(configuration)})", style="not bold")


def _configured_level(configuration: Config) -> str:
    level = configuration.level.value
    return "unreadable" if level is None else str(level)


def _summary(
    report: StatsReport, configuration: Config, *, selected: bool
) -> list[tuple[str, str]]:
    total = report.total
    lines = [("selected" if selected else "total", amount(total))]
    if total.compute_seconds is not None and total.entries:
        lines.append(("compute", f"{duration(total.compute_seconds)} held, at most"))
    if total.last_access is not None:
        lines.append(("last used", humanize.naturaltime(max(time.time() - total.last_access, 0))))
    lines.append(
        ("other", f"{room(report.other.size_bytes, report.other.disk_bytes)}: sources, folders")
    )
    level = configuration.level.value
    above = [
        r for r in report.levels if r.level is not None and level is not None and r.level > level
    ]
    if above:
        count = plural(sum(row.totals.entries for row in above), "entry", "entries")
        lines.append(("not used", f"{count} of levels above {level}, the configured one"))
    if report.abandoned.files or report.abandoned.folders:
        listed = leftovers(*report.abandoned)
        lines.append(("leftovers", f"{listed}\nremove: acache clear --leftovers"))
    if report.in_flight.files:
        lines.append(("writing", f"{leftovers(*report.in_flight)}: within the last hour, or still"))
    return lines


def _stats_table(
    out: Console,
    titles: tuple[str, str],
    rows: Sequence[tuple[str, str, Totals]],
    report: StatsReport,
    sources: Sequence[str] = (),
) -> list[RenderableType]:
    if not rows:
        return []
    whole = report.total.disk_bytes or report.total.size_bytes
    columns = {titles[0]: [printable(name) for name, _, _ in rows]}
    columns[titles[1]] = [second for _, second, _ in rows]
    columns["entries"] = [count(totals.entries) for _, _, totals in rows]
    columns["size"] = [size(totals.size_bytes) for _, _, totals in rows]
    if report.total.disk_bytes is not None:
        columns["disk"] = [size(totals.disk_bytes or 0) for _, _, totals in rows]
    if sources:
        columns["source"] = [*sources]
    columns["share"] = [share(out, room_of(totals) / (whole or 1)) for _, _, totals in rows]
    if report.total.compute_seconds is not None:
        seconds = [totals.compute_seconds for _, _, totals in rows]
        columns["compute"] = ["-" if s is None else duration(s) for s in seconds]
    parts: list[RenderableType] = ["", table(out, columns)]
    if titles[0] != "level":
        total = sum(r.functions for r in report.levels)
        shown = len(rows) if titles[0] == "function" else sum(r.functions for r in report.modules)
        if shown < total:
            parts.append(Text(f"and {plural(total - shown, 'more function')}", style="dim"))
    return parts


def _sources(report: StatsReport) -> list[str]:
    """Tell of each function what became of its source; nothing where none is known to be stale."""
    states = [row.source_state for row in report.functions]
    if not {"changed", "gone"}.intersection(states):
        return []
    return ["-" if state in (None, "unknown") else state for state in states]


def share(out: Console, share: float) -> str:
    """Draw a share of the whole as a bar, and tell it in percent."""
    width = _BAR if out.width < _WIDE else 2 * _BAR
    return f"{share:4.0%} {bar(out, share, width)}"
