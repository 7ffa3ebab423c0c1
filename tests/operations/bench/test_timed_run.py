"""A run is measured as the system accounts it, and nothing of it is left."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acache.operations.bench.timed_run import timed_run
from tests.helpers.processes import PATIENCE_SECONDS, run_python

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows accounts no children")


def run_code(code: str, **options: str):  # type: ignore[no-untyped-def]
    return timed_run([sys.executable, "-c", code], {**os.environ, **options})


def test_wall_time_cpu_time_and_memory() -> None:
    code = """
import time
block = bytearray(150_000_000)
begun = time.process_time()
while time.process_time() - begun < 0.3: pass
time.sleep(0.3)
"""
    driver = """
import os, sys
from acache.operations.bench.timed_run import timed_run
run = timed_run([sys.executable, "-c", sys.argv[1]], os.environ)
print(run.exit_code, run.seconds, run.user + run.system, run.max_rss_bytes)
"""
    # In a process of its own, as that of the tests may have more memory than the code takes.
    exit_code, seconds, cpu, peak = map(float, run_python(driver, code).split())
    assert exit_code == 0
    assert seconds > 0.6
    assert 0.3 < cpu < seconds + 0.1
    assert 150e6 < peak < 300e6


def test_peak_memory_below_acaches_own_is_none() -> None:
    assert timed_run(["/bin/sh", "-c", "exit 0"], {}).max_rss_bytes is None


def test_stdin_is_empty_and_output_is_remembered() -> None:
    text = "x" * 2_000_000
    run = run_code("import sys; print(sys.stdin.read() + 'x' * 2_000_000, end='')")
    assert run.output == hashlib.sha256(text.encode()).digest()


def test_end_of_stderr_is_kept() -> None:
    run = run_code("import sys; sys.exit('first' + '.' * 100_000 + '\\nlast')")
    assert run.exit_code == 1
    assert run.stderr_tail.endswith("\nlast\n")
    assert len(run.stderr_tail) < 10_000


def test_exit_code_of_a_signal_is_negative() -> None:
    assert run_code("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)").exit_code == -11


def test_output_can_be_passed_on(tmp_path: Path) -> None:
    with open(tmp_path / "echo", "wb") as echo:
        code = "import sys; print('out'); print('err', file=sys.stderr)"
        timed_run([sys.executable, "-c", code], dict(os.environ), echo=echo)
    assert (tmp_path / "echo").read_text() == "out\nerr\n"


def test_processes_that_a_script_leaves_behind_end_with_it(tmp_path: Path) -> None:
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100_000)"])
open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
"""
    begun = time.monotonic()
    run = run_code(code)
    took = time.monotonic() - begun
    assert is_gone(int((tmp_path / "pid").read_text()))
    # It is given a second to end by itself, and that is not the script's time.
    assert run.seconds < took - 0.9


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_may_clean_up(tmp_path: Path, number: int) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"""
import time
open({str(tmp_path / "begun")!r}, "w").close()
try:
    time.sleep(100_000)
finally:
    open({str(tmp_path / "cleaned")!r}, "w").close()
""")
    driver = f"""
import os, sys
from acache.operations.bench.timed_run import timed_run
from acache.system.signals import signals_as_exceptions
with signals_as_exceptions():
    timed_run([sys.executable, {str(script)!r}], dict(os.environ))
"""
    process = subprocess.Popen([sys.executable, "-c", driver], stderr=subprocess.DEVNULL)
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(PATIENCE_SECONDS) != 0
    assert (tmp_path / "cleaned").exists()


def is_gone(pid: int) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.02)
    return False
