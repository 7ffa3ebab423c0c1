"""A benchmark as a table, on a terminal and in Markdown: ``acache bench``."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from acache.config.settings import Config
from acache.operations.bench.comparison import Comparison
from acache.operations.bench.results import BenchReport, LevelResult, Measurement, is_slower, usable
from acache.render.durations import timing
from acache.render.tables.layout import (
    GAP,
    bar,
    console,
    new_table,
    plural,
    room,
    room_of,
    write,
)
from acache.system.text import printable, quoted, size_text

_SHORTEST_BAR, _LONGEST_BAR = 4, 18  # columns that the longest time takes
_BARS = " "  # the title of their column
_RIGHT = ("time", "±", "speed-up", "memory")
_ACCELERATE = "import acache; acache.accelerate()"
_DROPPED = ("memory", "95 %", "±", _BARS, "pays off", "cache")


class _Row(NamedTuple):
    name: str
    engine: str
    measured: Measurement
    gain: str = ""
    interval: str = ""
    cache: str = ""
    pays: str = ""
    style: str = ""


def print_benchmark(
    report: BenchReport, config: Config, comparisons: Sequence[Comparison] = ()
) -> None:
    """Print the table, the recommendation, and what changed since an earlier benchmark."""
    out = console()
    command = Text(printable(" ".join(report.command)), style="bold", overflow="fold")
    write(
        out,
        command,
        Text(_method(report), style="dim"),
        "",
        _table(out, report),
        "",
        *map(_line, _conclusion(report, config)),
        *([""] if comparisons else []),
        *map(_line, map(_changed, comparisons)),
    )


def _line(text: str) -> Text:
    """Make a line that wraps between words; one to be copied, which is indented, does not."""
    if text.startswith(" "):
        return Text(text, no_wrap=True, overflow="ignore")
    return Text(text, overflow="fold")


def _method(report: BenchReport) -> str:
    runs = f"{plural(report.rounds, 'run')} each"
    if report.off.summary.mad is None:
        return f"{runs}; too few to separate a gain from noise"
    return f"{runs}; median ± median absolute deviation, 95 % interval"


def markdown(report: BenchReport, config: Config, comparisons: Sequence[Comparison] = ()) -> str:
    """Write a benchmark for a README or a pull request."""
    columns = _columns(_all_rows(report))
    del columns[_BARS]
    rule = ["---:" if title in _RIGHT else "---" for title in columns]
    cells = [[*columns], rule, *zip(*columns.values(), strict=True)]
    command = printable(" ".join(report.command))
    fence = "``" if "`" in command else "`"
    conclusion = _conclusion(report, config)
    lines = [
        f"{fence}{command}{fence}",
        "",
        _method(report),
        "",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
        *(f"```sh\n{line.strip()}\n```" if line.startswith(" ") else line for line in conclusion),
        "",
        *(f"- {_changed(one)}" for one in comparisons),
        *([""] if comparisons else []),
        *(f"- {printable(text)}" for text in report.warnings),
        *([""] if report.warnings else []),
        _environment(report),
    ]
    return "\n".join(lines)


def _changed(one: Comparison) -> str:
    """Say how the time without cache, or of a level, changed since an earlier benchmark."""
    name = "off" if one.level is None else f"level {one.name} warm"
    interval = "" if one.interval is None else f" ({one.interval[0]:.2f}-{one.interval[1]:.2f})"
    verdict = "no more than noise" if one.is_noise else "slower" if one.ratio > 1 else "faster"
    times = f"{timing(one.now)}, before {timing(one.before)}"
    return f"{name}: {times}: {one.ratio:.2f}x{interval}, {verdict}"


def _environment(report: BenchReport) -> str:
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
        length = min(out.width - _width(columns), _LONGEST_BAR)
        columns[_BARS] = [bar(out, row.measured.summary.median / longest, length) for row in rows]
    table = new_table()
    for title in columns:
        right = title in _RIGHT
        table.add_column(title.strip(), justify="right" if right else "left", no_wrap=True)
    for row, cells in zip(rows, zip(*columns.values(), strict=True), strict=True):
        table.add_row(*map(Text, cells), style=row.style)
    return table


def _fitting(out: Console, columns: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out columns until the others fit."""
    for title in _DROPPED:
        bars = _SHORTEST_BAR if _BARS in columns else 0
        if _width(columns) + bars <= out.width:
            break
        columns.pop(title, None)
    return columns


def _width(columns: dict[str, list[str]]) -> int:
    """Return the width of a table whose bars are not drawn yet."""
    widths = [max(map(len, [title.strip(), *cells])) for title, cells in columns.items()]
    return sum(widths) + GAP * (len(widths) - 1)


def _all_rows(report: BenchReport) -> list[_Row]:
    rows = [_Row("off", "", report.off)]
    for result in report.levels:
        rows += _rows(result, recommended=result == report.recommended)
    return rows


def _columns(rows: list[_Row]) -> dict[str, list[str]]:
    columns = {
        "level": [row.name for row in rows],
        "engine": [row.engine for row in rows],
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
    engine = result.engine or ""
    cold, warm = (f"{result.level} cold", engine), (f"{result.level} warm", engine)
    if not result.is_cached:
        held = "writes fail" if result.held.leftovers else "nothing cached"
        return [
            _Row(*cold, result.cold, cache=held, style="yellow"),
            _Row(*warm, result.warm, style="yellow"),
        ]
    entries = result.held.entries
    return [
        _Row(
            *cold,
            result.cold,
            cache=f"{plural(entries.entries, 'entry', 'entries')}, {size_text(room_of(entries))}",
        ),
        _Row(
            *warm,
            result.warm,
            gain=_gain(result.speedup),
            interval="" if result.interval is None else "{:.2f}-{:.2f}".format(*result.interval),
            cache=_calls(result),
            pays=_pays_off(result),
            style="green" if recommended else "",
        ),
    ]


def _calls(result: LevelResult) -> str:
    """Format the hits and misses of a warm run."""
    if result.calls is None:
        return "-"
    missed = plural(result.calls.misses, "miss", "misses")
    hit = plural(result.calls.hits, "hit") or "no hit"
    return f"{hit}, {missed}" if missed else hit


def _gain(speedup: float | None) -> str:
    """Format a speed-up in three figures."""
    return "-" if speedup is None else f"{speedup:.2f}x" if speedup < 99.95 else f"{speedup:,.0f}x"


def _pays_off(result: LevelResult) -> str:
    """Name the run that has won back the time lost by the cold one."""
    if result.break_even_runs is None:
        return "never"
    return f"run {ceil(result.break_even_runs - 1e-9):,}"


def _spread(measured: Measurement) -> str:
    if measured.summary.mad is None:
        return ""
    share = measured.summary.mad / measured.summary.median
    return f"{share:.1%}" if share < 0.0995 else f"{share:.0%}"


def _memory(measured: Measurement) -> str:
    return "-" if measured.max_rss_bytes is None else size_text(measured.max_rss_bytes)


def _conclusion(report: BenchReport, config: Config) -> list[str]:
    best = report.recommended
    if best is None:
        return [_nothing_recommended(report, config)]
    sure = "is" if best.interval is not None else "looks"
    engine = "" if best.engine is None else f" with the {best.engine} engine"
    lines = [
        f"Level {best.level}{engine} {sure} worth it: {_gain(best.speedup)} as fast with a full"
        f" cache, for {room(best.held.entries)}. For a shell profile:",
        f"  {profile_line(best.level, config)}",
    ]
    if best.engine == "fast":
        lines += ["At the start of the program, for the fast engine:", f"  {_ACCELERATE}"]
    return lines


def _nothing_recommended(report: BenchReport, config: Config) -> str:
    if any(not row.is_cached and row.held.leftovers for row in report.levels):
        return "Results could not be stored: fix what the warnings name, and measure again."
    if not any(row.is_cached for row in report.levels):
        return "Nothing was cached, so nothing is faster."
    rows = usable(report.off, report.levels)
    fast = [row for row in report.levels if is_slower(report.off, row.warm) and row not in rows]
    if fast:
        return (
            f"Level {fast[0].name} is {_gain(fast[0].speedup)} as fast, but read the warnings"
            " before you use it."
        )
    if any((row.speedup or 0) > 1.1 for row in rows):
        return "No level is faster by more than noise: measure again, with more --runs."
    variable = config.cache_dir.variable
    return f"No level makes it faster: leave the cache off for this script, with {variable} unset."


def profile_line(level: int, config: Config) -> str:
    """Write the line that switches the cache on at a level, for bash, zsh and fish alike."""
    location = "~/.cache/librosa" if config.location is None else quoted(config.location)
    return f"export {config.prefix}_CACHE_DIR={location} {config.prefix}_CACHE_LEVEL={level}"
