"""While four processes compute into a store, others clear, prune and count it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import joblib

from tests.helpers.stores import tree

SECONDS = float(os.environ.get("ACACHE_TEST_SECONDS", "30"))

MODULE = """
def first(n):
    return ("first", {version}, list(range(n)))

def second(n):
    return ("second", {version}, list(range(n)) * 2)

def third(n):
    return ("third", {version}, "x" * n * 1000)
"""

WORKER = """
import random, sys, time, warnings
import joblib
import functions

everything, part, seed, seconds, version = sys.argv[1:]
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
end = time.monotonic() + float(seconds)
calls = 0
while time.monotonic() < end or calls < 200:
    function = rng.choice(cached)
    n = rng.randrange(60)
    assert function(n) == expected[function.func.__name__](n), (function, n)
    calls += 1
print(calls)
"""

LOOP = """
import subprocess, sys, time
end = time.monotonic() + float(sys.argv[1])
rounds = 0
while time.monotonic() < end:
    done = subprocess.run([sys.executable, "-m", "acache", *sys.argv[2:]], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), done
    rounds += 1
print(rounds)
"""


def test_results_are_right_while_others_delete(tmp_path: Path) -> None:
    (tmp_path / "functions.py").write_text(MODULE.format(version=1))
    (tmp_path / "worker.py").write_text(WORKER)
    everything, part = tmp_path / "everything", tmp_path / "part"
    bystander = joblib.Memory(str(part), verbose=0).cache(bytes)
    for n in range(50):
        bystander(n)
    beside = part / "joblib" / "builtins"
    before = tree(beside)

    def start(code: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *code],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def workers(version: int, seconds: float, count: int = 4) -> list[subprocess.Popen[str]]:
        options = [str(everything), str(part)]
        return [
            start(["worker.py", *options, str(seed), str(seconds), str(version)])
            for seed in range(count)
        ]

    def ended(processes: list[subprocess.Popen[str]]) -> list[int]:
        outputs = [process.communicate(timeout=SECONDS + 120) for process in processes]
        for process, (_, told) in zip(processes, outputs, strict=True):
            assert process.returncode == 0, told  # joblib tells there what it has to recompute
        return [int(output) for output, _ in outputs]

    working = workers(1, SECONDS)
    time.sleep(1)  # stores that do not exist yet are told on stderr
    loops = [
        start(["-c", LOOP, str(SECONDS - 2), *command])
        for command in (
            ["clear", "--all", "-y", "-q", "--cache-dir", str(everything)],
            ["prune", "--max-items", "7", "-y", "-q", "--cache-dir", str(everything)],
            ["clear", "--function", "third", "-y", "-q", "--cache-dir", str(part)],
            ["stats", "--json", "--cache-dir", str(everything)],
            ["stats", "--json", "--no-cost", "--cache-dir", str(part)],
        )
    ]
    assert min(ended(loops)) > 0
    assert min(ended(working)) > 100
    assert tree(beside) == before
    sources = sorted(path.parent.name for path in tmp_path.rglob("func_code.py"))
    assert sources == ["bytes", "first", "second", "third"]

    # Whatever was deleted when: results of the old source are never taken for those of the new.
    (tmp_path / "functions.py").write_text(MODULE.format(version=2))
    # One worker comes first: of several that find the new source at once, each wipes the function's
    # folder, and joblib raises in one whose folder another one wipes. acache has no part in that.
    ended(workers(2, 0.1, count=1))
    ended(workers(2, 2.0))
    assert tree(beside) == before
