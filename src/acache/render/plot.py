"""Benchmarks and simulations as pictures, by matplotlib: the only module that imports it."""

from __future__ import annotations

import importlib.util
import io
import os
from typing import Any

from acache.operations.bench.results import BenchReport, Measurement
from acache.operations.simulate.passes import BOUND
from acache.operations.simulate.simulation import SimulateReport
from acache.render.durations import timing
from acache.system.errors import UsageError
from acache.system.text import printable, size_text

FORMATS = ("png", "svg", "pdf")
_OFF, _COLD, _WARM = "#6b7280", "#f2a65a", "#2a9d8f"  # safe for the colour-blind
_CURVES = ("#2a9d8f", "#e9c46a", "#f2a65a", "#264653", "#9b5de5", "#6b7280")
_INCHES_A_BAR = 0.34
_LONGEST_TITLE = 60


def plot_format(path: str) -> str:
    """Return the format that the ending of a file's name asks for.

    Raises
    ------
    UsageError
        If it is not one of `FORMATS`, or matplotlib is not installed beside acache.
    """
    ending = os.path.splitext(path)[1][1:].lower()
    if ending not in FORMATS:
        endings = ", ".join(f".{form}" for form in FORMATS)
        raise UsageError(f"--plot {path!r} does not end with one of {endings}")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib; pip install 'acache[plot]'")
    return ending


def draw(report: BenchReport, form: str) -> bytes:
    """Draw the median times as bars, each run as a dot.

    Parameters
    ----------
    report : BenchReport
    form : {"png", "svg", "pdf"}

    Returns
    -------
    picture : bytes
        What a file of that format holds.
    """
    rows = _rows(report)
    figure, axes = _figure(1.2 + _INCHES_A_BAR * len(rows))
    positions = [position for position, *_ in rows]
    medians = [measured.summary.median for *_, measured in rows]
    axes.barh(positions, medians, height=0.82, color=[colour for _, _, colour, _, _ in rows])
    for position, _, _, text, measured in rows:
        times = measured.times
        axes.plot(times, [position] * len(times), "o", color="#1f2937", markersize=2.5, alpha=0.7)
        label = f"  {timing(measured.summary.median)}{text}"
        axes.text(max(times), position, label, va="center", fontsize=9)
    axes.set_yticks(positions, [name for _, name, *_ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.35 * max(max(measured.times) for *_, measured in rows))
    axes.set_xlabel(f"seconds, median of {report.rounds}; each run is a dot")
    axes.set_title(_title(report), fontsize=10, loc="left")
    return _picture(figure, form)


def draw_simulation(report: SimulateReport, form: str) -> bytes:
    """Draw which share of the savings each policy keeps, over the size of the cache.

    Parameters
    ----------
    report : SimulateReport
    form : {"png", "svg", "pdf"}

    Returns
    -------
    picture : bytes
        What a file of that format holds.
    """
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    figure, axes = _figure(4.2)
    for (policy, points), colour in zip(report.policies.items(), _CURVES, strict=False):
        bound = policy == BOUND
        axes.plot(
            [point.size_bytes for point in points],
            [point.share for point in points],
            color=_OFF if bound else colour,
            linestyle="--" if bound else "-",
            marker="" if bound else "o",
            markersize=3.5,
            label="bound: knows all calls" if bound else policy,
        )
    if report.recommended is not None:
        size, policy, _ = report.recommended
        label = f"recommended: {size_text(size)}, {policy}"
        axes.axvline(size, color="#1f2937", linewidth=0.8, linestyle=":", label=label)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: size_text(size)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda size, _: ""))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("size of the cache")
    axes.set_ylabel("share of the time saved without limit")
    axes.set_title(
        f"{report.calls:,} calls of {report.distinct:,} entries", loc="left", fontsize=10
    )
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return _picture(figure, form)


def _figure(inches: float) -> tuple[Any, Any]:
    """Make a figure of a height, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, inches), layout="constrained", dpi=150)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _picture(figure: Any, form: str) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format=form)
    return picture.getvalue()


_Row = tuple[float, str, str, str, Measurement]  # position, name, colour, text, times


def _rows(report: BenchReport) -> list[_Row]:
    rows: list[_Row] = [(0.0, "off", _OFF, "", report.off)]
    at = 0.0
    for result in report.levels:
        gain = "" if result.speedup is None else f"   {result.speedup:.2f}x"
        star = "  (recommended)" if result.level == report.recommended_level else ""
        rows.append((at + 1.3, f"level {result.level} cold", _COLD, "", result.cold))
        rows.append((at + 2.2, "warm", _WARM, gain + star, result.warm))
        at += 2.2
    return rows


def _title(report: BenchReport) -> str:
    command = printable(" ".join(report.command)).replace("$", r"\$")
    return command if len(command) <= _LONGEST_TITLE else f"{command[:_LONGEST_TITLE]}..."
