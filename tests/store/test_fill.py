"""How full a store is: no addition is lost, and a damaged file means that nobody has measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from acache.store.fill import Fill, change_fill, limits_folder, read_fill
from tests.helpers.marks import needs_posix
from tests.helpers.processes import run_python

ADD = """
import sys
from acache.store.fill import change_fill
for _ in range(int(sys.argv[2])):
    change_fill(sys.argv[1], lambda fill: fill._replace(entries=fill.entries + 1))
"""


@pytest.fixture
def store(tmp_path: Path) -> str:
    (tmp_path / "joblib").mkdir()
    return str(tmp_path / "joblib")


def add(store: str, count: int) -> None:
    for _ in range(count):
        change_fill(store, lambda fill: fill._replace(entries=fill.entries + 1))


def test_fill_of_a_store_is_unknown_at_first(store: str) -> None:
    assert read_fill(store) == Fill()
    assert change_fill(store, lambda _: Fill(1, 2, 3, 4.0, 5.0)) == (
        Fill(),
        Fill(1, 2, 3, 4.0, 5.0),
    )
    assert read_fill(store) == Fill(1, 2, 3, 4.0, 5.0)


def test_fill_counts_all_threads_and_processes(store: str) -> None:
    command = [sys.executable, "-c", ADD, store, "300"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    threads = [threading.Thread(target=add, args=(store, 300)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert read_fill(store).entries == 6 * 300


@pytest.mark.parametrize("content", [b"", b"acfill1\n", bytes(48), b"x" * 48, b"x" * 999])
def test_fill_that_is_damaged_is_unknown(store: str, content: bytes) -> None:
    add(store, 1)
    Path(limits_folder(store), "fill").write_bytes(content)
    assert read_fill(store) == Fill()
    add(store, 2)
    assert read_fill(store) == Fill(entries=2)


def test_fill_of_no_store_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        add(str(tmp_path / "joblib"), 1)
    assert list(tmp_path.iterdir()) == []


def test_fill_that_was_removed_is_begun_anew(store: str) -> None:
    add(store, 3)
    shutil.rmtree(limits_folder(store))
    add(store, 1)
    assert read_fill(store) == Fill(entries=1)


def test_fill_of_a_store_that_was_removed_does_not_come_back(store: str) -> None:
    add(store, 3)
    shutil.rmtree(limits_folder(store))
    os.rmdir(store)
    with pytest.raises(FileNotFoundError):
        add(store, 1)
    assert not os.path.exists(limits_folder(store))


def test_fill_is_counted_where_the_store_has_moved_to(store: str) -> None:
    add(store, 3)
    location = os.path.dirname(store)
    os.rename(location, f"{location}.old")
    os.makedirs(store)
    deadline = time.monotonic() + 30
    while read_fill(store) == Fill() and time.monotonic() < deadline:
        add(store, 1)  # for a moment to the one that has moved
        time.sleep(0.05)
    assert read_fill(store) == Fill(entries=1)


@needs_posix
def test_fill_can_be_changed_after_a_fork_amid_a_change(store: str) -> None:
    inside, forked = threading.Event(), threading.Event()

    def slowly(fill: Fill) -> Fill:
        inside.set()
        forked.wait(30)
        return fill._replace(entries=fill.entries + 1)

    thread = threading.Thread(target=change_fill, args=(store, slowly))
    thread.start()
    inside.wait(30)
    pid = os.fork()
    if pid == 0:
        add(store, 1)
        os._exit(0)
    forked.set()
    thread.join()
    assert os.waitpid(pid, 0)[1] == 0
    assert read_fill(store).entries == 2


@needs_posix
@pytest.mark.parametrize("forks", [False, True])
def test_file_that_took_the_descriptor_of_the_count_stays_as_it_is(
    tmp_path: Path, *, forks: bool
) -> None:
    code = f"""
import os, sys, time
from acache.store import fill
store, mine = {str(tmp_path)!r}, {str(tmp_path / "mine")!r}
add = lambda: fill.change_fill(store, lambda one: one._replace(entries=one.entries + 1))
add()
if {forks} and (child := os.fork()):
    sys.exit(os.waitpid(child, 0)[1])
os.closerange(3, 64)
descriptor = os.open(mine, os.O_RDWR | os.O_CREAT)
os.write(descriptor, b"important " * 20)
add()
time.sleep(1.1 * fill._HELD_SECONDS)
add()
os.write(descriptor, b"end")
"""
    run_python(code)
    assert (tmp_path / "mine").read_bytes() == b"important " * 20 + b"end"
    assert read_fill(str(tmp_path)).entries == 3
