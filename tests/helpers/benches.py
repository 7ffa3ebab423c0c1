"""Scripts to be timed, with a clock that only they advance."""

from __future__ import annotations

from pathlib import Path

LEVELLED = Path(__file__).with_name("levelled.py")
# A run takes as long as its script says, and a tenth of a second to start.
WITH_ITS_CLOCK = """
import os, time, types
from acache.operations.bench import runner, timed_run
read = 0
def passed():
    global read
    read += 1
    return os.stat(os.environ["CLOCK"]).st_size / 1000 + read / 10
timed_run.time = types.SimpleNamespace(
    perf_counter=passed, monotonic=time.monotonic, sleep=time.sleep
)
runner.time = types.SimpleNamespace(monotonic=passed)
from acache.cli.app import main
main()
"""
SCRIPT = """
import sys
from levelled import slow, slower
print(len(slow(1000)), len(slower(100_000)), sys.argv[1:], repr(sys.stdin.read()))
"""


def write(tmp_path: Path, code: str) -> Path:
    """Write the script that is to be timed."""
    path = tmp_path / "work" / "script.py"
    path.write_text(code)
    return path


def is_clean(tmp_path: Path) -> bool:
    """Return whether no temporary file or store is left."""
    return not [*(tmp_path / "tmp").iterdir(), *tmp_path.glob(".acache-bench-*")]
