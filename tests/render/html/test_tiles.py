"""What a treemap shows adds up to what the store takes, however much is summed up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.config.settings import Config
from acache.operations.report import StoreReport, report
from acache.render.html import tables
from acache.render.html.tiles import (
    FunctionTile,
    LevelTile,
    Tile,
    colour,
    colour_limits,
    level_tiles,
)
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.store import Store
from tests.helpers.large_store import write_large_store


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> StoreReport:
    """Report a store of ten functions with seven entries each, the 20 largest one by one."""
    location = write_large_store(tmp_path_factory.mktemp("tiles"), functions=10, each=7)
    store = Store(location)
    config = Config.from_env({}, cache_dir=str(location))
    levels = Levels(store, InstalledSources())
    return report(config, store, levels, check_entries=False, most=20)


@pytest.mark.parametrize("rows", [0, 3, 10])
def test_tiles_add_up_to_the_store(found: StoreReport, rows: int) -> None:
    levels = level_tiles(found, found.stats.functions[:rows])
    tiles = [tile for level in levels for one in level.functions for tile in one.tiles]
    assert sum(tile.room for tile in tiles) == tables.room_of(found.stats.total)
    assert sum(tile.entries for tile in tiles) == 70
    assert {level.level for level in levels} == {10, 20, 30, 40}
    if rows == 10:
        assert sum(tile.row.startswith("e") for tile in tiles) == 20
    for level in levels:
        assert level.room == sum(one.room for one in level.functions)
        assert [one.room for one in level.functions] == sorted(
            (one.room for one in level.functions), reverse=True
        )


TILES = st.lists(
    st.tuples(st.floats(1e-9, 1e6), st.integers(1, 10**12)), min_size=1, max_size=50
).map(lambda pairs: tuple(Tile("e0", room, rate) for rate, room in pairs))


@given(TILES)
def test_colours_are_few_and_rise_with_the_rate(tiles: tuple[Tile, ...]) -> None:
    limits = colour_limits([LevelTile(10, 1, (FunctionTile("f", 1, tiles),))])
    assert limits == sorted(set(limits))
    assert 1 <= len(limits) <= 5
    ordered = sorted(tile.rate or 0 for tile in tiles)
    colours = [colour(rate, limits) for rate in ordered]
    assert colours == sorted(colours)
    assert set(colours) <= {"c0", "c1", "c2", "c3", "c4", "c5"}


def test_colour_of_what_is_not_recorded_is_its_own() -> None:
    assert (
        colour_limits([LevelTile(None, 1, (FunctionTile("f", 1, (Tile("e0", 5, None),)),))]) == []
    )
    assert colour(None, []) == "cn"
    assert colour(0.0, []) == "c0"
