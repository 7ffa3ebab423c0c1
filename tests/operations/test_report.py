"""What a report gathers: the largest entries in bounded memory, whatever the order of the scan."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.operations import report as module
from acache.operations.ls import Listing
from acache.operations.report import StoreReport, report, room_of
from acache.operations.selection import Selection
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.model import Entry
from acache.store.store import Store
from tests.helpers.large_store import write_large_store


def gathered(location: Path, **options: object) -> StoreReport:
    store = Store(location)
    config = Config.from_env({}, cache_dir=str(location))
    return report(config, store, Levels(store, InstalledSources()), **options)  # type: ignore[arg-type]


def test_report_has_the_largest_entries(tmp_path: Path) -> None:
    location = write_large_store(tmp_path, functions=9, each=8)
    store = Store(location)
    sizes = [
        room_of(listed.entry)
        for listed in Listing(store, Selection().resolve(store), sort="disk", limit=20)
    ]
    found = gathered(location, most=20, check_entries=False)
    assert [room_of(one.entry) for one in found.largest] == sizes
    assert all(one.arguments for one in found.largest)
    assert found.stats.total.entries == 72
    assert found.verification is None
    assert (found.calls, found.simulation) == (None, None)


def test_report_has_calls_and_a_simulation_of_a_log(tmp_path: Path) -> None:
    found = gathered(write_large_store(tmp_path, functions=4, each=5, calls=100))
    assert found.calls is not None
    assert sum(row.totals.calls for row in found.calls) == 120
    assert found.simulation is not None
    assert found.simulation.calls == 120
    assert found.verification is not None
    assert (found.verification.entries, found.verification.problems) == (20, 1)


@pytest.mark.parametrize("parts", [1, 2])
def test_fold_keeps_the_largest_whatever_their_order(parts: int) -> None:
    entries = [
        Entry("f", f"{number:032x}", room, room, 1, 0.0, 0.0, None)
        for number, room in enumerate([5, 5, 5, 7, 1, 9, 3, 7, 5])
    ]
    kept = set()
    for seed in range(20):
        random.Random(seed).shuffle(entries)
        folds = [module._ReportFold(None, 4) for _ in range(parts)]
        for number, entry in enumerate(entries):
            folds[number % parts].add_entry(entry)
        for other in folds[1:]:
            folds[0].merge(other)
        assert len(folds[0]._heap) == 4
        kept.add(tuple(folds[0].largest()))
    assert len(kept) == 1
    assert [room_of(entry) for entry in kept.pop()] == [9, 7, 7, 5]
