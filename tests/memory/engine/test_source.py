"""The source of a function, found without tokens: what joblib finds, or nothing."""

from __future__ import annotations

import argparse
import ast
import inspect
import random
import statistics
import types
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import librosa
import librosa.core.spectrum
import librosa.decompose
import librosa.effects
import librosa.filters
import pytest
import scipy.signal._signaltools
from joblib.func_inspect import get_func_code

from acache.memory.engine.source import find_source

MODULES = [
    argparse, ast, inspect, random, statistics, librosa.core.spectrum, librosa.decompose,
    librosa.effects, librosa.filters, scipy.signal._signaltools,
]  # fmt: skip


def functions_of(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        function = inspect.unwrap(value) if callable(value) else value
        if isinstance(function, FunctionType) and function.__code__.co_filename == module.__file__:
            yield function


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_source_of_functions_of_packages_is_what_joblib_finds(module: ModuleType) -> None:
    found = 0
    for function in functions_of(module):
        info = get_func_code(function)
        ours = find_source(function, info[0])
        assert ours in (None, info)
        found += ours is not None
        assert find_source(function, info[0].rstrip("\n")) is None
    assert found >= 0.5 * sum(1 for _ in functions_of(module)) > 0


FUNCTION = '''\
@decorated(
    lambda: 1
)
def f(x, y=(1,
    2)):
    """Text.

no indentation here
    """
    if x:
        return [
y
        ]

    def g():
        return 1

    return x
'''
AROUND = ["x = 1\n", "\n", "# comment\n", "    # indented\n", "    y = 2\n", "@g\n", "def h(): 1\n",
          "\\\n", ")\n", "    \n", "class A:\n", "        deep = 1\n", '"""\n', "else: 1\n", "\f\n",
          "async def k(): 1\n", "f = lambda: 1\n", "\tz\n"]  # fmt: skip


def at(file: Path, line: int) -> Any:
    """Return a function whose code says that it begins at a line of a file."""
    code = (lambda: None).__code__.replace(co_filename=str(file), co_firstlineno=line)
    return types.FunctionType(code, {})


@pytest.mark.parametrize("function", [FUNCTION, FUNCTION[28:], "def f():\n    return 1\n"])
def test_source_is_what_joblib_finds_in_a_file_that_was_edited(
    function: str, tmp_path: Path
) -> None:
    chance = random.Random(function)
    file = tmp_path / "edited.py"
    found, earlier = 0, {function}  # what was stored is what joblib once found
    for _ in range(500):
        before, after = (
            [chance.choice(AROUND) for _ in range(chance.choice([0, 0, 1, 2]))] for _ in range(2)
        )
        lines = function.splitlines(keepends=True)
        if chance.random() < 0.3:
            lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(AROUND))
        if chance.random() < 0.1:
            after.append("last")
        file.write_text("".join([*before, *lines, *after]))
        edited = at(file, len(before) + 1)
        info = get_func_code(edited)
        earlier.add(info[0])
        for stored in {function, info[0], *chance.sample(sorted(earlier), min(len(earlier), 20))}:
            ours = find_source(edited, stored)
            assert ours in (None, info), (before, lines, after)
            found += ours is not None
    assert found > 100


def test_source_elsewhere_is_left_to_joblib(tmp_path: Path) -> None:
    assert find_source(len, "def f(): 1\n") is None
    assert find_source(at(tmp_path / "absent.py", 1), "def f(): 1\n") is None
    file = tmp_path / "short.py"
    file.write_text("def f(): 1\n")
    assert find_source(at(file, 1), "def f(): 1\n") == ("def f(): 1\n", str(file), 1)
    assert find_source(at(file, 2), "def f(): 1\n") is None
    assert find_source(at(file, 5), "def f(): 1\n") is None
    file.write_bytes(b"# coding: utf-8\ndef f(): '\xff'\n")
    assert find_source(at(file, 2), "def f(): '\xff'\n") is None
