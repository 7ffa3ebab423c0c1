"""The keeper evicts what was used least recently, and no more than it should."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from acache.config.limits import POLICIES, Policy
from acache.operations import keep as keeping
from acache.operations.keep import ceiling, has_keeper, is_over, keep, start_keeper
from acache.operations.prune import Limits
from acache.store.fill import change_fill, entry_room, read_fill
from acache.store.model import Entry
from acache.store.store import Store
from tests.helpers.stores import write_entry, write_temporary

SIZE = 10_000


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_LINGER_SECONDS", 0.2)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Make a store of 40 entries, used one hour after the other, the last one just now."""
    folder = tmp_path / "joblib" / "m" / "f"
    folder.mkdir(parents=True)
    (folder / "func_code.py").write_text("# first line: 1\ndef f(x): ...\n")
    for number in range(40):
        entry = write_entry(folder, f"{number:032x}", output=bytes(SIZE))
        use(entry, hours=39 - number)
    return Store(tmp_path)


def use(entry: Path, hours: float) -> None:
    output = entry / "output.pkl"
    os.utime(output, (time.time() - hours * 3600, output.stat().st_mtime))


def entries(store: Store) -> list[Entry]:
    return sorted(found for found in store.scan() if isinstance(found, Entry))


def numbers(store: Store) -> list[int]:
    return [int(entry.hash, 16) for entry in entries(store)]


def room(store: Store) -> int:
    return sum(entry.disk_bytes or entry.size_bytes for entry in entries(store))


def test_keeper_evicts_the_least_recently_used(store: Store) -> None:
    # To an eighth below the limit, so that it need not look at each new entry.
    keep(store, Limits(max_items=40))
    assert len(entries(store)) == 40
    keep(store, Limits(max_items=32))
    assert numbers(store) == list(range(12, 40))
    keep(store, Limits(max_size=room(store) * 24 // 28))
    assert numbers(store) == list(range(19, 40))
    keep(store, Limits(max_age=9.5 * 3600))
    assert numbers(store) == list(range(30, 40))


@pytest.mark.parametrize(
    ("policy", "kept"),
    [("lru", {0, 2, 4}), ("oldest", {3, 4, 5}), ("largest", {0, 1, 5}), ("cost", {1, 2, 3})],
)
def test_keeper_evicts_by_its_policy(tmp_path: Path, policy: Policy, kept: set[int]) -> None:
    now = time.time()
    # By number: hours without use, kilobytes, seconds to compute.
    for number, (hours, size, seconds) in enumerate(
        [(1, 10, 0.1), (9, 20, 90.0), (2, 90, 99.0), (8, 80, 99.0), (3, 70, 0.1), (7, 10, 0.01)]
    ):
        entry = write_entry(
            tmp_path / "joblib" / "m" / "f",
            f"{number:032x}",
            output=bytes(size * 1000),
            duration=seconds,
        )
        os.utime(entry / "output.pkl", (now - hours * 3600, now - 90 * 3600 + number))
    store = Store(tmp_path)
    keep(store, Limits(max_items=3), policy)
    assert set(numbers(store)) == kept
    # What is written later is looked at too, whatever a scan before has found.
    keep(store, Limits(max_size=room(store) - 1), policy)
    assert len(entries(store)) < 3


@pytest.mark.parametrize("policy", POLICIES)
def test_keeper_evicts_by_age_under_every_policy(store: Store, policy: Policy) -> None:
    keep(store, Limits(max_age=9.5 * 3600), policy)
    assert numbers(store) == list(range(30, 40))


def test_keeper_knows_how_full_the_store_is(store: Store) -> None:
    before = time.time()
    keep(store, Limits(max_items=32))
    fill = read_fill(store.path)
    assert (fill.disk_bytes, fill.entries, fill.wanted_bytes) == (room(store), 28, 0)
    assert fill.measured >= before


def test_keeper_makes_room_for_who_waits(store: Store) -> None:
    wanted = 8 * entry_room(SIZE)
    limit = room(store)
    change_fill(store.path, lambda fill: fill._replace(wanted_bytes=wanted))
    keep(store, Limits(max_size=limit))
    assert room(store) + wanted == ceiling(limit)
    assert read_fill(store.path).wanted_bytes == 0


def test_keeper_leaves_what_was_used_since_it_looked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed = keeping.execute

    def use_first(plan: keeping.Plan, **options: bool) -> object:
        if plan.entries:
            use(Path(store.path, "m", "f", f"{0:032x}"), hours=0)
        return executed(plan, **options)

    use(Path(store.path, "m", "f", f"{0:032x}"), hours=39)
    monkeypatch.setattr(keeping, "execute", use_first)
    keep(store, Limits(max_items=32))
    assert numbers(store) == [0, *range(13, 40)]


def test_keeper_keeps_watching_while_others_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_LINGER_SECONDS", 1.0)
    thread = threading.Thread(target=keep, args=(store, Limits(max_items=30)))
    thread.start()
    while read_fill(store.path).measured == 0:
        time.sleep(0.01)
    folder = Path(store.path, "m", "f")
    for number in range(40, 60):
        change_fill(store.path, lambda fill: fill._replace(entries=fill.entries + 1))
        write_entry(folder, f"{number:032x}", output=bytes(SIZE))
        time.sleep(0.01)
    thread.join()
    kept = numbers(store)
    assert kept == list(range(60 - len(kept), 60))
    assert 26 <= len(kept) <= 30


def test_keeper_counts_what_was_being_written_when_it_looked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, Limits(max_items=0))
    folder = Path(store.path, "m", "f", "0" * 32)
    temporary = write_temporary(folder, "output.pkl", os.getpid(), modified=time.time())
    change_fill(store.path, lambda fill: fill._replace(entries=1))
    monkeypatch.setattr(keeping, "_LINGER_SECONDS", 1.0)
    thread = threading.Thread(target=keep, args=(store, Limits(max_items=0)))
    thread.start()
    while read_fill(store.path).entries:  # until it has looked
        time.sleep(0.01)
    temporary.rename(folder / "output.pkl")
    thread.join()
    assert entries(store) == []


def test_keeper_looks_again_for_what_has_counted_and_is_not_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = keeping.plan_prune
    writers = [
        threading.Timer(0.5, write_entry, (Path(store.path, "m", "f"), f"{number:032x}"))
        for number in (40, 41)
    ]
    waiting = writers.copy()

    def count_one(*arguments: object, **options: bool) -> object:
        plan = planned(*arguments, **options)  # type: ignore[arg-type]
        if waiting:
            change_fill(store.path, lambda fill: fill._replace(entries=fill.entries + 1))
            waiting.pop().start()
        return plan

    keep(store, Limits(max_items=0))
    monkeypatch.setattr(keeping, "_LINGER_SECONDS", 1.0)
    monkeypatch.setattr(keeping, "plan_prune", count_one)
    keep(store, Limits(max_items=0))
    for writer in writers:
        writer.join()
    assert entries(store) == []


def test_keeper_gives_up_where_limits_cannot_be_kept(store: Store) -> None:
    before = time.time()
    keep(store, Limits(min_free=2**62))
    assert entries(store) == []
    assert read_fill(store.path).due > before + 30  # nobody starts another one for a while


def test_keeper_leaves_folders_in_which_a_result_may_be_written(store: Store) -> None:
    folder = Path(store.path, "m", "f")
    fresh, old = folder / ("e" * 32), folder / ("f" * 32)
    fresh.mkdir()
    old.mkdir()
    os.utime(old, (1, 1))
    keep(store, Limits(max_items=100))
    assert fresh.exists()
    assert not old.exists()


def test_keeper_is_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_LINGER_SECONDS", 10.0)
    assert not has_keeper(store.path)
    location = str(Path(store.path).parent)
    assert start_keeper(location, Limits(max_items=30))
    deadline = time.monotonic() + 30
    while not has_keeper(store.path):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    keep(store, Limits(max_items=0))
    assert len(entries(store)) >= 27
    while has_keeper(store.path):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(entries(store)) == 27


def test_keeper_of_a_removed_store_leaves_nothing(tmp_path: Path) -> None:
    location = tmp_path / "location"
    with pytest.raises(FileNotFoundError):
        keep(Store(location), Limits(max_items=30))
    assert not location.exists()


@pytest.mark.parametrize(
    ("limits", "over"),
    [
        (Limits(max_size=100), False),
        (Limits(max_size=99), True),
        (Limits(max_items=3), False),
        (Limits(max_items=2), True),
        (Limits(max_age=0), False),
    ],
)
def test_keeper_finds_what_is_over_a_limit(store: Store, limits: Limits, over: bool) -> None:
    change_fill(store.path, lambda fill: fill._replace(disk_bytes=100, entries=3))
    assert is_over(read_fill(store.path), limits) == over
    assert is_over(read_fill(store.path)._replace(wanted_bytes=1), limits)
