"""Reports for people: tables that fit 80 columns. Here alone rich and humanize are imported."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import humanize
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from acache.config import Config, Setting, columns
from acache.render.plain import duration, printable
from acache.report import StatsReport, Totals
from acache.store import Store

if TYPE_CHECKING:
    from rich.live import Live

_UNBOUNDED = 1000  # columns; what is not shown on a terminal need not be cut
_BAR = 6  # columns of a full bar, twice as many where there is room
_WIDE = 110
_NARROWEST_NAME = 12
_GAP = 2  # columns between columns
_EIGHTHS = " ▏▎▍▌▋▊▉"


def console(file: IO[str] | None = None) -> Console:
    """Return where to print: as wide as the terminal, or COLUMNS, or as wide as need be."""
    file = sys.stdout if file is None else file
    width = columns()
    if width is None and not file.isatty():
        width = _UNBOUNDED
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False)


def _show(out: Console, *parts: RenderableType) -> None:
    """Print without the spaces that fill up a table's last column."""
    with out.capture() as captured:
        for part in parts:
            out.print(part)
    out.file.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def live_line() -> Live:
    """Return a line on stderr that is drawn again and again, and wiped at its end."""
    from rich.live import Live

    return Live("", console=console(sys.stderr), auto_refresh=False, transient=True)


def overview(config: Config, store: Store | None, functions: int | None) -> None:
    """Print where the cache is, and what to do next."""
    if store is None:
        lines = [("location", "none: caching is off")]
        steps = [
            (f"export {config.setting('cache-dir').variable}=~/.cache/librosa", "switch caching on")
        ]
    else:
        lines = [
            ("location", printable(store.location)),
            ("level", _configured_level(config)),
            ("functions", f"{functions:,}" if store.exists else "no cache here yet"),
        ]
        steps = [("acache stats", "see what it holds, per level and function")]
    steps += [
        ("acache config", "see every setting, and what it does"),
        ("acache --help", "see every command"),
    ]
    _show(console(), _pairs(lines), "", _pairs(steps, style="bold"))


def config(configuration: Config) -> None:
    """Print every setting, its value, its origin, and what the library makes of it."""
    table = _table()
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
    _show(console(), table, "", Text(f"Set one with a line like: export {variable}=30"))


def _value(setting: Setting) -> str:
    if setting.value is None:
        return "-"
    if setting.name == "max-size":
        return _size(int(setting.value))
    if setting.name == "max-age":
        return duration(float(setting.value))
    return printable(str(setting.value))


def stats(report: StatsReport, configuration: Config, *, by: str | None = None) -> None:
    """Print what a store holds: a table by level and one by function, or the one asked for."""
    out = console()
    parts: list[RenderableType] = [_heading(report, configuration)]
    if by in (None, "level"):
        rows = [(_level(r.level), _count(r.functions), r.totals) for r in report.levels]
        parts += _stats_table(out, ("level", "functions"), rows, report)
    if by in (None, "function"):
        rows = [(r.function, _level(r.level), r.totals) for r in report.functions]
        parts += _stats_table(out, ("function", "level"), rows, report)
    if by == "module":
        rows = [(r.module, _count(r.functions), r.totals) for r in report.modules]
        parts += _stats_table(out, ("module", "functions"), rows, report)
    if report.exists:
        parts += ["", _pairs(_summary(report, configuration))]
    _show(out, *parts)


def _heading(report: StatsReport, configuration: Config) -> Text:
    text = Text(printable(report.store), style="bold", overflow="fold")
    return text.append(f"  (level {_configured_level(configuration)})", style="not bold")


def _configured_level(configuration: Config) -> str:
    return "unreadable" if configuration.level is None else str(configuration.level)


def _summary(report: StatsReport, configuration: Config) -> list[tuple[str, str]]:
    total = report.total
    entries = _plural(total.entries, "entry", "entries") or "no entries"
    lines = [("total", f"{entries}, {_room(total.size_bytes, total.disk_bytes)}")]
    if total.compute_seconds is not None and total.entries:
        lines.append(("compute", f"{duration(total.compute_seconds)} held, at most"))
    if total.last_access is not None:
        lines.append(("last used", humanize.naturaltime(max(time.time() - total.last_access, 0))))
    lines.append(
        ("other", f"{_room(report.other.size_bytes, report.other.disk_bytes)}: sources, folders")
    )
    level = configuration.level
    above = [
        r for r in report.levels if r.level is not None and level is not None and r.level > level
    ]
    if above:
        count = _plural(sum(row.totals.entries for row in above), "entry", "entries")
        lines.append(("not used", f"{count} of levels above {level}, the configured one"))
    left = report.leftovers
    if left.files or left.folders:
        what = [
            _plural(left.files, "temporary file"),
            _plural(left.folders, "folder without result"),
        ]
        listed = " and ".join(part for part in what if part)
        room = _room(left.usage.size_bytes, left.usage.disk_bytes)
        lines.append(("leftovers", f"{listed}, {room}; remove: acache clear --leftovers"))
    return lines


def _stats_table(
    out: Console,
    titles: tuple[str, str],
    rows: Sequence[tuple[str, str, Totals]],
    report: StatsReport,
) -> list[RenderableType]:
    if not rows:
        return []
    whole = report.total.disk_bytes or report.total.size_bytes
    columns = {titles[0]: [printable(name) for name, _, _ in rows]}
    columns[titles[1]] = [second for _, second, _ in rows]
    columns["entries"] = [_count(totals.entries) for _, _, totals in rows]
    columns["size"] = [_size(totals.size_bytes) for _, _, totals in rows]
    if report.total.disk_bytes is not None:
        columns["disk"] = [_size(totals.disk_bytes or 0) for _, _, totals in rows]
    columns["share"] = [_share(out, _room_of(totals) / (whole or 1)) for _, _, totals in rows]
    if report.total.compute_seconds is not None:
        seconds = [totals.compute_seconds for _, _, totals in rows]
        columns["compute"] = ["-" if s is None else duration(s) for s in seconds]
    _fit(out, columns)
    table = _table()
    for title in columns:
        left = title in ("function", "module", "share")
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for row in zip(*columns.values(), strict=True):
        table.add_row(*map(Text, row))
    parts: list[RenderableType] = ["", table]
    if titles[0] != "level":
        total = sum(r.functions for r in report.levels)
        shown = len(rows) if titles[0] == "function" else sum(r.functions for r in report.modules)
        if shown < total:
            parts.append(Text(f"and {_plural(total - shown, 'more function')}", style="dim"))
    return parts


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold underline")


def _fit(out: Console, columns: dict[str, list[str]]) -> None:
    """Leave out columns, the least telling first, and cut names; a number is never cut."""

    def width(title: str) -> int:
        return max(map(cell_len, [title, *columns[title]]))

    name, *others = columns
    for title in ("share", "compute", "size", others[0]):
        rest = sum(width(other) + _GAP for other in columns if other != name)
        if out.width - rest >= min(width(name), _NARROWEST_NAME):
            break
        columns.pop(title, None)
    rest = sum(width(other) + _GAP for other in columns if other != name)
    room = max(out.width - rest, _NARROWEST_NAME)
    columns[name] = [_tail(out, text, room) for text in columns[name]]


def _pairs(lines: Sequence[tuple[str, str]], *, style: str = "dim") -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style=style)
    table.add_column(overflow="fold")
    for name, text in lines:
        table.add_row(Text(name), Text(text))
    return table


def _tail(out: Console, name: str, width: int) -> str:
    """Cut a name at its front: its last parts tell the most, and select it."""
    if cell_len(name) <= width:
        return name
    ellipsis = "..." if out.options.ascii_only else "…"
    while cell_len(name) > width - len(ellipsis):
        name = name[1:]
    return ellipsis + name


def _share(out: Console, share: float) -> str:
    """Draw a share of the whole as a bar, and tell it in percent."""
    width = _BAR if out.width < _WIDE else 2 * _BAR
    if out.options.ascii_only:
        bar = "#" * round(share * width)
    else:
        eighths = round(share * width * 8)
        bar = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
    return f"{share:4.0%} {bar}"


def _level(level: int | None) -> str:
    return "-" if level is None else str(level)


def _count(number: int) -> str:
    return f"{number:,}"


def _size(size_bytes: int) -> str:
    """Show a size with units of 1000, as the options read them."""
    text = humanize.naturalsize(size_bytes)
    return text.replace(" Bytes", " B").replace(" Byte", " B")


def _room_of(totals: Totals) -> int:
    return totals.size_bytes if totals.disk_bytes is None else totals.disk_bytes


def _room(size_bytes: int, disk_bytes: int | None) -> str:
    return _size(size_bytes) if disk_bytes is None else f"{_size(disk_bytes)} on disk"


def _plural(number: int, noun: str, many: str | None = None) -> str:
    return "" if not number else f"{number:,} {noun if number == 1 else many or noun + 's'}"
