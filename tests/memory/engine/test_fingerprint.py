"""Calls with the same fingerprint have the same joblib hash, whatever the arguments are."""

from __future__ import annotations

import functools
import os
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joblib.func_inspect import filter_args

from acache.memory.engine.fingerprint import Fingerprinter
from acache.memory.engine.parameters import bind, parameters_of
from tests.helpers.odd_arguments import Array, Number, Text, odd_call, odd_value

EXAMPLES = int(os.environ.get("ACACHE_FUZZ_EXAMPLES", "3000"))
DEFAULT = [1.0]


def without_address(value: object) -> str:
    """Name a test alike in every process that collects it."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def one(a: Any) -> None: ...


def many(a: Any, b: Any = DEFAULT, *rest: Any, c: Any = None, **more: Any) -> None: ...


def swapped(b: Any, a: Any = 1) -> None: ...


def keyword(a: Any, b: Any = 2, *, c: Any = 3) -> None: ...


FUNCTIONS: list[tuple[Callable[..., Any], list[str]]] = [
    (one, []),
    (many, []),
    (swapped, []),
    (keyword, []),
    (many, ["b"]),
    (keyword, ["a"]),
    (many, ["*", "**"]),
    (functools.partial(many, 1), []),
]
fingerprinter = Fingerprinter(bytes(range(40)))


def fingerprint_of(
    function: Callable[..., Any], ignored: list[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bytes | None:
    parameters = parameters_of(function, ignored)
    assert parameters is not None
    values = bind(parameters, function, args, kwargs)
    prefix = fingerprinter.prefix(parameters, coerce_mmap=False)
    return None if values is None else fingerprinter(prefix, values)


def of(*args: Any, **kwargs: Any) -> bytes | None:
    return fingerprint_of(many, [], args, kwargs)


def test_fingerprint_that_is_the_same_means_the_same_hash() -> None:
    hashes: dict[bytes, str] = {}
    repeated = 0
    for seed in range(EXAMPLES):
        random = Random(seed)
        args, kwargs = odd_call(random)
        function, ignored = random.choice(FUNCTIONS)
        fingerprint = fingerprint_of(function, ignored, args, kwargs)
        if fingerprint is not None:
            expected = joblib.hash(filter_args(function, ignored, args, kwargs))
            repeated += fingerprint in hashes
            assert hashes.setdefault(fingerprint, expected) == expected, (seed, args, kwargs)
    assert repeated > EXAMPLES // 100  # or nothing was compared


@given(st.randoms(use_true_random=False))
@settings(
    max_examples=max(EXAMPLES // 20, 50), deadline=None, suppress_health_check=list(HealthCheck)
)
def test_fingerprint_of_two_views_is_one_only_with_one_hash(random: Random) -> None:
    value = odd_value(random)
    others = [[value, value], [value, odd_value(random)], (value,), {"a": value}, value]
    hashes: dict[bytes, str] = {}
    for other in others:
        fingerprint = of(other)
        if fingerprint is not None:
            expected = joblib.hash(filter_args(many, [], (other,), {}))
            assert hashes.setdefault(fingerprint, expected) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(
            1,
            1.5,
            True,
            None,
            "a",
            b"a",
            2j,
            [1, [2.0]],
            (1, "a"),
            {"b": 1, "a": [2]},
            {2: 1, 1: 2},
        ),
        *(np.float32(1), np.int64(1), np.bool_(True), np.complex64(1), np.float32, int),
        *(np.dtype("f4"), np.zeros(3), np.zeros((2, 3), ">i4", order="F"), np.zeros(9)[::2]),
        *(
            np.array(1.0),
            np.zeros((0, 2)),
            np.array(["a"]),
            np.zeros(2, [("a", "i4"), ("b", "f8")]),
        ),
        *(np.array(["2020"], "M8[D]"), [np.zeros(2), {"x": (np.ones(1),)}]),
    ],
    ids=without_address,
)
def test_fingerprint_of_plain_values(value: Any) -> None:
    assert of(value) is not None
    assert of(value) == of(value)
    assert of(value) != of([value])


@pytest.mark.parametrize(
    "value",
    [
        *({1}, frozenset(), Number(1), Text("a"), np.array([1], object), np.str_("a"), object),
        *(
            np.zeros(2).view(Array),
            np.ma.masked_array([1.0]),
            range(3),
            slice(1),
            ...,
            len,
            np.mean,
        ),
        *(functools.partial(one, 1), {}.get, {1: 1, "a": 2}, {1.5: 1}, {Text("a"): 1}, [[{1}]]),
    ],
    ids=without_address,
)
def test_fingerprint_leaves_everything_else_to_joblib(value: Any) -> None:
    assert of(value) is None
    assert of([(value,)]) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *((1, True), (1, 1.0), (0.0, -0.0), ("a", b"a"), (1, np.int64(1)), (1.0, np.float64(1))),
        *(([1], (1,)), ([], ()), ([], {}), ("1", 1), (None, "None"), ((), [()]), (0, False)),
        *((np.zeros(2), [0.0, 0.0]), (np.zeros(2), np.zeros(2, ">f8")), (1 + 0j, 1.0)),
        *((np.zeros(4), np.zeros((2, 2))), (np.zeros((2, 2)), np.zeros((2, 2), order="F"))),
        *((np.zeros(3), np.zeros(6)[::2]), (np.zeros(2, "i8"), np.zeros(2)), (np.float32, "f4")),
        *(
            ("\ud800\udc00", "\U00010000"),
            (np.array("a"), np.array(["a"])),
            ({"a": 1}, {"a": True}),
        ),
        *((np.zeros(2, "M8[s]"), np.zeros(2, "M8[D]")), (np.dtype("f4"), np.dtype(">f4"))),
    ],
    ids=without_address,
)
def test_fingerprint_differs_where_joblibs_hash_does(one: Any, other: Any) -> None:
    assert joblib.hash(one) != joblib.hash(other)
    assert of(one) != of(other)


def test_fingerprint_depends_on_which_objects_are_the_same() -> None:
    for value in ([1.0], (1.0,), {"a": 1}, 2j, np.float64(2)):
        twice, copies = [value, value], [value, pickle.loads(pickle.dumps(value))]
        assert (joblib.hash(twice) == joblib.hash(copies)) is (of(twice) == of(copies)) is False
    for value in ("a" * 50, 10**50, np.zeros(3)):
        copy = eval(repr(value), {"array": np.array})
        assert of([value, value]) == of([value, copy])


def test_fingerprint_follows_a_list_in_itself_once() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert of(loop) is not None
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert of(deep) is None


def test_fingerprint_of_a_memory_map_is_that_of_an_array_only_if_coerced(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3.0))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert None is not of(mapped) != of(np.arange(3.0))
    parameters = parameters_of(many)
    assert parameters is not None
    prefixes = {fingerprinter.prefix(parameters, coerce_mmap=coerce) for coerce in (True, False)}
    assert len(prefixes) == 2


def test_fingerprint_depends_on_the_secret() -> None:
    other = Fingerprinter(bytes(40))
    parameters = parameters_of(one)
    assert parameters is not None
    prefix = fingerprinter.prefix(parameters, coerce_mmap=False)
    assert prefix != other.prefix(parameters, coerce_mmap=False)
    for value in (1, np.zeros(1000)):
        assert fingerprinter(prefix, [value]) != other(prefix, [value])


def test_fingerprint_ignores_the_order_of_dicts_and_keywords() -> None:
    assert of({"a": 1, "b": 2}) == of({"b": 2, "a": 1})
    assert of(1, y=1, z=2) == of(a=1, z=2, y=1, b=DEFAULT)


def test_fingerprint_takes_defaults_as_they_are_at_the_call() -> None:
    def function(x: Any, y: Any = 1, *, z: Any = [1]) -> None: ...  # noqa: B006

    def now() -> bytes | None:
        return fingerprint_of(function, [], (1,), {})

    first = now()
    assert first == fingerprint_of(function, [], (1, 1), {"z": [1]})
    function.__defaults__ = (2,)
    second = now()
    function.__kwdefaults__["z"].append(2)
    third = now()
    assert len({first, second, third}) == 3


def test_fingerprint_depends_on_names_kinds_and_ignored_names() -> None:
    def given_by_name(b: Any = 2, *, a: Any = 1) -> None: ...

    fingerprints = {
        fingerprint_of(function, ignored, (), {"a": 1, "b": 2})
        for function, ignored in [
            (swapped, []),
            (keyword, []),
            (given_by_name, []),
            (keyword, ["c"]),
            (keyword, ["a"]),
        ]
    }
    assert None not in fingerprints
    assert len(fingerprints) == 5
    assert fingerprint_of(keyword, ["a"], (1,), {}) == fingerprint_of(keyword, ["a"], ({1},), {})


def positional_only(a: Any, /, b: Any) -> None: ...


def default_before_required(a: Any = 1, *, b: Any) -> None: ...


@functools.wraps(keyword)
def wrapping(*args: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "ignored"),
    [
        (positional_only, []),
        (default_before_required, []),
        (wrapping, []),
        (Number(1).conjugate, ["x"]),
        (fingerprinter.prefix, []),
        (one, ["unknown"]),
        (one, ["a", "a"]),
        (one, "a"),
    ],
)
def test_fingerprint_leaves_parameters_that_joblib_treats_in_its_own_way(
    function: Callable[..., Any], ignored: Any
) -> None:
    assert parameters_of(function, ignored) is None


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1,), {"a": 1}), ((1, 2, 3), {}), ((1,), {"d": 1}), ((1, 2), {"b": 2})],
)
def test_fingerprint_of_a_wrong_call_is_none(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    assert fingerprint_of(keyword, [], args, kwargs) is None
    with warnings.catch_warnings(), pytest.raises(TypeError):
        keyword(*args, **kwargs)
