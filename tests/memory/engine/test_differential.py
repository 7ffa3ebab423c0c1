"""Both engines in turns on one store: whatever the arguments are, the same values and hits.

ACACHE_FUZZ_EXAMPLES=1000000 runs it for longer.
"""

from __future__ import annotations

import itertools
import json
import os
import pickle
import shutil
import sys
import warnings
from pathlib import Path
from random import Random
from typing import Any

import pytest
from joblib.memory import Memory

from acache.memory.engine.callers import caller_of
from acache.memory.engine.engine import FastMemory
from tests.helpers.odd_arguments import odd_call
from tests.helpers.processes import run_python

EXAMPLES = int(os.environ.get("ACACHE_FUZZ_EXAMPLES", "600"))
DEFAULT: list[Any] = [1.0]
numbers = itertools.count()
tag = ""


def answered() -> str:
    """Return what no other call has returned: two answers are alike if they are of one entry."""
    return f"{tag}{next(numbers)}"


def one(a: Any) -> Any:
    return answered()


def many(a: Any, b: Any = DEFAULT, *rest: Any, c: Any = None, **more: Any) -> Any:
    return answered()


def swapped(b: Any, a: Any = 1, *, c: Any = 0.0) -> Any:
    return answered()


def ignoring(a: Any, b: Any = None, *rest: Any, **more: Any) -> Any:
    return answered()


FUNCTIONS: dict[Any, list[str]] = {one: [], many: [], swapped: [], ignoring: ["b", "**"]}


def answer(cached: Any, args: Any, kwargs: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(cached(*args, **kwargs))
        except Exception as error:  # in both engines the same
            return f"{type(error).__name__}"


def cached_by(memory: Memory) -> list[Any]:
    return [memory.cache(function, ignore=ignore) for function, ignore in FUNCTIONS.items()]


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_engines_agree_in_one_process(tmp_path: Path, mmap_mode: Any) -> None:
    options: dict[str, Any] = {"verbose": 0, "mmap_mode": mmap_mode}
    ours = cached_by(FastMemory(str(tmp_path), **options))
    theirs = cached_by(Memory(str(tmp_path), **options))
    for cached in ours:
        answer(cached, (0,), {})
        path = caller_of(cached).function.source_path  # type: ignore[union-attr]
        os.utime(path, (0, 0))
    first: dict[str, str] = {}
    hits = 0
    for seed in range(EXAMPLES):
        random = Random(seed)
        args, kwargs = odd_call(random)
        position = random.randrange(len(ours))
        engines = [ours[position], theirs[position]]
        random.shuffle(engines)
        answers = [answer(engine, args, kwargs) for engine in (*engines, engines[0])]
        assert len(set(answers)) == 1, (seed, args, kwargs)
        key = hash_of(theirs[position], args, kwargs)
        if key is None or answers[0].endswith("Error"):
            continue  # before joblib 1.6 some wrong calls have the hash of right ones
        key = f"{position} {key}"
        hits += key in first
        assert first.setdefault(key, answers[0]) == answers[0], (seed, args, kwargs)
        if random.random() < 0.01:
            DEFAULT.append(seed)
    DEFAULT[:] = [1.0]
    assert hits > EXAMPLES // 100  # or too little was compared


def hash_of(cached: Any, args: Any, kwargs: Any) -> str | None:
    method = getattr(cached, "_get_args_id", None) or cached._get_argument_hash
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(method(*args, **kwargs))
        except Exception:  # a wrong call, or arguments that have no hash
            return None


def run(engine: str, location: str, calls_path: str, new_tag: str) -> None:
    """Answer all calls in a file, and print the answers."""
    global tag  # noqa: PLW0603 - of this process
    tag = new_tag
    kind = FastMemory if engine == "fast" else Memory
    cached = cached_by(kind(location, verbose=0))
    with open(calls_path, "rb") as file:
        calls = pickle.load(file)
    answers = [answer(cached[n], args, kwargs) for n, args, kwargs in calls]
    sys.stdout.write(json.dumps(answers))


def test_engines_agree_across_processes(tmp_path: Path) -> None:
    calls = []
    for seed in range(EXAMPLES // 2):
        random = Random(f"across {seed}")
        args, kwargs = odd_call(random)
        call = (random.randrange(len(FUNCTIONS)), args, kwargs)
        # joblib hashes a frozenset in its order, which differs from process to process.
        if "frozenset" in repr(call):
            continue
        try:
            pickle.loads(pickle.dumps(call))
        except Exception:  # lambdas and their kin
            continue
        calls.append(call)
    assert len(calls) > EXAMPLES // 4
    (tmp_path / "some").write_bytes(pickle.dumps(calls[::2]))
    (tmp_path / "all").write_bytes(pickle.dumps(calls))

    def answers(engine: str, location: str, of: str, tag: str, seed: str) -> list[str]:
        code = (
            "import sys\n"
            "from tests.memory.engine.test_differential import run\n"
            "run(*sys.argv[1:])\n"
        )
        environ = {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(["", *sys.path])}
        where = [str(tmp_path / location), str(tmp_path / of), tag]
        found: list[str] = json.loads(run_python(code, engine, *where, env=environ))
        return found

    answers("joblib", "ours", "some", "first-", "1")
    shutil.copytree(tmp_path / "ours", tmp_path / "theirs")
    for tag, seed in (("second-", "2"), ("third-", "2"), ("fourth-", "3")):
        ours = answers("fast", "ours", "all", tag, seed)
        theirs = answers("joblib", "theirs", "all", tag, seed)
        assert ours == theirs
    stored = sum(answer.startswith(("first-", "second-")) for answer in ours)
    assert stored > len(calls) // 2
