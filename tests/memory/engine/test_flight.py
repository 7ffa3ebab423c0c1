"""Single flight: one computes, the others wait for it, and never for each other."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acache.memory.engine import flight
from acache.memory.engine.flight import Flights, Lease, longest_wait
from tests.helpers.marks import needs_posix

A, B, C = (letter * 32 for letter in "abc")

# A process that computes results as it is told; what it did is a line on stdout.
PROGRAM = """
import os, sys, threading, time
from pathlib import Path
from acache.memory.engine.flight import Flights

store = Path(sys.argv[1])
flights = Flights(str(store))

def wait_for(name):
    while not (store / name).exists():
        time.sleep(0.005)

def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def want(name, seconds=0.0, inside=lambda: None):
    if (store / "m" / "f" / name / "output.pkl").exists():
        return tell("arrived", name[0])  # nobody asks for a lease who has the result
    with flights.take("m/f", name) as lease:
        if lease.arrived:
            return tell("arrived", name[0])
        tell("computing", name[0])
        time.sleep(seconds)
        inside()
        entry = store / "m" / "f" / name
        entry.mkdir(exist_ok=True)
        new = entry / f"output.pkl.{os.getpid()}-{threading.get_ident()}"
        new.write_text("result")
        new.rename(entry / "output.pkl")
    tell("computed", name[0])

A, B, C = (letter * 32 for letter in "abc")
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "joblib"
    (store / "m" / "f").mkdir(parents=True)
    return store


class Processes:
    """Processes that run the program."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self.started: list[subprocess.Popen[str]] = []

    def start(self, code: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PROGRAM + code, str(self._store)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        return process

    def lines(self) -> list[str]:
        """Wait for the end of all; no deadlock lasts as long as a bound that is not known."""
        outputs = [process.communicate(timeout=100)[0] for process in self.started]
        return sorted("".join(outputs).splitlines())


@pytest.fixture
def processes(store: Path) -> Iterator[Processes]:
    processes = Processes(store)
    yield processes
    for process in processes.started:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def leases(store: Path) -> list[str]:
    return os.listdir(store.parent / ".acache" / "flights")


def record(store: Path, duration: float, argument_hash: str = C) -> None:
    entry = store / "m" / "f" / argument_hash
    entry.mkdir(exist_ok=True)
    (entry / "metadata.json").write_text(json.dumps({"duration": duration, "input_args": {}}))


def test_flight_has_one_process_compute(store: Path, processes: Processes) -> None:
    for _ in range(8):
        processes.start("tell('ready'); wait_for('go'); want(A, 1.0)")
    for process in processes.started:
        assert process.stdout is not None
        process.stdout.readline()
    (store / "go").touch()
    assert processes.lines() == ["arrived a"] * 7 + ["computed a", "computing a"]
    assert leases(store) == []


def test_flight_has_one_thread_compute(store: Path, processes: Processes) -> None:
    code = (
        "threads = [threading.Thread(target=want, args=(A, 1.0)) for _ in range(4)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
        "assert not flights._sweep() and os.listdir(flights._folder) == []\n"
    )
    processes.start(code)
    assert processes.lines() == ["arrived a"] * 3 + ["computed a", "computing a"]


@needs_posix
@pytest.mark.parametrize("child", ["pass", "os.fork() or (time.sleep(9), os._exit(0))"])
def test_flight_goes_on_when_the_computing_process_is_killed(
    store: Path, processes: Processes, child: str
) -> None:
    # A child of its own, that outlives it, does not keep the lease.
    code = f"def inside():\n    {child}\n    tell('inside'); time.sleep(60)\nwant(A, 0, inside)"
    first = processes.start(code)
    assert first.stdout is not None
    while first.stdout.readline() != "inside\n":
        pass
    others = [processes.start("want(A, 0.2)") for _ in range(3)]
    time.sleep(0.5)
    first.kill()
    outputs = "".join(other.communicate(timeout=100)[0] for other in others)
    assert sorted(outputs.splitlines()) == ["arrived a", "arrived a", "computed a", "computing a"]
    assert leases(store) == []


@needs_posix
def test_flight_of_a_forked_child_is_its_parents(store: Path, processes: Processes) -> None:
    # The child leaves the computation first; the lease stays its parent's, who goes on.
    code = """
def inside():
    if os.fork() == 0:
        return
    os.wait()
    (store / "child-left").touch()
    time.sleep(1)
want(A, inside=inside)
"""
    first = processes.start(code)
    assert first.stdout is not None
    while not (store / "child-left").exists():
        time.sleep(0.01)
    assert len(leases(store)) == 1
    (store / "m" / "f" / A / "output.pkl").unlink()
    processes.start("want(A)")
    assert processes.lines().count("computing a") == 1


def test_flight_computes_within_its_own_computation(store: Path) -> None:
    flights = Flights(str(store))
    with flights.take("m/f", A) as outer, flights.take("m/f", A) as inner:
        assert not outer.arrived
        assert not inner.arrived
        inner.release()
        assert len(leases(store)) == 1
    assert leases(store) == []


RINGS = {
    "two": {"ab": 1, "ba": 1},
    "three": {"ab": 1, "bc": 1, "ca": 1},
    "three that others wait for": {"ab": 1, "bc": 1, "ca": 1, "a": 2, "b": 2},
}


@pytest.mark.parametrize("ring", RINGS)
def test_flight_of_functions_in_a_ring_ends(store: Path, processes: Processes, ring: str) -> None:
    for names, count in RINGS[ring].items():
        outer, *inner = names.upper()
        inside = f"inside=lambda: (wait_for('go'), want({inner[0]}))" if inner else ""
        for _ in range(count):
            if inner:
                started = processes.start(f"want({outer}, {inside})")
                assert started.stdout is not None
                assert started.stdout.readline() == f"computing {outer.lower()}\n"
            else:
                processes.start(f"want({outer})")
    time.sleep(0.5)
    (store / "go").touch()
    lines = processes.lines()
    assert sum(line.startswith("comput") for line in lines) >= 2
    assert leases(store) == []


def test_flight_of_threads_in_a_ring_ends(store: Path, processes: Processes) -> None:
    code = """
barrier = threading.Barrier(3)
def around(outer, inner):
    want(outer, inside=lambda: (barrier.wait(), want(inner)))
threads = [threading.Thread(target=around, args=pair) for pair in ((A, B), (B, C))]
for thread in threads: thread.start()
around(C, A)
for thread in threads: thread.join()
"""
    processes.start(code)
    lines = processes.lines()
    assert {line for line in lines if line.startswith("computed")} == {
        "computed a",
        "computed b",
        "computed c",
    }
    assert leases(store) == []


def test_flight_of_a_ring_of_threads_and_processes_ends(store: Path, processes: Processes) -> None:
    # The thread that wants C waits for another thread of its process, which waits for a process.
    code = """
def around():
    want(A, inside=lambda: (wait_for('go'), want(C)))
thread = threading.Thread(target=around)
thread.start()
wait_for('c')
want(C)
thread.join()
"""
    processes.start(code)
    processes.start("want(C, inside=lambda: ((store / 'c').touch(), wait_for('go'), want(A)))")
    time.sleep(1)
    (store / "go").touch()
    lines = processes.lines()
    assert "computed a" in lines
    assert "computed c" in lines


@needs_posix
def test_flight_waits_no_longer_than_twice_the_longest_time(
    store: Path, processes: Processes
) -> None:
    record(store, 0.8)
    first = processes.start("want(A, 60)")
    assert first.stdout is not None
    first.stdout.readline()
    first.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    second = processes.start("want(A)")
    assert second.communicate(timeout=100)[0] == "computing a\ncomputed a\n"
    assert time.monotonic() - began >= 1.6


def test_flight_waits_by_what_the_function_took(store: Path) -> None:
    assert longest_wait(str(store), "m/f") == longest_wait(str(store), "m/g") == 300
    record(store, 0.01)
    assert longest_wait(str(store), "m/f") == 1
    record(store, 7.0, A)
    (store / "m" / "f" / B).mkdir()
    (store / "m" / "f" / B / "metadata.json").write_text("{")
    assert longest_wait(str(store), "m/f") == 14


def test_flight_replaces_a_result_that_is_there(store: Path) -> None:
    entry = store / "m" / "f" / A
    entry.mkdir()
    (entry / "output.pkl").write_text("damaged")
    flights = Flights(str(store))
    with flights.take("m/f", A) as lease:
        assert not lease.arrived


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EINVAL, errno.EIO])
def test_flight_without_locks_computes_at_once(
    store: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(descriptor: int) -> bool:  # no file system here refuses
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(flight, "try_lock", fail)
    flights = Flights(str(store))
    with flights.take("m/f", A) as lease:
        taken: list[Lease] = []
        thread = threading.Thread(target=lambda: taken.append(flights.take("m/f", A)))
        thread.start()
        thread.join(timeout=60)
        assert not lease.arrived
        assert not taken[0].arrived


def test_flight_where_nothing_can_be_written_computes_at_once(store: Path) -> None:
    (store.parent / ".acache").write_text("a file")
    with Flights(str(store)).take("m/f", A) as lease:
        assert not lease.arrived


def test_flight_does_not_bring_back_a_removed_store(tmp_path: Path) -> None:
    with Flights(str(tmp_path / "location" / "joblib")).take("m/f", A) as lease:
        assert not lease.arrived
    assert list(tmp_path.iterdir()) == []


def test_flight_removes_leases_of_killed_processes(store: Path, processes: Processes) -> None:
    folder = store.parent / ".acache" / "flights"
    folder.mkdir(parents=True)
    old, fresh, foreign = folder / f"{'0' * 8}-{A}", folder / f"{'0' * 8}-{B}", folder / "note"
    for file in (old, fresh, foreign):
        file.touch()
    for file in (old, foreign):
        os.utime(file, (1, 1))
    Flights(str(store)).take("m/f", C).release()
    assert sorted(leases(store)) == sorted([fresh.name, "note"])


@pytest.mark.parametrize("content", [b"", b"\xff", b"\0", b"/etc/passwd", b"x" * 10**5])
def test_flight_does_not_trust_what_a_lease_says(
    store: Path, content: bytes, processes: Processes
) -> None:
    record(store, 0.01)
    first = processes.start("want(A, 60)")
    assert first.stdout is not None
    first.stdout.readline()
    [name] = leases(store)
    (store.parent / ".acache" / "flights" / name).write_bytes(content)
    processes.start("want(A)")
    assert processes.started[1].communicate(timeout=100)[0] == "computing a\ncomputed a\n"


def test_flight_lets_other_tasks_go_on(store: Path, processes: Processes) -> None:
    first = processes.start("want(A, 1)")
    assert first.stdout is not None
    first.stdout.readline()
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    async def main() -> bool:
        ticking = asyncio.create_task(tick())
        lease = await Flights(str(store)).take_async("m/f", A)
        ticking.cancel()
        return lease.arrived

    assert asyncio.run(main())
    assert ticks > 3
