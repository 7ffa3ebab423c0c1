"""A fold by a pool of workers is the fold by one process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from acache.operations.stats import stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.local_sharing import LocalSharing
from acache.store.scan import Walk
from acache.store.shares import fold_shares
from acache.store.store import ScanOptions, Store
from acache.system.errors import AcacheError
from acache.system.processes import ProcessPool
from tests.helpers.jobs import Hashes
from tests.helpers.marks import needs_links, needs_posix
from tests.helpers.stores import write_entry


@pytest.fixture
def store(tmp_path: Path) -> Store:
    for number in range(300):
        argument_hash = f"{number:032x}"[::-1]
        folder = tmp_path / "joblib" / f"f{number % 7}"
        if number % 7 == 3:
            write_entry(folder / argument_hash[:3], argument_hash[3:])
        else:
            write_entry(folder, argument_hash, duration=number / 7)
        if number % 50 == 0:
            (folder / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
            (folder / "notes.txt").write_text("foreign")
    return Store(tmp_path)


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    with ProcessPool(2) as pool:
        yield pool


def test_fold_by_workers_finds_what_one_process_finds(store: Store, pool: ProcessPool) -> None:
    one = store.fold(Hashes)
    shared = fold_shares(store, pool, Hashes, ScanOptions())
    assert sorted(shared.found) == sorted(one.found)
    assert len(shared.found) == 300
    assert os.getpid() in shared.processes
    assert 2 <= len(shared.processes) <= 3


def test_fold_by_workers_adds_up_to_the_same_report(store: Store, pool: ProcessPool) -> None:
    levels = Levels(store, InstalledSources())
    assert stats(store, levels, pool=pool) == stats(store, levels)
    assert stats(store, levels, pool=pool).total.compute_seconds is not None


def test_selection_holds_in_all_shares(store: Store, pool: ProcessPool) -> None:
    options = ScanOptions(select=store_select)
    assert sorted(fold_shares(store, pool, Hashes, options).found) == sorted(
        store.fold(Hashes, options).found
    )


def store_select(function: str, argument_hash: str) -> bool:
    return function in ("f2", "f3") and not argument_hash.startswith("0")


@needs_posix
def test_worker_that_dies_in_a_share_loses_nothing(
    store: Store, pool: ProcessPool, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    shared = fold_shares(store, pool, partial(Hashes, marker), ScanOptions())
    assert marker.exists()
    assert sorted(shared.found) == sorted(store.fold(Hashes).found)


def test_entries_that_vanish_meanwhile_are_no_error(store: Store, pool: ProcessPool) -> None:
    gone = sorted(Path(store.path).glob("f2/*"))[:20]

    def progress(count: int) -> None:
        while gone:
            shutil.rmtree(gone.pop())

    shared = fold_shares(store, pool, Hashes, ScanOptions(progress=progress))
    assert gone == []
    assert len(set(shared.found)) == len(shared.found)
    assert 280 <= len(shared.found) <= 300


@needs_links
def test_hard_links_in_several_shares_count_once(store: Store, pool: ProcessPool) -> None:
    entries = sorted(Path(store.path).rglob("output.pkl"))
    for entry in entries[1:]:
        entry.unlink()
        entry.hardlink_to(entries[0])
    levels = Levels(store, InstalledSources())
    assert stats(store, levels, pool=pool) == stats(store, levels)


def test_progress_grows_to_what_was_found(store: Store, pool: ProcessPool) -> None:
    counts: list[int] = []
    fold_shares(store, pool, Hashes, ScanOptions(progress=counts.append))
    assert counts == sorted(counts)
    assert counts[-1] == 300


def test_stopped_fold_hands_out_nothing_more(store: Store, pool: ProcessPool) -> None:
    shared = fold_shares(
        store, pool, Hashes, ScanOptions(), stopped=lambda fold: len(fold.found) > 0
    )
    assert 0 < len(shared.found) < 300


def test_worker_that_sees_another_store_is_an_error(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_entry(tmp_path / name / "joblib" / f"f-{name}", "0" * 32)
    path = tmp_path / "one" / "joblib"
    sharing = LocalSharing(Store(tmp_path / "one"), partial(Walk, str(path), both=False))
    sharing.require_same()
    (tmp_path / "one").rename(tmp_path / "first")
    with pytest.raises(AcacheError, match="does not see the cache"):
        sharing.require_same()
    (tmp_path / "other").rename(tmp_path / "one")
    with pytest.raises(AcacheError, match="does not see the cache"):
        sharing.require_same()


def test_store_that_does_not_exist_is_empty(tmp_path: Path, pool: ProcessPool) -> None:
    assert fold_shares(Store(tmp_path / "none"), pool, Hashes, ScanOptions()).found == []
