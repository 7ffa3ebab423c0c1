"""While four processes compute into a store, others clear, prune and count it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from tests.helpers.processes import PATIENCE_SECONDS
from tests.helpers.stores import tree

MODULE = """
def first(n):
    return ("first", {version}, list(range(n)))

def second(n):
    return ("second", {version}, list(range(n)) * 2)

def third(n):
    return ("third", {version}, "x" * n * 1000)
"""

# Calls go on until the file `stop` is there, and are so many at least.
WORKER = """
import os, random, sys, warnings
import joblib
import functions

everything, part, seed, version, least, stop = sys.argv[1:]
rng = random.Random(int(seed))
whole = joblib.Memory(everything, verbose=0)
cached = [whole.cache(f) for f in (functions.first, functions.second)]
cached.append(joblib.Memory(part, verbose=0).cache(functions.third))
expected = {
    "first": lambda n: ("first", int(version), list(range(n))),
    "second": lambda n: ("second", int(version), list(range(n)) * 2),
    "third": lambda n: ("third", int(version), "x" * n * 1000),
}
warnings.simplefilter("ignore")  # joblib's, where a folder vanished before it could write
for function in cached:
    function(int(seed))
print("ready", flush=True)
calls = 0
while calls < int(least) or (stop and not os.path.exists(stop)):
    function = rng.choice(cached)
    n = rng.randrange(60)
    assert function(n) == expected[function.func.__name__](n), (function, n)
    calls += 1
"""

LOOP = """
import json, subprocess, sys
removed = 0
for _ in range(int(sys.argv[1])):
    done = subprocess.run([sys.executable, "-m", "acache", *sys.argv[2:]], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), done
    removed += json.loads(done.stdout).get("removed", {"entries": 0})["entries"]
print(removed)
"""


@pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_results_are_right_while_others_delete(tmp_path: Path, rounds: int) -> None:
    (tmp_path / "functions.py").write_text(MODULE.format(version=1))
    (tmp_path / "worker.py").write_text(WORKER)
    everything, part, stop = (str(tmp_path / name) for name in ("everything", "part", "stop"))
    bystander = joblib.Memory(part, verbose=0).cache(bytes)
    for n in range(50):
        bystander(n)
    beside = Path(part, "joblib", "builtins")
    before = tree(beside)

    def start(*command: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def workers(version: int, least: int, stop: str = "") -> list[subprocess.Popen[str]]:
        # One comes first: of several that find a new source at once, each wipes the function's
        # folder, and joblib raises in one whose folder another one wipes. acache has no part in it.
        begun: list[subprocess.Popen[str]] = []
        for seeds in ([0], [1, 2, 3]):
            begun += [
                start("worker.py", everything, part, seed, version, least, stop) for seed in seeds
            ]
            for worker in begun[seeds[0] :]:
                assert worker.stdout is not None
                assert worker.stdout.readline() == "ready\n"
        return begun

    def ended(processes: list[subprocess.Popen[str]]) -> list[str]:
        outputs = [process.communicate(timeout=10 * PATIENCE_SECONDS) for process in processes]
        for process, (_, told) in zip(processes, outputs, strict=True):
            assert process.returncode == 0, told  # joblib tells there what it has to recompute
        return [output for output, _ in outputs]

    working = workers(1, 200, stop=stop)
    # What each worker has called first is stored by now, and no command tells of a store that is
    # not there yet.
    clearing, pruning, third, *_ = map(
        int,
        ended(
            [
                start("-c", LOOP, rounds, *command)
                for command in (
                    ["clear", "--all", "-y", "--json", "--cache-dir", everything],
                    ["prune", "--max-items", "7", "-y", "--json", "--cache-dir", everything],
                    ["clear", "--function", "third", "-y", "--json", "--cache-dir", part],
                    ["stats", "--json", "--cache-dir", everything],
                    ["stats", "--json", "--no-cost", "--cache-dir", part],
                )
            ]
        ),
    )
    Path(stop).touch()
    ended(working)
    assert clearing + pruning >= 8
    assert third >= 4
    assert tree(beside) == before
    sources = sorted(path.parent.name for path in tmp_path.rglob("func_code.py"))
    assert sources == ["bytes", "first", "second", "third"]

    # Whatever was deleted when: results of the old source are never taken for those of the new.
    (tmp_path / "functions.py").write_text(MODULE.format(version=2))
    ended(workers(2, 200))
    assert tree(beside) == before
