"""What all pictures share: formats, the look of a figure, titles that fit."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

from acache.system.errors import UsageError

FORMATS = ("png", "svg", "pdf")
INK, QUIET, GRID = "#1f2937", "#6b7280", "#e3e6ea"
_WIDTH_INCHES = 7.2  # two columns of a journal
_TITLE_SIZE = 9
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "mathtext.default": "regular",
    "pdf.fonttype": 42,  # letters stay letters, as journals ask
}


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


def picture(make: Callable[[], Any], form: str) -> bytes:
    """Return what a file of a format holds that shows the figure which `make` makes."""
    from matplotlib import rc_context

    file = io.BytesIO()
    with rc_context(_STYLE):
        make().savefig(file, format=form)
    return file.getvalue()


def new_figure(
    inches: float, *, columns: int = 1, widths: Sequence[int] = (1,)
) -> tuple[Any, Sequence[Any]]:
    """Make a figure of a height, and its axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_INCHES, inches), layout="constrained", dpi=200)
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False, gridspec_kw={"width_ratios": [*widths]})[0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.set_axisbelow(True)
    return figure, axes


def set_title(figure: Any, title: str, below: str) -> None:
    """Write a title, cut where it has no room, and in the next line what explains the figure."""
    lines = "\n".join(_fitting(figure, line) for line in (title, below))
    figure.suptitle(lines, x=0.012, ha="left", fontsize=_TITLE_SIZE, color=INK, linespacing=1.4)


def _fitting(figure: Any, line: str) -> str:
    """Shorten a line at its end until it is no wider than the figure."""
    line = line.replace("$", r"\$")  # or else it may begin a formula
    text = figure.text(0, 0, line, fontsize=_TITLE_SIZE)
    room = 0.96 * figure.bbox.width
    while text.get_window_extent().width > room:
        line = f"{line[: -max(len(line) // 20, 2)]}…"
        text.set_text(line)
    text.remove()
    return line


def round_values(low: float, high: float, *, most: int) -> list[float]:
    """Return at most so many values in between that are round: 1, 2 and 5 times a power of ten.

    Examples
    --------
    >>> round_values(0.9, 30, most=5), round_values(1, 10**9, most=4)
    ([1.0, 2.0, 5.0, 10.0, 20.0], [1.0, 1000.0, 1000000.0, 1000000000.0])
    """
    found: list[float] = []
    for factors in ((1, 2, 5), (1, 3), (1,)):
        every = [factor * 10.0**power for power in range(-3, 19) for factor in factors]
        found = [value for value in every if low <= value <= high]
        if len(found) <= most:
            return found
    return found[:: -(-len(found) // most)]
