"""The curves of a simulation as SVG: which share of the savings each policy keeps at each size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from acache.operations.simulate.passes import BOUND, Point
from acache.operations.simulate.simulation import SimulateReport
from acache.render.html.markup import Markup, element, together
from acache.system.text import size_text

_GRID = (0.0, 0.25, 0.5, 0.75, 1.0)
_MOST_TICKS = 5  # more sizes than these would run into each other on a telephone


def curves(report: SimulateReport) -> Markup:
    """Draw a simulation, and the legend of its lines."""
    sizes = sorted({point.size_bytes for points in report.policies.values() for point in points})
    across = _across(sizes)
    title = "Share of the saved time that a smaller cache keeps, by its size and policy"
    lines = [
        _line(points, across, _class(number, policy))
        for number, (policy, points) in enumerate(report.policies.items())
    ]
    dots = [
        _dot(policy, point, across, _class(number, policy))
        for number, (policy, points) in enumerate(report.policies.items())
        for point in points
        if policy != BOUND
    ]
    # What has no text is stretched to the width that there is.
    stretched = element("svg", *lines, viewBox="0 0 100 100", preserveAspectRatio="none")
    picture = element(
        "svg",
        element("title", title, id="curves-title"),
        element("desc", "The table below has the same numbers.", id="curves-description"),
        *_shares(),
        *_ticks(sizes, across),
        stretched,
        *dots,
        id="curves",
        class_="curves",
        role="img",
        aria_labelledby="curves-title curves-description",
    )
    return together(picture, _legend([*report.policies]))


def _class(number: int, policy: str) -> str:
    return "bound" if policy == BOUND else f"k{number}"


def _across(sizes: Sequence[int]) -> Callable[[int], float]:
    """Return what places a size, in per cent of the width, by its logarithm."""
    low, high = math.log(max(sizes[0], 1)), math.log(max(sizes[-1], 2))
    if high <= low:
        return lambda size: 50.0
    return lambda size: 2 + 96 * (math.log(max(size, 1)) - low) / (high - low)


def _up(share: float) -> float:
    return 100 - 100 * min(max(share, 0.0), 1.0)


def _line(points: Sequence[Point], across: Callable[[int], float], name: str) -> Markup:
    path = " ".join(f"{across(one.size_bytes):.2f},{_up(one.share):.2f}" for one in points)
    return element("polyline", points=path, class_=name)


def _dot(policy: str, point: Point, across: Callable[[int], float], name: str) -> Markup:
    said = f"{policy}, {size_text(point.size_bytes)}: {point.share:.1%} of the time saved"
    return element(
        "g",
        element("title", said),
        element(
            "circle",
            cx=f"{across(point.size_bytes):.2f}%",
            cy=f"{_up(point.share):.2f}%",
            r=4,
            class_=name,
        ),
    )


def _shares() -> list[Markup]:
    """Draw the axis of the shares, with a line across at each."""
    drawn = []
    for share in _GRID:
        up = f"{_up(share):g}%"
        drawn.append(element("line", x1="0", x2="100%", y1=up, y2=up))
        drawn.append(element("text", f"{share:.0%}", x=-8, y=up, class_="share"))
    return drawn


def _ticks(sizes: Sequence[int], across: Callable[[int], float]) -> list[Markup]:
    """Label some of the sizes, the last one among them, none of them near another."""
    chosen: list[int] = []
    for size in reversed(sizes):
        if not chosen or across(chosen[-1]) - across(size) >= 100 / _MOST_TICKS:
            chosen.append(size)
    labels = [
        element("text", size_text(size), x=f"{across(size):.2f}%", y="100%", dy=22, class_="size")
        for size in reversed(chosen)
    ]
    title = element("text", "size of the cache", x="50%", y="100%", dy=40, class_="size")
    return [*labels, title]


def _legend(policies: Sequence[str]) -> Markup:
    items = []
    for number, policy in enumerate(policies):
        line = element("line", x1="0", x2="100%", y1="50%", y2="50%", class_=_class(number, policy))
        said = "best: knows all calls to come, a bound" if policy == BOUND else policy
        items.append(element("li", element("svg", line, aria_hidden="true"), said))
    return element("ul", *items, class_="legend lines")
