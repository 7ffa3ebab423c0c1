"""The call log: what is read is what was written, whatever happens to processes and files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acache.store import call_writer as writing
from acache.store.call_log import Argument, Call, has_calls, read_calls
from acache.store.call_writer import call_writer
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS

HASH = "0123456789abcdef" * 2
ZERO = (0.0, 0.0, 0.0, 0.0)

# Records calls as it is told on the command line, in a process of its own.
RECORD = f"""
import os, sys, time
from acache.store.call_writer import call_writer
writer = call_writer(sys.argv[1])
def record(count, function="m/f"):
    for number in range(count):
        writer.hit(time.time(), function, {HASH!r},
                   hash_seconds=0, load_seconds=0, bytes_loaded=number)
"""


def start(store: Path, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RECORD + code, str(store)], stdout=subprocess.PIPE, text=True
    )


def run(store: Path, code: str) -> None:
    with start(store, code) as process:
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0


def hit(writer: writing.CallWriter, at: float) -> None:
    writer.hit(at, "m/f", HASH, hash_seconds=0, load_seconds=0, bytes_loaded=0)


def calls(store: Path) -> list[Call]:
    return list(read_calls(str(store)))


def files(store: Path) -> list[Path]:
    return sorted((store / ".acache" / "calls").iterdir())


@pytest.fixture
def writer(tmp_path: Path) -> writing.CallWriter:
    return call_writer(str(tmp_path))


def test_log_gives_back_what_was_written(tmp_path: Path, writer: writing.CallWriter) -> None:
    writer.hit(1.5, "m/f", HASH, hash_seconds=1e-6, load_seconds=2e-6, bytes_loaded=3)
    writer.miss(
        2.25,
        "m/g\t\\\n\udcff\u2028",
        HASH,
        "absent",
        (1e-6, 2e-6, 3.5, 4e-6),
        bytes_stored=5,
        error="no\nroom",
        arguments=[("x", "f1", "'\t'"), ("y", "", "\u00e9")],
    )
    writer.flush()
    hit, miss = calls(tmp_path)
    pid, host = os.getpid(), hit.host
    assert hit == Call(1.5, "m/f", HASH, "", 1e-6, 2e-6, 0, 0, 3, 0, "", (), pid, host)
    assert hit.hit
    assert not miss.hit
    assert miss.function == "m/g\t\\\n\udcff\u2028"
    assert miss[2:10] == (HASH, "absent", 1e-6, 2e-6, 3.5, 4e-6, 0, 5)
    assert miss.error == "no\nroom"
    assert miss.arguments == (Argument("x", "f1", "'\t'"), Argument("y", "", "\u00e9"))


def test_log_is_written_within_a_second_of_a_call(
    tmp_path: Path, writer: writing.CallWriter
) -> None:
    for _ in range(2):  # the thread that writes ends in between
        before = len(calls(tmp_path))
        hit(writer, time.time())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(calls(tmp_path)) == before:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_log_shortens_long_texts(tmp_path: Path, writer: writing.CallWriter) -> None:
    writer.miss(1, "m/f", HASH, "absent", ZERO, arguments=[("x", "", "a" * 10**6)] * 10**3)
    writer.flush()
    [call] = calls(tmp_path)
    assert len(call.arguments) == 50
    assert all(len(argument.text) <= 200 for argument in call.arguments)


@needs_posix
def test_log_has_the_mode_of_the_stores_files(tmp_path: Path) -> None:
    for mask in (0o077, 0o002):
        store = tmp_path / str(mask)
        store.mkdir()
        run(store, f"os.umask({mask})\nrecord(1)")
        assert files(store)[0].stat().st_mode & 0o777 == 0o666 & ~mask


def test_log_ignores_what_is_no_whole_line_of_it(
    tmp_path: Path, writer: writing.CallWriter
) -> None:
    hit(writer, 1)
    writer.miss(2, "m/f", HASH, "absent", ZERO, arguments=[("x", "", "1")])
    writer.flush()
    [segment] = files(tmp_path)
    whole = segment.read_bytes()
    for cut in range(len(whole)):
        segment.write_bytes(whole[:cut])
        count = len(calls(tmp_path))
        hit(writer, 3)
        writer.flush()
        assert len(calls(tmp_path)) == count + 1, whole[:cut]
        assert count <= whole[:cut].count(b"hit") + whole[:cut].count(b"miss")
    odd = [
        b"hit",
        b"\xff\0" * 999,
        b"hit\t1\t1\tm/f\t0\t0\t0\tnohash",
        whole.replace(b"\t0", b"\tx"),
    ]
    odd += [b"miss\t1\t1\tm\t" + HASH.encode() + b"\t" * 8 + b"[" * 10**5]
    segment.write_bytes(b"\n".join(odd) + b"\n" + whole)
    assert len(calls(tmp_path)) == 2


def test_log_takes_calls_since_a_time(tmp_path: Path, writer: writing.CallWriter) -> None:
    for at in (1.0, 3.0, 2.0):
        hit(writer, at)
    writer.flush()
    assert [call.time for call in read_calls(str(tmp_path), since=2.0)] == [2.0, 3.0]
    assert list(read_calls(str(tmp_path), since=time.time() + 10)) == []


def test_log_of_nothing_is_empty(tmp_path: Path) -> None:
    store = tmp_path / "joblib"
    assert not has_calls(str(store))
    assert calls(store) == []
    writer = call_writer(str(store))
    hit(writer, 1)
    writer.flush()
    assert not has_calls(str(store))  # there is no store
    store.mkdir()
    hit(writer, 1)
    writer.flush()
    assert has_calls(str(store))
    assert files(tmp_path)  # it lies beside the store


def test_log_does_not_bring_back_a_removed_location(tmp_path: Path) -> None:
    store = tmp_path / "location" / "joblib"
    store.mkdir(parents=True)
    writer = call_writer(str(store))
    hit(writer, 1)
    writer.flush()
    shutil.rmtree(store.parent)
    hit(writer, 1)
    writer.flush()
    assert not store.parent.exists()


def test_log_of_processes_at_once_is_garbled_nowhere(tmp_path: Path) -> None:
    processes = [start(tmp_path, "record(20_000, f'm/{os.getpid()}')") for _ in range(4)]
    for process in processes:
        process.communicate(timeout=PATIENCE_SECONDS)
    found = calls(tmp_path)
    assert len(found) == 80_000
    for process in processes:
        assert {c.function for c in found if c.pid == process.pid} == {f"m/{process.pid}"}
        own = [call.bytes_loaded for call in found if call.pid == process.pid]
        assert sorted(own) == list(range(20_000))


def test_log_of_processes_that_begin_at_once_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing.time, "time", lambda: 1.5)
    monkeypatch.setattr(writing, "segments", lambda _: [])  # both looked before either began one
    for at in (1.0, 2.0):
        writer = writing.CallWriter(str(tmp_path))
        writer.hit(at, "m/f", HASH, hash_seconds=0, load_seconds=0, bytes_loaded=0)
        writer.flush()
    assert [call.time for call in calls(tmp_path)] == [1.0, 2.0]


@needs_posix
def test_log_loses_only_the_last_second_of_what_is_killed(tmp_path: Path) -> None:
    code = (
        "from acache.store.call_log import read_calls\n"
        "record(3)\n"
        "while len([*read_calls(sys.argv[1])]) < 3: time.sleep(0.05)\n"
        "record(1); print('ready', flush=True); time.sleep(600)"
    )
    with start(tmp_path, code) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    assert 3 <= len(calls(tmp_path)) <= 4


SLOW = """
def append(data, append=writer._append):
    time.sleep(1)
    append(data)
writer._append = append
"""
ENDINGS = {
    "exit": "record(1)",
    "sys.exit": "record(1); sys.exit()",
    "a thread": "import threading; threading.Thread(target=record, args=[1]).start()",
    "after the log's own end": "import atexit; atexit.register(record, 1); record(1)",
    "before other functions at exit": "record(1); import atexit; atexit.register(record, 1)",
    "fork": "record(1); os.fork(); record(1)",
    "a fork that only leaves": "record(1); os.fork() or os._exit(0)",
    "multiprocessing, forked": (
        "import multiprocessing as m; record(1)\n"
        "p = m.get_context('fork').Process(target=record, args=[1]); p.start(); p.join()"
    ),
    "a pool": (
        "import multiprocessing as m\n"
        "with m.get_context('fork').Pool(2) as pool:\n"
        "    pool.map(record, [1, 1], chunksize=1); pool.close(); pool.join()"
    ),
    "while its thread writes": SLOW + "record(1); time.sleep(1.3)",
    "multiprocessing, while its thread writes": (
        SLOW + "import multiprocessing as m\n"
        "def work(): record(1); time.sleep(1.3)\n"
        "p = m.get_context('fork').Process(target=work); p.start(); p.join()"
    ),
    "closed descriptors": "record(1); writer.flush(); os.closerange(3, 99); record(1)",
}


@needs_posix
@pytest.mark.parametrize("how", ENDINGS)
def test_log_is_complete_however_a_process_ends(tmp_path: Path, how: str) -> None:
    code = ENDINGS[how]
    run(tmp_path, code)
    expected = 2 if code.count("record") > 1 or "[1, 1]" in code else 1
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(calls(tmp_path)) < expected:  # a child may end after its parent
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(calls(tmp_path)) <= expected + (how == "fork")


@needs_posix
def test_log_has_no_thread_while_its_process_forks(tmp_path: Path) -> None:
    # Python 3.12 and later warn of a fork beside threads.
    code = (
        "import threading; record(1); names = []\n"
        "os.register_at_fork(after_in_parent=lambda: names.append(threading.active_count()))\n"
        "os.fork() or os._exit(0)\n"
        "assert names == [1], names"
    )
    run(tmp_path, code)


def test_log_is_bounded_and_the_oldest_calls_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: writing.CallWriter
) -> None:
    monkeypatch.setattr(writing, "SEGMENT_BYTES", 1 << 16)
    monkeypatch.setattr(writing, "LOG_BYTES", 1 << 19)
    for number in range(40_000):
        hit(writer, float(number))
        if number % 100 == 0:
            writer.flush()
            assert sum(file.stat().st_size for file in files(tmp_path)) <= 1 << 19
    writer.flush()
    times = [call.time for call in calls(tmp_path)]
    assert times == [float(number) for number in range(40_000 - len(times), 40_000)]
    assert len(times) > 5000


def test_log_of_many_hosts_is_bounded_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: writing.CallWriter
) -> None:
    monkeypatch.setattr(writing, "_MOST_SEGMENTS", 20)
    for number in range(100):
        monkeypatch.setattr(writing, "_host", lambda number=number: f"host{number}")
        writer._segment = None
        hit(writer, float(number))
        writer.flush()
    assert len(files(tmp_path)) <= 20
    assert [call.host for call in calls(tmp_path)][-1] == "host99"


@needs_posix
@pytest.mark.parametrize("obstacle", ["a file", "a link", "a pipe", "no folder"])
def test_log_that_cannot_be_written_is_no_error(
    tmp_path: Path, writer: writing.CallWriter, obstacle: str
) -> None:
    folder = tmp_path / ".acache" / "calls"
    if obstacle == "a file":
        folder.parent.mkdir()
        folder.write_text("")
    elif obstacle == "no folder":
        hit(writer, 1)
        writer.flush()
        files(tmp_path)[0].unlink()
        folder.rmdir()
    else:
        folder.mkdir(parents=True)
        segment = folder / f"{'1' * 16}-{writing._host()}.tsv"
        if obstacle == "a link":
            segment.symlink_to(tmp_path / "elsewhere")
            (tmp_path / "elsewhere").write_text("")
        else:
            os.mkfifo(segment)
    for _ in range(2):  # what was to go into a log that is gone is lost
        hit(writer, 2)
        writer.flush()
    if obstacle == "a link":
        assert (tmp_path / "elsewhere").read_text() == ""
    if obstacle in ("a link", "a pipe", "no folder"):
        assert {call.time for call in calls(tmp_path)} == {2}
