"""What joblib records of a call's arguments is the same, whoever names them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest

from acache import CacheManager


def plain(a, b):
    return a, b


def with_defaults(a, b, c=3, d=4):
    return a, b, c, d


def keyword_only(a, b=2, *, c, d=4):
    return a, b, c, d


def variadic(a, *more, **named):
    return a, more, named


def variadic_with_keywords(a, *more, b, c=3):
    return a, more, b, c


CALLS: list[tuple[Callable[..., Any], list[str], tuple[Any, ...], dict[str, Any]]] = [
    (plain, [], (1, [2]), {}),
    (plain, ["a"], (1,), {"b": {"x": 1}}),
    (with_defaults, [], ("q", 2), {"d": 5}),
    (with_defaults, ["c"], (), {"b": 2, "a": None}),
    (variadic, [], (1, 2, 3), {"z": 1, "y": 2}),
    (variadic, ["*"], (1, 2, 3), {"z": 1}),
    (variadic, ["**"], (1,), {"*": 1}),
    (variadic, [], (1,), {"*": 1}),
    (variadic_with_keywords, [], (1,), {"b": 2}),
    (lambda x, y=2: x, [], (1,), {}),
]


@pytest.mark.parametrize(("function", "ignore", "args", "kwargs"), CALLS)
def test_recorded_arguments_are_those_of_joblib(
    tmp_path: Path,
    function: Callable[..., Any],
    ignore: list[str],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    fast = CacheManager(str(tmp_path / "fast"), level=20, verbose=0)
    slow = joblib.Memory(str(tmp_path / "slow"), verbose=0)
    found = []
    for cached, where in (
        (fast(20, ignore=ignore)(function), "fast"),
        (slow.cache(function, ignore=ignore), "slow"),
    ):
        cached(*args, **kwargs)
        [path] = (tmp_path / where).rglob("metadata.json")
        arguments = json.loads(path.read_text())["input_args"]
        found.append((path.parent.name, arguments))
    assert found[0] == found[1]
    if joblib.__version__ >= "1.6":  # before, those with a default did not come first
        assert list(found[0][1]) == list(found[1][1])
