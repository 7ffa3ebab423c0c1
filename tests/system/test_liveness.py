"""A process that lives, one that ended, and one whose number was given anew."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from acache.system.liveness import may_be_writing


def test_process_that_runs_may_be_writing() -> None:
    assert may_be_writing(os.getpid(), time.time())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert may_be_writing(process.pid, time.time())
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        assert not may_be_writing(process.pid, time.time())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_process_that_began_later_did_not_write() -> None:
    assert not may_be_writing(os.getpid(), time.time() - 1e6)


@pytest.mark.skipif(os.name == "nt", reason="all belong to one user there")
def test_process_of_another_user_runs() -> None:
    assert may_be_writing(1, time.time())


@pytest.mark.parametrize("pid", [0, -1, 2**31 - 1, 2**70])
def test_process_ids_of_no_process(pid: int) -> None:
    assert not may_be_writing(pid, time.time())
