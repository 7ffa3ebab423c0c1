"""Squarified treemaps: a rectangle divided by areas, so that the parts are nearly square.

M. Bruls, K. Huizing and J. van Wijk, "Squarified Treemaps", Data Visualization 2000, pages 33-42.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, *, top: float = 0.0, margin: float = 0.0) -> Box:
        """Return what is left of it without a margin, and without a band at its top."""
        return Box(
            self.x + margin,
            self.y + margin + top,
            max(self.width - 2 * margin, 0.0),
            max(self.height - 2 * margin - top, 0.0),
        )


def squarify(sizes: Sequence[float], box: Box) -> list[Box]:
    """Divide a rectangle.

    Parameters
    ----------
    sizes : sequence of float > 0
        To which the areas are proportional; the largest first.
    box : Box

    Returns
    -------
    parts : list of Box
        In the order of the sizes.

    Examples
    --------
    >>> squarify([2, 1, 1], Box(0, 0, 4, 2)) == [
    ...     Box(0, 0, 2, 2), Box(2, 0, 2, 1), Box(2, 1, 2, 1)]
    True
    """
    total = sum(sizes)
    scale = box.width * box.height / total if total else 0.0
    areas = [size * scale for size in sizes]
    parts: list[Box] = []
    start = 0
    while start < len(areas):
        side = min(box.width, box.height)
        if side <= 0:  # no room at all, or none that rounding has left
            return [*parts, *[Box(box.x, box.y, 0.0, 0.0)] * (len(areas) - start)]
        end, area = start + 1, areas[start]
        worst = _worst(areas[start], areas[start], area, side)
        while end < len(areas):
            ratio = _worst(areas[end], areas[start], area + areas[end], side)
            if ratio > worst:
                break
            worst, area, end = ratio, area + areas[end], end + 1
        row, box = _laid(areas[start:end], area, box)
        parts += row
        start = end
    return parts


def _worst(least: float, most: float, area: float, side: float) -> float:
    """Return the highest ratio of sides in a row of parts along a side."""
    return max(side * side * most / (area * area), area * area / (side * side * least))


def _laid(areas: Sequence[float], total: float, box: Box) -> tuple[list[Box], Box]:
    """Lay a row along the shorter side; return it, and what is left of the box."""
    row = []
    if box.width >= box.height:
        depth, at = min(total / box.height, box.width), box.y
        for area in areas:
            length = box.height * area / total
            row.append(Box(box.x, at, depth, length))
            at += length
        return row, box._replace(x=box.x + depth, width=box.width - depth)
    depth, at = min(total / box.width, box.height), box.x
    for area in areas:
        length = box.width * area / total
        row.append(Box(at, box.y, length, depth))
        at += length
    return row, box._replace(y=box.y + depth, height=box.height - depth)
