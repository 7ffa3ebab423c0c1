"""A process that was started detached outlives the one that started it, and holds nothing open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acache.system.detached import start_detached
from tests.helpers.marks import needs_posix

TELL = """
import json, os, sys, time
while os.getppid() == int(sys.argv[2]): time.sleep(0.01)
told = {"links": [os.readlink(f"/proc/self/fd/{n}") for n in range(3)],
        "open": os.listdir("/proc/self/fd"), "session": os.getsid(0), "folder": os.getcwd(),
        "modules": list(sys.modules)}
with open(sys.argv[1] + ".new", "w") as file: json.dump(told, file)
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""
START = """
import os, signal, sys
from acache.system.detached import start_detached
assert start_detached(sys.argv[1], [sys.argv[2], str(os.getpid())])
print("started", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_posix
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_detached_process_outlives_what_started_it(tmp_path: Path) -> None:
    file = tmp_path / "told"
    held = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(held, True)
    started = subprocess.run(  # ends although the other one still runs: it holds no pipe
        [sys.executable, "-c", START, TELL, str(file)],
        stdout=subprocess.PIPE,
        close_fds=False,
        timeout=30,
        check=False,
    )
    os.close(held)
    assert started.stdout == b"started\n"
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    told = json.loads(file.read_text())
    assert told["links"] == ["/dev/null"] * 3
    assert len(told["open"]) == 4  # and that folder itself
    assert told["session"] != os.getsid(0)
    assert told["folder"] == "/"
    assert "site" not in told["modules"]


@pytest.mark.parametrize("program", ["", "/usr/bin/uwsgi", "/no/such/python3"])
def test_detached_process_is_not_started_by_what_is_no_python(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    started = start_detached("raise SystemExit", [])
    assert not started or os.path.basename(program) == "python3"  # the shell finds out later
