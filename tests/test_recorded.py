"""Stores that joblib 0.17 to 1.6 wrote are read as those joblibs read them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acache.operations.stats import stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.format import dotted
from acache.store.model import Entry, Leftover
from acache.store.store import ScanOptions, Store
from tests.helpers.marks import needs_links
from tests.helpers.slow_scan import figures, slow_figures
from tests.helpers.stores import RECORDED, VERSIONS, unpack_recorded


@pytest.fixture(params=[(v, s) for v in VERSIONS for s in ("str", "path")], ids="-".join)
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[str, list]]:
    """Unpack a store: its joblib's version, its location, and that joblib's own items."""
    version, store = request.param
    unpack_recorded(version, tmp_path)
    items = json.loads((RECORDED / f"joblib-{version}.json").read_text())["stores"][store]["items"]
    return version, tmp_path / store, items


Recorded = tuple[str, Path, dict[str, list]]


def test_versions_are_all_recorded() -> None:
    assert sorted(f.name for f in RECORDED.glob("*.tar.gz")) == [
        f"joblib-{version}.tar.gz" for version in VERSIONS
    ]


def test_items_are_joblibs(recorded: Recorded) -> None:
    _, location, items = recorded
    found = list(Store(location).scan())
    sizes = {(f, i["hash"]): i["size"] for f, listed in items.items() for i in listed}
    entries = {(e.function, e.hash): e.size_bytes for e in found if isinstance(e, Entry)}
    folders = {
        tuple(leftover.path.rsplit("/", 1))
        for leftover in found
        if isinstance(leftover, Leftover) and leftover.kind == "folder"
    }
    assert entries.keys() | folders == sizes.keys()
    assert not entries.keys() & folders
    for leftover in found:  # joblib counts what is left inside an entry as part of it
        if isinstance(leftover, Leftover) and leftover.kind == "file":
            inside = tuple(leftover.path.rsplit("/", 1)[0].rsplit("/", 1))
            if inside in entries:
                entries[inside] += leftover.usage.size_bytes
    assert entries == {key: size for key, size in sizes.items() if key not in folders}


@needs_links
def test_figures_are_those_of_the_slow_walk(recorded: Recorded) -> None:
    _, location, _ = recorded
    store = Store(location)
    report = stats(store, Levels(store, InstalledSources()))
    assert figures(report) == slow_figures(Path(store.path))
    assert report.warnings == ()


def test_levels_are_those_of_the_decorators(recorded: Recorded) -> None:
    _, location, _ = recorded
    store = Store(location)
    rows = stats(store, Levels(store, InstalledSources())).functions
    shown = {"by_keyword": 20, "by_module": 10, "by_position": 30}
    for row in rows:
        assert row.level == shown.get(row.function.rpartition(".")[2])
    assert len([row for row in rows if row.level]) == (3 if location.name == "str" else 0)


def test_metadata_of_every_version(recorded: Recorded) -> None:
    version, location, _ = recorded
    store = Store(location)
    found = store.scan(ScanOptions(durations=True))
    entries = [one for one in found if isinstance(one, Entry)]
    assert entries
    for entry in entries:
        metadata = store.metadata(entry.function, entry.hash)
        if metadata is None:  # its process was killed before
            assert entry.function.endswith("killed_at_metadata")
            continue
        assert metadata.duration == entry.compute_seconds is not None
        assert metadata.input_args
        old = version in ("0.17", "1.0", "1.2")
        assert (metadata.time is None) is old


def test_names_of_every_shape(recorded: Recorded) -> None:
    version, location, _ = recorded
    functions = {dotted(function) for function in Store(location).functions()}
    if location.name == "path":
        assert "recorded_package.features.tempo" in functions
        return
    nested = "features.gain" if version < "1.3" else "features.make_gain.<locals>.gain"
    method = "features.mix" if version < "1.3" else "features.Mixer.mix"
    for name in ("features.<lambda>", "features.größe", "levels.by_keyword", nested, method):
        assert f"recorded_package.{name}" in functions
    assert "__main__--tmp-record-write_store.of_script" in functions
    assert "recorded_package.features.never_called" not in functions
