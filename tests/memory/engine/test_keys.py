"""The key log: appended by many, disturbed by anything, and never wrong."""

from __future__ import annotations

import multiprocessing
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acache.memory.engine import keys
from acache.memory.engine.callers import caller_of
from acache.memory.engine.engine import FastMemory
from acache.memory.engine.keys import RECORD_BYTES, KeyLog
from acache.memory.engine.own_files import key_log_path, read_secret
from acache.store.call_writer import own_folder
from tests.helpers.cached_functions import calls, plain
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS

SECRET = bytes(range(100, 140))


def everything(argument_hash: str) -> bool:
    return True


def opened(path: Path, has_entry: Callable[[str], bool] = everything) -> KeyLog:
    return KeyLog(str(path), SECRET, has_entry)


def pair(number: int) -> tuple[bytes, str]:
    word = number.to_bytes(4, "little")
    return word * 4, (word[::-1] * 4).hex()


def write(path: Path, numbers: range, secret: bytes = SECRET) -> None:
    """Write the records of very many pairs at once."""
    log = KeyLog(str(path), secret, everything)
    with path.open("ab") as file:
        for number in numbers:
            record = pair(number)[0] + bytes.fromhex(pair(number)[1])
            file.write(record + log._check(record).to_bytes(8, "little"))


def test_keys_that_were_added_are_found_by_others(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "log"
    one, other = opened(path), opened(path)
    assert one.find(pair(1)[0]) is None
    for number in range(5):
        one.add(*pair(number))
        assert one.find(pair(number)[0]) == other.find(pair(number)[0]) == pair(number)[1]
    assert opened(path).find(pair(3)[0]) == pair(3)[1]
    assert path.stat().st_size == 5 * RECORD_BYTES


@pytest.mark.parametrize("count", [100, 40_000])
def test_keys_are_found_among_few_and_very_many(tmp_path: Path, count: int) -> None:
    write(tmp_path / "log", range(count))
    log = opened(tmp_path / "log")
    for number in (0, 1, count // 2, count - 1):
        assert log.find(pair(number)[0]) == pair(number)[1]
    assert log.find(pair(count)[0]) is None
    write(tmp_path / "log", range(count, 2 * count))  # by another process
    assert log.find(pair(2 * count - 1)[0]) == pair(2 * count - 1)[1]


def test_keys_are_found_without_numpy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "np", None)
    monkeypatch.setattr(keys, "_MOST_WITHOUT_NUMPY", 100)
    write(tmp_path / "log", range(200))
    log = opened(tmp_path / "log")
    assert log.find(pair(199)[0]) == pair(199)[1]
    assert log.find(pair(1)[0]) is None


@pytest.mark.parametrize("count", [10, 40_000])
def test_damage_costs_no_more_than_the_records_it_hit(tmp_path: Path, count: int) -> None:
    path = tmp_path / "log"
    write(path, range(count))
    data = bytearray(path.read_bytes())
    for byte in (0, 15, 16, 31, 32, 39):  # of the records 2 to 7
        data[(byte % 6 + 2) * RECORD_BYTES + byte] ^= 1
    path.write_bytes(data)
    log = opened(path)
    damaged = {byte % 6 + 2 for byte in (0, 15, 16, 31, 32, 39)}
    for number in range(10):
        expected = None if number in damaged else pair(number)[1]
        assert log.find(pair(number)[0]) == expected


def test_record_that_was_cut_is_filled_up(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = opened(path)
    log.add(*pair(1))
    for torn in (1, 13, 39):
        with path.open("ab") as file:
            file.write(b"x" * torn)
        log.add(*pair(torn + 1))
        assert path.stat().st_size % RECORD_BYTES == 0
    other = opened(path)
    for number in (1, 2, 14, 40):
        assert other.find(pair(number)[0]) == pair(number)[1]


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, os.urandom(100_003), b"\x80\x04."])
def test_foreign_file_holds_nothing_and_is_gone_on_with(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    log = opened(path)
    assert log.find(bytes(16)) is None
    log.add(*pair(1))
    assert opened(path).find(pair(1)[0]) == pair(1)[1]


def test_records_of_another_store_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log"
    opened(path).add(*pair(1))
    assert KeyLog(str(path), bytes(40), everything).find(pair(1)[0]) is None


@pytest.mark.parametrize("count", [0, 40_000])
def test_records_that_contradict_each_other_hold_nothing(tmp_path: Path, count: int) -> None:
    path = tmp_path / "log"
    write(path, range(10, 10 + count))
    fingerprint = pair(1)[0]
    opened(path).add(*pair(1))
    lying = opened(path)
    lying.add(fingerprint, pair(2)[1])
    log = opened(path)
    size = path.stat().st_size
    for _ in range(2):
        assert log.find(fingerprint) is None
        log.add(fingerprint, pair(1)[1])
    assert path.stat().st_size == size  # not once more for each call


def test_log_that_was_removed_replaced_or_cut_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = opened(path)
    for number in range(3):
        log.add(*pair(number))
    path.unlink()
    assert log.find(pair(0)[0]) == pair(0)[1]  # still right
    write(path, range(10, 12))
    assert log.find(pair(11)[0]) == pair(11)[1]
    path.write_bytes(path.read_bytes()[:RECORD_BYTES])
    assert log.find(pair(20)[0]) is None
    write(path, range(20, 21))
    assert log.find(pair(20)[0]) == pair(20)[1]


def test_log_that_cannot_be_written_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = opened(tmp_path / "file" / "log")
    log.add(*pair(1))
    assert log.find(pair(1)[0]) == pair(1)[1]
    assert log.find(pair(2)[0]) is None
    (tmp_path / "folder").mkdir()
    log = opened(tmp_path / "folder")
    log.add(*pair(1))
    assert log.find(pair(1)[0]) == pair(1)[1]


@pytest.mark.parametrize("argument_hash", ["", "xyz", "ab" * 20, "ab/" * 10])
def test_hash_of_another_form_is_not_noted(tmp_path: Path, argument_hash: str) -> None:
    log = opened(tmp_path / "log")
    log.add(bytes(16), argument_hash)
    assert log.find(bytes(16)) is None
    assert not (tmp_path / "log").exists()


def test_memory_of_one_process_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MOST_IN_DICT", 64)
    log = opened(tmp_path / "log")
    for number in range(1000):
        log.add(*pair(number))
    for number in range(1000):
        assert log.find(pair(number)[0]) == pair(number)[1]
        assert len(log.known) <= 64


def test_log_is_compacted_when_most_entries_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "log"
    living = {pair(number)[1] for number in range(0, 5000, 3)}
    write(path, range(4095))
    reader = opened(path)
    assert reader.find(pair(4)[0]) == pair(4)[1]
    opened(path, living.__contains__).add(*pair(4999))  # the 4096th
    assert path.stat().st_size < 1400 * RECORD_BYTES
    assert [file.name for file in tmp_path.iterdir()] == ["log"]
    log = opened(path)
    assert log.find(pair(3)[0]) == pair(3)[1]
    assert log.find(pair(4)[0]) is None
    write(path, range(7000, 7001))
    assert reader.find(pair(7000)[0]) == pair(7000)[1]


def test_log_of_living_entries_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, range(4095))
    opened(path).add(*pair(4999))
    assert path.stat().st_size == 4096 * RECORD_BYTES


def test_compaction_is_left_to_another_process(tmp_path: Path) -> None:
    memory = FastMemory(str(tmp_path), verbose=0)
    cached = memory.cache(plain)
    cached(0)
    function = caller_of(cached).function  # type: ignore[union-attr]
    path = Path(function.keys._path)
    assert path.stat().st_size == RECORD_BYTES
    write(path, range(4094), read_secret(cached.store_backend.location))
    looked: list[str] = []
    has_entry = function.keys._has_entry
    function.keys._has_entry = lambda value: bool(looked.append(value)) or has_entry(value)
    cached(1)  # its record is the 4096th
    assert 0 < len(looked) < 300
    deadline = time.monotonic() + PATIENCE_SECONDS
    while path.stat().st_size > 4000 * RECORD_BYTES and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.stat().st_size == 2 * RECORD_BYTES
    assert sorted(path.parent.iterdir()) == [path]
    before = len(calls)
    assert [FastMemory(str(tmp_path), verbose=0).cache(plain)(x) for x in (0, 1)]
    assert len(calls) == before


def test_records_that_are_added_meanwhile_survive_compaction(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, range(10))
    log = opened(path)

    def has_entry(argument_hash: str) -> bool:
        if argument_hash == pair(9)[1]:
            log.add(*pair(11))
        return argument_hash == pair(1)[1]

    opened(path, has_entry).compact()
    found = [opened(path).find(pair(number)[0]) is not None for number in (1, 2, 11)]
    assert found == [True, False, True]


def test_compaction_drops_what_is_in_doubt(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, range(10))
    opened(path).add(pair(1)[0], pair(2)[1])
    opened(path, {pair(1)[1], pair(2)[1]}.__contains__).compact()
    log = opened(path)
    assert [log.find(pair(number)[0]) for number in (1, 2)] == [None, pair(2)[1]]


def _append(path: str, first: int) -> None:
    log = opened(Path(path))
    for number in range(first, first + 500):
        log.add(*pair(number))


def test_processes_append_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "log"
    arguments: list[Any] = [(str(path), 500 * number) for number in range(4)]
    processes = [context.Process(target=_append, args=given) for given in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    log = opened(path)
    found = {number: log.find(pair(number)[0]) for number in range(2000)}
    assert all(value in (None, pair(number)[1]) for number, value in found.items())
    # One may be lost where a process was stopped amid a write.
    assert sum(value is not None for value in found.values()) >= 1990


# The secret.


def test_secret_is_made_once_for_a_store(tmp_path: Path) -> None:
    store = str(tmp_path / "joblib")
    secret = read_secret(store)
    assert len(secret) == keys.SECRET_BYTES
    assert read_secret(store) == secret
    assert read_secret(str(tmp_path / "other" / "joblib")) != secret
    folder = tmp_path / ".acache" / "keys"
    assert [file.name for file in folder.iterdir()] == ["secret"]


def _secret(store: str, found: Any) -> None:
    found.put(read_secret(store))


def test_processes_that_make_a_secret_at_once_agree(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    processes = [
        context.Process(target=_secret, args=(str(tmp_path / "joblib"), found)) for _ in range(4)
    ]
    for process in processes:
        process.start()
    secrets = {found.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert secrets == {read_secret(str(tmp_path / "joblib"))}


def test_secret_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    store = str(tmp_path / "joblib")
    first = read_secret(store)
    (tmp_path / ".acache" / "keys" / "secret").write_bytes(first[:10])
    second = read_secret(store)
    assert second not in (first, first[:10])
    assert read_secret(store) == second


@needs_posix
def test_own_files_have_the_mode_of_the_stores(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        read_secret(str(tmp_path / "joblib"))
        opened(tmp_path / "log").add(*pair(1))
    finally:
        os.umask(before)
    for file in (tmp_path / ".acache" / "keys" / "secret", tmp_path / "log"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_secret_that_cannot_be_kept_is_ones_own(tmp_path: Path) -> None:
    (tmp_path / ".acache").write_text("")
    first, second = (read_secret(str(tmp_path / "joblib")) for _ in range(2))
    assert len(first) == len(second) == keys.SECRET_BYTES
    assert first != second


def test_own_folder_lies_beside_joblibs_or_in_a_store_that_is_the_location() -> None:
    assert own_folder(os.path.join("x", "joblib")) == os.path.join("x", ".acache")
    assert own_folder("x") == os.path.join("x", ".acache")


def test_log_has_the_functions_name_or_a_short_one() -> None:
    path = key_log_path("x", os.path.join("librosa", "core", "stft"))
    assert os.path.basename(path) == "librosa.core.stft"
    assert f"joblib-{__import__('joblib').__version__}-numpy" in path
    names = {os.path.basename(key_log_path("x", "f" * 300 + end)) for end in "ab"}
    assert len(names) == 2
    assert max(map(len, names)) < 100
