"""A pool of processes loses no share, and leaves no process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from acache.system.pool import WorkersDiedError
from acache.system.processes import ProcessPool
from tests.helpers.jobs import DyingOnce, die, process_of, square
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS


def take(pool: ProcessPool, count: int) -> list[int]:
    return sorted(pool.take() for _ in range(count))


def test_pool_does_each_share_once() -> None:
    with ProcessPool(2) as pool:
        pool.begin(square)
        for number in range(10):
            pool.give(number)
        assert take(pool, 10) == [number * number for number in range(10)]
        pool.begin(abs)
        pool.give(-3)
        assert pool.take() == 3


def test_pool_uses_processes_that_end_with_it() -> None:
    with ProcessPool(2) as pool:
        pool.begin(process_of)
        for number in range(40):
            pool.give(number)
        found = set(take(pool, 40))
    assert os.getpid() not in found
    assert 1 <= len(found) <= 2
    if os.name != "nt":
        for process in found:
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)


def test_pool_raises_what_a_job_raises_and_goes_on() -> None:
    with ProcessPool(1) as pool:
        pool.begin(square)
        pool.give(13)
        pool.give(2)
        with pytest.raises(ValueError, match="13 is not valid"):
            pool.take()
        assert pool.take() == 4


@needs_posix
def test_process_that_dies_loses_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    with ProcessPool(2) as pool:
        pool.begin(DyingOnce(marker))
        for number in range(10):
            pool.give(number)
        assert take(pool, 10) == [number * number for number in range(10)]
    assert marker.exists()


@needs_posix
def test_share_that_kills_each_process_is_an_error() -> None:
    with ProcessPool(1) as pool:
        pool.begin(die)
        pool.give(1)
        with pytest.raises(WorkersDiedError, match="3 worker processes died"):
            pool.take()


@needs_posix
def test_processes_end_when_the_first_one_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from acache.system.processes import ProcessPool\n"
        "from tests.helpers.jobs import process_of\n"
        "pool = ProcessPool(1)\npool.begin(process_of)\npool.give(1)\n"
        "print(pool.take(), flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    # The process holds its end of the pipe until it ends.
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == -9
    assert done.stdout.strip().isdigit()
