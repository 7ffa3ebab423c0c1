"""``acache why`` knows what to do about arguments that real programs pass, under both engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.processes import Result

Acache = Callable[..., Result]
# Each is called twice, with arguments that are alike for people and not for joblib.
FUNCTIONS = """
import numpy as np

class Model:
    def __init__(self, weight):
        self.weight = weight

def last_digits(x): return 1
def numpys_last_digits(x): return 1
def listed_digits(x): return 1
def path(x): return 1
def path_object(x): return 1
def array_type(x): return 1
def whole_numbers(x): return 1
def array_order(x): return 1
def moment(x): return 1
def date(x): return 1
def named(x, started): return 1
def random_state(x): return 1
def generator(x): return 1
def model(x): return 1
def ordinary(x): return 1
"""
CALLS = """
import datetime, os, pathlib, sys, time
import numpy as np
from joblib import Memory
import functions as f

memory = Memory(sys.argv[1], verbose=0)

def both(function, first, second):
    cached = memory.cache(function)
    for arguments in (first, second):
        cached(*arguments) if isinstance(arguments, tuple) else cached(arguments)
        time.sleep(0.01)

both(f.last_digits, 0.3, 0.1 * 3)
both(f.numpys_last_digits, np.float64(0.3), np.float64(0.1) * 3)
both(f.listed_digits, [1, 0.3, "a"], [1, 0.1 * 3, "a"])
both(f.path, os.path.abspath("song.wav"), "song.wav")
both(f.path_object, pathlib.Path("song.wav").absolute(), pathlib.Path("song.wav"))
both(f.array_type, np.arange(3.0), np.arange(3.0, dtype="f4"))
both(f.whole_numbers, np.arange(3.0), np.arange(3))
both(f.array_order, np.ones((2, 3)), np.ones((2, 3), order="F"))
both(f.moment, time.time(), time.time() + 1)
both(f.date, datetime.datetime(2026, 1, 1), datetime.datetime(2026, 1, 2))
both(f.named, (1, 5), (1, 6))
both(f.random_state, np.random.RandomState(1), np.random.RandomState(2))
both(f.generator, np.random.default_rng(1), np.random.default_rng(2))
both(f.model, f.Model(1), f.Model(2))
both(f.ordinary, 1, 2)

@memory.cache
def local(x): return 1

local(1)
"""
WORDS: dict[str, str | None] = {
    "last_digits": "x differs in its last digits: round it",
    "numpys_last_digits": "x differs in its last digits: round it",
    "listed_digits": "x differs in its last digits: round it",
    "path": "pass os.path.realpath(x)",
    "path_object": "pass os.path.realpath(x)",
    "array_type": "x has another type (float32, before floats): convert it with astype",
    "whole_numbers": "x has another type (integers, before floats): convert it with astype",
    "array_order": "memory order (numpy.ascontiguousarray)",
    "moment": "ignore=['x']",
    "date": "ignore=['x']",
    "named": "ignore=['started']",
    "random_state": "x is a random state: pass a seed",
    "generator": "x is a random state: pass a seed",
    "model": "the repr of x holds an address in memory",
    "ordinary": None,
    "local": "move the function into a module",
}


@pytest.fixture(params=["joblib", "fast"])
def fixes(request: pytest.FixtureRequest, acache: Acache, tmp_path: Path) -> dict[str, Any]:
    """Run all calls; return the fix of the latest miss of each function."""
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "script.py").write_text(CALLS)
    at = ("--cache-dir", tmp_path / "cache")
    done = acache("run", *at, "--engine", request.param, "script.py", tmp_path / "cache")
    assert done.code == 0, done.stderr
    found: dict[str, Any] = {}
    for miss in acache("why", *at, "--all", "--json").document["misses"]:
        found.setdefault(miss["function"].rpartition(".")[2], miss["fix"])
    return found


def test_why_hints_at_what_to_do_about_each_pattern(fixes: dict[str, Any]) -> None:
    assert fixes.keys() == WORDS.keys()
    wrong = {
        name: fixes[name]
        for name, words in WORDS.items()
        if (fixes[name] is not None if words is None else words not in (fixes[name] or ""))
    }
    assert wrong == {}
