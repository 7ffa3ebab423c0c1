"""Real runs: what failed to be stored, what joblib dropped, what no later run will find."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import Result

Acache = Callable[..., Result]

HEAD = """
import os, sys, threading, uuid
from functools import partial
from joblib import Memory
memory = Memory(os.environ["LIBROSA_CACHE_DIR"], verbose=0)

class Tensor:
    \"\"\"Pickled differently each time, as torch's.\"\"\"
    def __init__(self, values): self.values = values
    def __repr__(self): return f"tensor({self.values})"
    def __reduce__(self): return Tensor, (self.values,), uuid.uuid4().hex
    def __setstate__(self, state): pass

class Scaler:
    def __call__(self, x): return x * 2

def power(x, n): return x ** n

@memory.cache
def f(x):
    \"\"\"Old.\"\"\"
    return x

@memory.cache
def g(x): return threading.Lock()
"""


@pytest.fixture
def run(acache: Acache, tmp_path: Path) -> Callable[[str], str]:
    """Run a script twice or once, and return what acache says about the last run."""

    def run(code: str, *, times: int = 1, head: str = HEAD) -> str:
        (tmp_path / "script.py").write_text(head + code)
        env = {"LIBROSA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONWARNINGS": "ignore"}
        for _ in range(times):
            done = acache("run", "script.py", env=env)
            assert done.code == 0, done.stderr
        return done.stderr

    return run


def test_results_that_will_be_found_are_not_doubted(run: Callable[..., str]) -> None:
    for _ in range(2):
        text = run("f([1, 2]); f([2, 3]); memory.cache(lambda x: x)(4)")
        assert "warning" not in text
    assert "3 hits, no misses" in text


@pytest.mark.parametrize(
    "function", ["memory.cache(Scaler())", "memory.cache(partial(power, n=2))"]
)
def test_function_known_by_its_address_is_never_found(
    run: Callable[..., str], function: str
) -> None:
    text = run(f"f = {function}; f(3); f(3)")
    assert "1 hit, 1 miss" in text  # this process finds it
    assert "no other process reuses its results" in text
    text = run(f"{function}(3)", times=2)
    assert "nothing, and probably nothing in later runs" in text
    assert "no other process reuses its results" in text
    assert "source has changed" not in text


def test_equal_calls_that_miss_each_time(run: Callable[..., str]) -> None:
    code = "f(Tensor([1, 2])); f(Tensor([1, 2])); f(7)"
    first = run(code)
    assert "f: of 3 misses, 1 as other calls of this run had the same recorded" in first
    again = run(code)
    assert "1 hit, 2 misses" in again
    assert "of 2 misses, 2 as older entries and 1 as other calls of this run" in again
    assert "(x)" in again


def test_arrays_whose_text_is_shortened_are_not_compared(run: Callable[..., str]) -> None:
    code = "import numpy as np\nfor n in (1, 2):\n    a = np.zeros(5000)\n    a[9] = n\n    f(a)\n"
    assert "recorded arguments" not in run(code)
    assert "recorded arguments" not in run(code.replace("(1, 2)", "(3, 4)"))


def test_results_that_cannot_be_stored_are_named_with_joblibs_words(
    run: Callable[..., str],
) -> None:
    text = run("g(1); g(2); f(3)")
    assert "acache: warning: __main__" in text
    assert "g: joblib could not store 2 results: Unable to cache to disk." in text
    assert "cannot pickle '_thread.lock' object" in text
    assert "no result could be stored" not in text
    alone = run("g(1)")
    assert "no result could be stored" in alone
    assert "nothing: no result was stored" in alone


def test_entries_that_joblib_drops_are_named(run: Callable[..., str]) -> None:
    code = "for n in range(5): f('x' * 10_000 + str(n))"
    assert "source" not in run(code, times=2)
    text = run("f(1)", head=HEAD.replace("Old", "New"))
    assert "f: its source has changed, so joblib removed 5 entries, 50.1 kB" in text


def test_functions_of_one_name_that_drop_each_others_results(run: Callable[..., str]) -> None:
    code = """
one = memory.cache(lambda x: x + 1)
two = memory.cache(lambda x: x + 2)
for x in range(3): one(x); two(x)
"""
    text = run(code)
    assert "<lambda>: its source changed" in text
    assert "two functions share this name; rename one of them" in text


OWN = HEAD.replace('os.environ["LIBROSA_CACHE_DIR"]', '"own"')


def test_stores_of_a_scripts_own_are_compared_as_the_configured_one_is(
    acache: Acache, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"

    def run(head: str) -> str:
        script.write_text(f"{head}\nf([1, 2]); f(Tensor([1])); g(1)")
        return acache("run", script, env={"PYTHONWARNINGS": "ignore"}).stderr

    first = run(OWN)
    assert "recorded arguments" not in first
    assert "g: joblib could not store 1 result" in first
    again = run(OWN)
    assert "1 hit, 2 misses" in again
    assert "f: of 1 miss, 1 as older entries had the same recorded arguments (x)" in again
    assert "f: its source has changed, so joblib removed 3 entries" in run(
        OWN.replace("Old", "New")
    )


def test_results_under_another_path_of_the_script_are_named(acache: Acache, tmp_path: Path) -> None:
    def run(name: str, call: str, head: str = OWN) -> str:
        script = tmp_path / name
        script.write_text(f"{head}\n{call}")
        return acache("run", script).stderr

    assert "under" not in run("before.py", "f(1); f(2)")
    moved = run("after.py", "f(1); f(2); f(3)")
    assert "after.f: the store has 2 results of these calls under __main__" in moved
    assert "before.f: joblib names the functions of a script by its path" in moved
    assert "results of these calls" not in run("after.py", "f(1)")
    assert "results of these calls" not in run("third.py", "f(4)")
    assert "results of these calls" not in run("other.py", "f(1)", OWN.replace("Old", "New"))
