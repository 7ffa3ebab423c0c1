"""A fold by two processes is the fold by one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from acache.operations.stats import stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store import parallel
from acache.store.model import Entry, Found
from acache.store.store import ScanOptions, Store
from tests.helpers.marks import needs_fork
from tests.helpers.stores import write_entry


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    # So that a small store is shared too.
    monkeypatch.setattr(parallel, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(parallel, "_STRIDE", 4)
    monkeypatch.setattr(parallel, "_PIECE", 8)
    monkeypatch.setattr(parallel, "_TICK", 1)
    for number in range(400):
        write_entry(tmp_path / "joblib" / f"f{number % 7}", f"{number:032x}"[::-1])
    return Store(tmp_path)


class Hashes:
    """Gathers argument hashes, and the processes that found them."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.processes = {os.getpid()}

    def add(self, found: Found) -> None:
        if isinstance(found, Entry):
            self.found.append(found.hash)

    def merge(self, other: Hashes) -> None:
        self.found += other.found
        self.processes |= other.processes


@needs_fork
def test_fold_by_two_processes_finds_what_one_finds(store: Store) -> None:
    one = store.fold(Hashes)
    two = store.fold(Hashes, ScanOptions(fork=True))
    assert sorted(two.found) == sorted(one.found)
    assert (len(one.processes), len(two.processes)) == (1, 2)
    levels = Levels(store, InstalledSources())
    assert stats(store, levels, fork=True) == stats(store, levels)


@needs_fork
def test_helper_that_dies_loses_nothing(store: Store) -> None:
    class Fragile(Hashes):
        def add(self, found: Found) -> None:
            if os.getpid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)
            super().add(found)

    parent = os.getpid()
    assert len(store.fold(Fragile, ScanOptions(fork=True)).found) == 400


@needs_fork
def test_helper_that_dies_while_waiting_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = os.getpid()
    add_all = parallel._add_all

    def add_or_die(*arguments: Any) -> None:
        if os.getpid() != parent:
            os._exit(7)
        add_all(*arguments)

    monkeypatch.setattr(parallel, "_add_all", add_or_die)
    assert len(store.fold(Hashes, ScanOptions(fork=True)).found) == 400


@needs_fork
def test_hard_links_in_both_shares_count_once(store: Store) -> None:
    entries = sorted(Path(store.path).rglob("output.pkl"))
    for entry in entries[1:]:
        entry.unlink()
        entry.hardlink_to(entries[0])
    levels = Levels(store, InstalledSources())
    assert stats(store, levels, fork=True) == stats(store, levels)


@needs_fork
def test_interrupted_scan_leaves_no_process(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fork, children = os.fork, []

    def forked() -> int:  # joblib's own workers may be children of this process too
        children.append(fork())
        return children[-1]

    def interrupt(count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fork", forked)
    with pytest.raises(KeyboardInterrupt):
        store.fold(Hashes, ScanOptions(fork=True, progress=interrupt))
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


@pytest.mark.parametrize("fork", [False, pytest.param(True, marks=needs_fork)])
def test_progress_grows_to_what_was_found(store: Store, fork: bool) -> None:
    counts: list[int] = []
    store.fold(Hashes, ScanOptions(fork=fork, progress=counts.append))
    total = sum(1 for _ in store.scan())
    assert counts == sorted(counts)
    # What the other process has in hand at the end is never told.
    assert counts[-1] == total or (fork and 0 < counts[-1] < total)
