"""A benchmark for people, on a terminal and in Markdown: one table, and what follows from it."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from acache.config.settings import Config
from acache.operations.bench.results import BenchReport, LevelResult, Measurement, is_slower, usable
from acache.render.durations import timing
from acache.render.tables.layout import (
    GAP,
    bar,
    console,
    count,
    new_table,
    plural,
    room,
    show,
    size,
)
from acache.store.totals import Totals
from acache.system.text import printable, quoted

_SHORTEST_BAR, _LONGEST_BAR = 4, 18  # columns that the longest time takes
_BARS = " "  # the title of their column
_RIGHT = ("time", "±", "speed-up", "memory")


class _Row(NamedTuple):
    name: str
    measured: Measurement
    gain: str = ""
    interval: str = ""
    cache: str = ""
    pays: str = ""
    style: str = ""


def bench(report: BenchReport, config: Config) -> None:
    """Print what a benchmark found."""
    out = console()
    command = Text(printable(" ".join(report.command)), style="bold", overflow="fold")
    show(
        out,
        command,
        Text(_method(report), style="dim"),
        "",
        _table(out, report),
        "",
        *(_line(text) for text in _conclusion(report, config)),
    )


def _line(text: str) -> Text:
    """Make a line that wraps between words, or one to be copied, which does not wrap."""
    if text.startswith(" "):
        return Text(text, no_wrap=True, overflow="ignore")
    return Text(text, overflow="fold")


def _method(report: BenchReport) -> str:
    runs = f"{plural(report.rounds, 'run')} each"
    if report.off.summary.mad is None:
        return f"{runs}; too few to tell noise from gain"
    return f"{runs}; median ± median absolute deviation, 95 % interval"


def markdown(report: BenchReport, config: Config) -> str:
    """Write a benchmark for a README or a pull request."""
    columns = _columns(_all_rows(report))
    del columns[_BARS]
    titles = [title.strip() for title in columns]
    rule = ["---:" if title in _RIGHT else "---" for title in titles]
    cells = [titles, rule, *zip(*columns.values(), strict=True)]
    said = _conclusion(report, config)
    command = printable(" ".join(report.command))
    fence = "``" if "`" in command else "`"
    lines = [
        f"{fence}{command}{fence}",
        "",
        _method(report),
        "",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
        *(f"```sh\n{line.strip()}\n```" if line.startswith(" ") else line for line in said),
        "",
        *(f"- {printable(text)}" for text in report.warnings),
        *([""] if report.warnings else []),
        _surroundings(report),
    ]
    return "\n".join(lines)


def _surroundings(report: BenchReport) -> str:
    about = report.environment
    packages = about["packages"]
    assert isinstance(packages, dict)
    versions = [f"Python {about['python']}", *(f"{n} {v}" for n, v in packages.items())]
    return f"{', '.join(versions)}; {about['processor']}, {about['cpus']} CPUs; {about['platform']}"


def _table(out: Console, report: BenchReport) -> Table:
    rows = _all_rows(report)
    columns = _fitting(out, _columns(rows))
    longest = max(row.measured.summary.median for row in rows)
    if _BARS in columns:
        length = min(out.width - _needed(columns), _LONGEST_BAR)
        columns[_BARS] = [bar(out, row.measured.summary.median / longest, length) for row in rows]
    table = new_table()
    for title in columns:
        right = title in _RIGHT
        table.add_column(title.strip(), justify="right" if right else "left", no_wrap=True)
    for row, cells in zip(rows, zip(*columns.values(), strict=True), strict=True):
        table.add_row(*map(Text, cells), style=row.style)
    return table


def _fitting(out: Console, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out columns, the least telling first, until all that are left have room."""
    for title in ("memory", "95 %", "±", _BARS, "pays off", "cache"):
        bars = _SHORTEST_BAR if _BARS in columns else 0
        if _needed(columns) + bars <= out.width:
            break
        columns.pop(title, None)
    return columns


def _needed(columns: dict[str, list[str]]) -> int:
    """Return the columns that a table takes on the terminal, bars that are not drawn yet aside."""
    widths = [max(map(len, [title.strip(), *cells])) for title, cells in columns.items()]
    return sum(widths) + GAP * (len(widths) - 1)


def _all_rows(report: BenchReport) -> list[_Row]:
    rows = [_Row("off", report.off)]
    for result in report.levels:
        rows += _rows(result, recommended=result.level == report.recommended_level)
    return rows


def _columns(rows: list[_Row]) -> dict[str, list[str]]:
    columns = {
        "level": [row.name for row in rows],
        "time": [timing(row.measured.summary.median) for row in rows],
        "±": [_spread(row.measured) for row in rows],
        _BARS: [""] * len(rows),
        "speed-up": [row.gain for row in rows],
        "95 %": [row.interval for row in rows],
        "cache": [row.cache for row in rows],
        "pays off": [row.pays for row in rows],
        "memory": [_memory(row.measured) for row in rows],
    }
    return {title: cells for title, cells in columns.items() if any(cells) or title == _BARS}


def _rows(result: LevelResult, *, recommended: bool) -> list[_Row]:
    cold, warm = f"{result.level} cold", f"{result.level} warm"
    if not result.is_cached:
        held = "writes fail" if result.held.leftovers else "nothing cached"
        return [
            _Row(cold, result.cold, cache=held, style="yellow"),
            _Row(warm, result.warm, style="yellow"),
        ]
    interval = "" if result.interval is None else "-".join(f"{n:.2f}" for n in result.interval)
    return [
        _Row(cold, result.cold, cache=amount(result.held.entries)),
        _Row(
            warm,
            result.warm,
            gain=gain(result.speedup),
            interval=interval,
            cache=calls(result),
            pays=pays_off(result),
            style="green" if recommended else "",
        ),
    ]


def amount(entries: Totals) -> str:
    """Tell how many entries there are, and their size."""
    number = plural(entries.entries, "entry", "entries")
    taken = entries.size_bytes if entries.disk_bytes is None else entries.disk_bytes
    return f"{number}, {size(taken)}"


def calls(result: LevelResult) -> str:
    """Tell the hits and misses of a warm run."""
    if result.calls is None:
        return "-"
    missed = plural(result.calls.misses, "miss", "misses")
    hit = plural(result.calls.hits, "hit") or "no hit"
    return f"{hit}, {missed}" if missed else hit


def gain(speedup: float | None) -> str:
    """Show a speed-up in three figures."""
    return "-" if speedup is None else f"{speedup:.2f}x" if speedup < 99.95 else f"{speedup:,.0f}x"


def pays_off(result: LevelResult) -> str:
    """Tell with which run the time lost by the first one is won back."""
    if result.break_even_runs is None:
        return "never"
    return f"run {count(ceil(result.break_even_runs - 1e-9))}"


def _spread(measured: Measurement) -> str:
    if measured.summary.mad is None:
        return ""
    share = measured.summary.mad / measured.summary.median
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def _memory(measured: Measurement) -> str:
    return "-" if measured.max_rss_bytes is None else size(measured.max_rss_bytes)


def _conclusion(report: BenchReport, config: Config) -> list[str]:
    best = next((r for r in report.levels if r.level == report.recommended_level), None)
    if best is None:
        return [_nothing_recommended(report, config)]
    held = best.held.entries
    sure = "is worth it" if best.interval is not None else "looks worth it"
    return [
        f"Level {best.level} {sure}: {gain(best.speedup)} as fast once it is filled, for"
        f" {room(held.size_bytes, held.disk_bytes)}. For a shell profile:",
        f"  {profile_line(best.level, config)}",
    ]


def _nothing_recommended(report: BenchReport, config: Config) -> str:
    """Say why: the cache may be of no use, or not be used, or not be measured well enough."""
    if any(not row.is_cached and row.held.leftovers for row in report.levels):
        return "Results could not be stored: mend what the warnings tell, and measure again."
    if not any(row.is_cached for row in report.levels):
        return "Nothing was cached, so nothing is faster."
    rows = usable(report.off, report.levels)
    fast = [row for row in report.levels if is_slower(report.off, row.warm) and row not in rows]
    if fast:
        return (
            f"Level {fast[0].level} is {gain(fast[0].speedup)} as fast, but see the warnings before"
            " you use it."
        )
    if any((row.speedup or 0) > 1.1 for row in rows):
        return "No level is faster by more than noise: measure again, with more --runs."
    variable = config.cache_dir.variable
    return f"No level makes it faster: leave the cache off for this, with {variable} unset."


def profile_line(level: int, config: Config) -> str:
    """Write the line that switches the cache on at a level, for bash, zsh and fish alike."""
    location = "~/.cache/librosa" if config.location is None else quoted(config.location)
    return f"export {config.prefix}_CACHE_DIR={location} {config.prefix}_CACHE_LEVEL={level}"
