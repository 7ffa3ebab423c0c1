"""A treemap as SVG: level > function > entry; area is room on disk, colour is seconds per byte.

The rectangles are stretched to the width of the page, and labels have their places in per cent: so
text is as large as everywhere else. A label is shown where the picture is wide enough for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from acache.render.durations import duration
from acache.render.html.markup import Markup, element, together
from acache.render.html.squarify import Box, squarify
from acache.render.html.tables import level_text
from acache.render.html.tiles import FunctionTile, LevelTile, Tile, colour, colour_limits
from acache.system.text import counted, size_text

T = TypeVar("T", Tile, FunctionTile)

# In units of the picture, which is 1,000 pixels wide and as high as its style says.
WIDTH, HEIGHT, LOWEST = 1000.0, 560.0, 320.0  # LOWEST: pixels, see style.css
_FINE = 2  # places are whole numbers, so many to a unit
_BAND = 26.0  # above the functions of a level, for its name
_MARGIN = 2.0
_SMALLEST = 6.0  # square units: smaller tiles become one
_WIDTHS = (320, 480, 640, 800, 960, 1160)  # pixels of the picture; style.css has the same
_CHARACTER = 7.3  # pixels, on average, with some room to spare
_LINE = 20.0  # pixels
_STRONG = ("c3", "c4", "c5")  # colours on which text has the colour of the page


def treemap(levels: Sequence[LevelTile], title: str, description: str) -> Markup:
    """Draw a treemap, and the legend of its colours."""
    drawing = _Drawing(colour_limits(levels))
    boxes = squarify([level.room for level in levels], Box(0.0, 0.0, WIDTH, HEIGHT))
    for level, box in zip(levels, boxes, strict=True):
        drawing.add_level(level, box.inside(margin=_MARGIN))
    stretched = element(
        "svg",
        *drawing.rectangles,
        *drawing.edges,
        viewBox=f"0 0 {_FINE * WIDTH:.0f} {_FINE * HEIGHT:.0f}",
        preserveAspectRatio="none",
    )
    picture = element(
        "svg",
        element("title", title, id="map-title"),
        element("desc", description, id="map-description"),
        stretched,
        *drawing.labels,
        id="map",
        class_="map",
        role="img",
        aria_labelledby="map-title map-description",
    )
    return together(picture, _legend(levels, drawing.limits))


class _Drawing:
    """The rectangles, the edges of functions, and the labels of a treemap."""

    def __init__(self, limits: Sequence[float]) -> None:
        self.limits = limits
        self.rectangles: list[Markup] = []
        self.edges: list[Markup] = []
        self.labels: list[Markup] = []

    def add_level(self, level: LevelTile, box: Box) -> None:
        named = "level unknown" if level.level is None else f"level {level.level}"
        size = f" · {size_text(level.room)}"
        band = _BAND if box.height > 2 * _BAND else 0.0
        if band and (shown := _wide_enough(named, box)):
            more = element("tspan", size, class_=_wide_enough(named + size, box) or "never")
            place = _place(box._replace(y=box.y + band / 2))
            self.labels.append(element("text", named, more, class_=f"level {shown}", **place))
        inner = box.inside(top=band)
        large, small = _divided(level.functions, level.room, inner)
        if small:
            tile = _as_one([tile for one in small for tile in one.tiles])
            large.append(FunctionTile("", tile.room, (tile,)))
        boxes = squarify([one.room for one in large], inner)
        for function, one_box in zip(large, boxes, strict=True):
            self._add_function(function, one_box)

    def _add_function(self, function: FunctionTile, box: Box) -> None:
        tiles, small = _divided(function.tiles, function.room, box)
        tiles += small if len(small) < 2 else [_as_one(small)]
        boxes = squarify([tile.room for tile in tiles], box)
        for tile, one in zip(tiles, boxes, strict=True):
            many = tile.entries > 1 or not tile.row.startswith("e")
            self.rectangles.append(
                element(
                    "rect",
                    class_=colour(tile.rate, self.limits),
                    data_r=tile.row or None,
                    data_n=tile.entries if many else None,
                    **_fine(one),
                )
            )
        self.edges.append(element("rect", **_fine(box)))
        if shown := _wide_enough(function.name, box):
            # The label is over the first tile, and often over others.
            style = f"on {shown}" if colour(tiles[0].rate, self.limits) in _STRONG else shown
            self.labels.append(element("text", function.name, class_=style, **_place(box)))


def _divided(tiles: Sequence[T], whole: int, box: Box) -> tuple[list[T], list[T]]:
    """Divide the parts of a box into those that can be seen, and those that are too small."""
    least = _SMALLEST * whole / ((box.width * box.height) or 1)
    return [one for one in tiles if one.room >= least], [one for one in tiles if one.room < least]


def _as_one(tiles: Sequence[Tile]) -> Tile:
    """Make one tile of several; it is of their function if one of them is."""
    room = sum(tile.room for tile in tiles)
    rows = {tile.row for tile in tiles if not tile.row.startswith("e")}
    known = sum(tile.rate * tile.room for tile in tiles if tile.rate)
    many = sum(tile.entries for tile in tiles)
    return Tile(rows.pop() if len(rows) == 1 else "", room, known / room or None, many)


def _fine(box: Box) -> dict[str, int]:
    """Return the place of a rectangle in whole numbers; what touches in the box, touches here."""
    left, top = round(_FINE * box.x), round(_FINE * box.y)
    right, bottom = round(_FINE * (box.x + box.width)), round(_FINE * (box.y + box.height))
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def _place(box: Box) -> dict[str, str]:
    """Return the place of a label, in per cent."""
    return {"x": f"{100 * box.x / WIDTH:.1f}%", "y": f"{100 * box.y / HEIGHT:.1f}%"}


def _wide_enough(label: str, box: Box) -> str | None:
    """Return the class of the least picture in which a label fits into a box; None if in none."""
    if not label:
        return None
    for width in _WIDTHS:
        high = max(LOWEST, width * HEIGHT / WIDTH) * box.height / HEIGHT
        if width * box.width / WIDTH >= _CHARACTER * len(label) + 10 and high >= _LINE:
            return f"w{width}"
    return None


def _legend(levels: Sequence[LevelTile], limits: Sequence[float]) -> Markup:
    """Explain the colours, those that are there."""
    used = {
        colour(tile.rate, limits)
        for level in levels
        for function in level.functions
        for tile in function.tiles
    }
    texts = [_seconds(limit) for limit in limits]
    ranges = {}
    for step in range(len(limits) + 1):
        if step == 0:
            ranges["c0"] = f"under {texts[0]}" if texts else "0 s"
        elif step == len(limits):
            ranges[f"c{step}"] = f"{texts[-1]} and more"
        else:
            ranges[f"c{step}"] = f"{texts[step - 1]} – {texts[step]}"
    ranges["cn"] = "not recorded, or several functions"
    items = [
        element("li", element("svg", element("rect", width="100%", height="100%", class_=name),
                              aria_hidden="true"), text)
        for name, text in ranges.items() if name in used
    ]  # fmt: skip
    head = element("li", "compute time per MB:")
    return element("ul", head, *items, class_="legend")


def _seconds(seconds: float) -> str:
    return duration(seconds) if seconds >= 1e-4 else f"{1e6 * seconds:.2g} µs"


def described(levels: Sequence[LevelTile]) -> str:
    """Describe a treemap in a sentence, for those who do not see it."""
    parts = [
        f"level {level_text(level.level)}: {size_text(level.room)} in"
        f" {counted(len(level.functions), 'function')}"
        for level in levels
    ]
    return (
        "Each rectangle is an entry; its area is the room that it takes, its colour the compute"
        f" time per MB. {'; '.join(parts)}. The tables below have the same numbers."
    )
