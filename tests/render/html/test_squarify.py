"""Squarified treemaps: areas are as asked for, nothing overlaps, parts are nearly square."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.render.html.squarify import Box, squarify

SIZES = st.lists(st.integers(1, 10**12), min_size=1, max_size=60).map(
    lambda sizes: sorted(sizes, reverse=True)
)


def test_squarify_lays_the_example_of_its_paper() -> None:
    parts = squarify([6, 6, 4, 3, 2, 2, 1], Box(0, 0, 6, 4))
    assert parts[:2] == [Box(0, 0, 3, 2), Box(0, 2, 3, 2)]
    assert parts[2].width == pytest.approx(12 / 7)
    assert parts[3].x == pytest.approx(3 + 12 / 7)
    assert parts[4] == pytest.approx(Box(3, 7 / 3, 1.2, 5 / 3))


@given(SIZES, st.floats(1, 2000), st.floats(1, 2000))
def test_squarify_divides_a_box_by_areas(sizes: list[int], width: float, height: float) -> None:
    box = Box(3.0, 4.0, width, height)
    parts = squarify(sizes, box)
    scale = width * height / sum(sizes)
    tolerance = 1e-6 * width * height
    for size, part in zip(sizes, parts, strict=True):
        assert part.width * part.height == pytest.approx(size * scale, rel=1e-6, abs=tolerance)
        assert part.x >= box.x - 1e-6
        assert part.y >= box.y - 1e-6
        assert part.x + part.width <= box.x + width + 1e-6 * width
        assert part.y + part.height <= box.y + height + 1e-6 * height


@given(SIZES)
def test_squarify_lays_nothing_over_another_part(sizes: list[int]) -> None:
    parts = squarify(sizes, Box(0.0, 0.0, 1000.0, 560.0))
    for number, one in enumerate(parts):
        for other in parts[:number]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert min(across, down) < 1e-6


def test_squarify_makes_equal_parts_nearly_square() -> None:
    for part in squarify([1] * 50, Box(0.0, 0.0, 1000.0, 560.0)):
        assert 1 / 2.5 < part.width / part.height < 2.5


def test_squarify_of_no_room_has_no_area() -> None:
    assert squarify([2, 1], Box(1.0, 2.0, 0.0, 5.0)) == [Box(1.0, 2.0, 0.0, 0.0)] * 2
    assert squarify([], Box(0.0, 0.0, 1.0, 1.0)) == []
