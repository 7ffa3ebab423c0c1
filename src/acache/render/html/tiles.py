"""What a treemap shows: levels, in them functions, in them the largest entries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from acache.operations.ls import Listed
from acache.operations.report import StoreReport, room_of
from acache.operations.stats import FunctionRow
from acache.render.html import tables
from acache.render.html.tables import per_megabyte
from acache.store.format import dotted

_STEPS = 6  # colours


class Tile(NamedTuple):
    """A rectangle of a treemap.

    Attributes
    ----------
    row : str
        Id of the table row that tells more about it.
    room : int > 0
        Bytes.
    rate : float or None
        Seconds that a megabyte took to compute; None if that is unknown.
    entries : int > 0
        How many it stands for.
    """

    row: str
    room: int
    rate: float | None
    entries: int = 1


class FunctionTile(NamedTuple):
    """The tiles of a function; `name` is empty for the functions that have no row."""

    name: str
    room: int
    tiles: tuple[Tile, ...]


class LevelTile(NamedTuple):
    """The functions of a level."""

    level: int | None
    room: int
    functions: tuple[FunctionTile, ...]


def level_tiles(report: StoreReport, rows: Sequence[FunctionRow]) -> list[LevelTile]:
    """Arrange what a report lists, the largest first; what it does not list is summed up.

    Parameters
    ----------
    report : StoreReport
    rows : sequence of FunctionRow
        Those that the table of functions has: the first ones.
    """
    listed: dict[str, list[tuple[int, Listed]]] = {}
    for number, one in enumerate(report.largest):
        listed.setdefault(dotted(one.entry.function), []).append((number, one))
    names = tables.short_names([row.function for row in rows])
    by_level: dict[int | None, list[FunctionTile]] = {}
    for number, row in enumerate(rows):
        tiles = _function_tiles(f"f{number}", row, listed.get(row.function, ()))
        if tiles:
            room = sum(tile.room for tile in tiles)
            made = FunctionTile(names[row.function], room, tiles)
            by_level.setdefault(row.level, []).append(made)
    found = []
    for number, level in enumerate(report.stats.levels):
        functions = by_level.get(level.level, [])
        rest = tables.room_of(level.totals) - sum(one.room for one in functions)
        if rest > 0:  # a function without a row has no record of its own here
            more = level.totals.entries - sum(t.entries for one in functions for t in one.tiles)
            functions.append(FunctionTile("", rest, (Tile(f"l{number}", rest, None, more),)))
        if functions:
            room = sum(one.room for one in functions)
            functions.sort(key=lambda one: -one.room)
            found.append(LevelTile(level.level, room, tuple(functions)))
    return sorted(found, key=lambda one: -one.room)


def _function_tiles(
    row_id: str, row: FunctionRow, listed: Sequence[tuple[int, Listed]]
) -> tuple[Tile, ...]:
    tiles = []
    for number, (entry, _, _) in listed:
        room = room_of(entry)
        if room:
            tiles.append(Tile(f"e{number}", room, per_megabyte(entry.compute_seconds, room)))
    room = tables.room_of(row.totals) - sum(tile.room for tile in tiles)
    if room > 0 and row.totals.entries > len(tiles):
        seconds = row.totals.compute_seconds
        known = sum(one.entry.compute_seconds or 0.0 for _, one in listed)
        rate = None if seconds is None else per_megabyte(max(seconds - known, 0.0), room)
        tiles.append(Tile(row_id, room, rate, row.totals.entries - len(tiles)))
    return tuple(sorted(tiles, key=lambda tile: -tile.room))


def colour_limits(levels: Sequence[LevelTile]) -> list[float]:
    """Choose the rates between the steps of colour, so that most of the area is spread over them.

    They lie at equal ratios between the rates that a tenth and nine tenths of the area stay below,
    and have two digits.

    Parameters
    ----------
    levels : sequence of LevelTile

    Returns
    -------
    limits : list of float
        Increasing; at most one less than there are colours.
    """
    rates = sorted(
        (tile.rate, tile.room)
        for level in levels
        for function in level.functions
        for tile in function.tiles
        if tile.rate
    )
    if not rates:
        return []
    total = sum(room for _, room in rates)
    low, high = _quantile(rates, 0.1 * total), _quantile(rates, 0.9 * total)
    if high < 1.5 * low:  # all alike: one limit on each side
        low, high = low / 2, high * 2
    ratio = (high / low) ** (1 / (_STEPS - 2))
    return sorted({_two_digits(low * ratio**step) for step in range(_STEPS - 1)})


def colour(rate: float | None, limits: Sequence[float]) -> str:
    """Return the class of a rate's colour."""
    if rate is None:
        return "cn"
    return f"c{sum(rate >= limit for limit in limits)}"


def _quantile(rates: Sequence[tuple[float, int]], room: float) -> float:
    """Return the rate up to which tiles take so much room."""
    for rate, own in rates:
        room -= own
        if room <= 0:
            return rate
    return rates[-1][0]


def _two_digits(value: float) -> float:
    digits = 1 - math.floor(math.log10(value))
    return round(value, digits)
