"""A simulation as a picture: the share of the savings that each policy keeps, by size."""

from __future__ import annotations

from typing import Any

from acache.operations.simulate.passes import BOUND
from acache.operations.simulate.simulation import SimulateReport
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
from acache.system.text import counted, size_text

# In print without colour, lines differ by their markers and dashes.
_CURVES = (
    ("#0072b2", "o", "-"),
    ("#d55e00", "s", "--"),
    ("#009e73", "^", "-."),
    ("#a8509a", "D", ":"),
    ("#7a5c00", "v", "-"),
)


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
    return picture(lambda: simulation_figure(report), form)


def simulation_figure(report: SimulateReport) -> Any:
    """Make the figure of a simulation."""
    from matplotlib.ticker import PercentFormatter

    figure, (axes,) = new_figure(4.0)
    looks = iter(_CURVES)
    for policy, points in report.policies.items():
        sizes = [point.size_bytes for point in points]
        shares = [point.share for point in points]
        if policy == BOUND:
            axes.plot(
                sizes,
                shares,
                color=QUIET,
                linestyle=(0, (5, 2)),
                label="best (knows all\ncalls to come)",
            )
            continue
        colour, marker, dashes = next(looks, _CURVES[0])
        axes.plot(
            sizes, shares, color=colour, marker=marker, linestyle=dashes, markersize=4, label=policy
        )
    if report.recommended is not None:
        size, policy, share = report.recommended
        label = f"recommended:\n{size_text(size)}, {policy}"
        axes.plot(size, share, "*", color=INK, markersize=11, zorder=5, label=label)
    _size_axis(axes, report)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.set_ylim(-0.02, 1.04)
    axes.set_ylabel("share of the saved time")
    axes.grid(color=GRID, linewidth=0.8)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    unlimited = report.unlimited
    set_title(
        figure,
        f"{counted(report.calls, 'call')} of {counted(report.distinct, 'entry', 'entries')}",
        f"100 %: {timing(unlimited.saved_seconds)}, saved by {size_text(unlimited.size_bytes)}",
    )
    return figure


def _size_axis(axes: Any, report: SimulateReport) -> None:
    """Scale the sizes by their logarithm, and label some with units."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

    sizes = [point.size_bytes for points in report.policies.values() for point in points]
    sizes += [report.recommended.size_bytes] if report.recommended is not None else []
    low, high = max(min(sizes, default=1), 1), max(sizes, default=1)
    axes.set_xscale("log")
    edge = 2.0 if high < 1.5 * low else (high / low) ** 0.03
    axes.set_xlim(low / edge, high * edge)
    axes.xaxis.set_major_locator(FixedLocator(round_values(low / edge, high * edge, most=6)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: _size_label(size)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("size of the cache")


def _size_label(size: float) -> str:
    return size_text(size).replace(".0 ", " ")
