"""A benchmark as a picture: the times of all runs, and the speed-ups with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from acache.operations.bench.results import BenchReport, Measurement
from acache.render.durations import timing
from acache.render.plot.figure import (
    GRID,
    INK,
    QUIET,
    new_figure,
    picture,
    round_values,
    set_title,
)
from acache.system.text import counted, printable

_COLD, _WARM = "#d98e3f", "#1f8a80"  # can be told apart by the colour-blind
_INCHES_A_ROW = 0.24
_UNITS = ((1 / 3600, "hours"), (1 / 60, "minutes"), (1.0, "s"), (1000.0, "ms"), (0.0, "ms"))
_LOG_FROM = 8.0  # ratio of speed-ups


def draw_benchmark(report: BenchReport, form: str) -> bytes:
    """Draw the times of all runs with their medians, and the speed-ups with their intervals.

    Parameters
    ----------
    report : BenchReport
    form : {"png", "svg", "pdf"}

    Returns
    -------
    picture : bytes
        What a file of that format holds.
    """
    return picture(lambda: benchmark_figure(report), form)


class _Row(NamedTuple):
    """A row of the figure: a step, at a level."""

    position: float
    name: str
    colour: str
    measured: Measurement
    recommended: bool = False
    speedup: float | None = None
    interval: tuple[float, float] | None = None


def benchmark_figure(report: BenchReport) -> Any:
    """Make the figure of a benchmark."""
    rows = _rows(report)
    compared = [row for row in rows if row.speedup is not None]
    columns = 2 if compared else 1
    height = 1.25 + _INCHES_A_ROW * rows[-1].position
    figure, axes = new_figure(height, columns=columns, widths=[1, 1][:columns])
    _draw_times(axes[0], rows)
    if compared:
        _draw_speedups(axes[1], rows, compared)
    for one in axes:
        one.set_ylim(rows[-1].position + 0.7, -0.7)
        one.tick_params(axis="y", length=0)
        one.grid(axis="x", color=GRID, linewidth=0.8)
    runs = counted(report.rounds, "run")
    said = f"bars: median of {runs}; dots: each run"
    if any(row.interval is not None for row in compared):
        said += "; lines: 95 % interval"
    set_title(figure, printable(" ".join(report.command)), said)
    return figure


def _rows(report: BenchReport) -> list[_Row]:
    rows = [_Row(0.0, "cache off", QUIET, report.off)]
    for result in report.levels:
        at = rows[-1].position + 1.35
        best = result == report.recommended
        name = f"level {result.name}, cold"
        rows.append(_Row(at, name, _COLD, result.cold))
        warm = "warm (recommended)" if best else "warm"
        rows.append(_Row(at + 1, warm, _WARM, result.warm, best, result.speedup, result.interval))
    return rows


def _draw_times(axes: Any, rows: Sequence[_Row]) -> None:
    longest = max(max(row.measured.times) for row in rows)
    factor, unit = next(one for one in _UNITS if longest * one[0] >= 1)
    for row in rows:
        times = [factor * time for time in row.measured.times]
        median = factor * row.measured.summary.median
        axes.barh(row.position, median, height=0.78, color=row.colour, alpha=0.85)
        axes.plot(
            times,
            [row.position] * len(times),
            "o",
            color=INK,
            markersize=3,
            markerfacecolor="white",
            markeredgewidth=0.7,
        )
    axes.set_xlim(0, 1.04 * factor * longest)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(f"wall time ({unit})")
    positions = [row.position for row in rows]
    axes.set_yticks(positions, [row.name for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.recommended else "normal")
    _right_labels(axes, positions, [timing(row.measured.summary.median) for row in rows])


def _draw_speedups(axes: Any, rows: Sequence[_Row], compared: Sequence[_Row]) -> None:
    """Draw a point for each warm step, and its interval as a line."""
    ends = [1.0]
    labels = []
    for row in compared:
        speedup = row.speedup or 0.0
        low, high = row.interval or (speedup, speedup)
        ends += [low, high, speedup]
        if row.interval is not None:
            axes.plot([low, high], [row.position] * 2, color=_WARM, linewidth=1.6)
            for end in (low, high):
                axes.plot([end] * 2, [row.position - 0.22, row.position + 0.22], color=_WARM)
        axes.plot(speedup, row.position, "o", color=_WARM, markersize=6 if row.recommended else 4.5)
        spread = "" if row.interval is None else f"  ({_ratio(low)} – {_ratio(high)})"
        labels.append(f"{_ratio(speedup)}×{spread}")
    axes.axvline(1, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    low, high = min(ends), max(ends)
    if low > 0 and high / low > _LOG_FROM:
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        axes.set_xscale("log")
        axes.set_xlim(low / 1.2, high * 1.2)
        axes.xaxis.set_major_locator(FixedLocator(round_values(low, high, most=4)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        edge = 0.08 * (high - low) or 0.1
        axes.set_xlim(low - edge, high + edge)
        axes.locator_params(axis="x", nbins=4)
    axes.set_xlabel("speed-up over cache off (×)")
    axes.set_yticks([row.position for row in rows], [""] * len(rows))
    _right_labels(axes, [row.position for row in compared], labels)


def _ratio(value: float) -> str:
    """Format a ratio in three figures, or one where it is huge."""
    if value >= 9999.5:
        return f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"


def _tick(value: float) -> str:
    return f"{value:g}" if value < 10_000 else _ratio(value)


def _right_labels(axes: Any, positions: Sequence[float], labels: Sequence[str]) -> None:
    """Write a number at the right of each row: there the layout leaves room for it."""
    right = axes.secondary_yaxis("right")
    right.set_yticks([*positions], labels=[*labels])
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
