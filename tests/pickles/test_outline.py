"""An outline shows every value, as deep and as wide as wished."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from acache.pickles import Line, outline
from tests.helpers.samples import described, dumped, shown, told, values


def test_outline_says_what_an_array_takes() -> None:
    lines = outline(described(dumped((np.ones((1025, 44), "f4"), "x" * 1000))).value)
    assert lines == [
        Line(0, "tuple of 2", None),
        Line(1, "array, shape (1025, 44), dtype float32", 180_400),
        Line(1, f"str '{'x' * 56}...", 1000),
    ]


@pytest.mark.parametrize("protocol", range(6))
def test_outline_shows_every_value(protocol: int) -> None:
    every = values()
    assert told(every["constants"], protocol=protocol)[1:7] == [
        *("  None", "  True", "  False", "  0", "  1", "  -1")
    ]
    assert told(every["floats"], protocol=protocol)[1:] == ["  0.0", "  -1.5", "  inf", "  1e+300"]
    assert told(every["complex"], protocol=protocol) == ["(1+2j)"]
    assert told(every["text"], protocol=protocol)[1:7] == [
        *("  ''", "  'a'", "  'größe'", "  '\\n\\'\"'", "  '\\ud800'", "  '\U0001f600'")
    ]
    assert told(every["bytes"], protocol=protocol)[1:3] == ["  b''", "  b'a'"]
    assert told(every["loop"], protocol=protocol) == [
        *("list of 2", "  1", "  list of 2, shown above")
    ]
    assert told(every["shared"], protocol=protocol) == [
        *("list of 2", "  list of 1", "    'shared'", "  list of 1, shown above")
    ]
    assert told(every["object"], protocol=protocol) == [
        "tests.helpers.samples.Plain",
        "  'x': 1",
        "  'me': tests.helpers.samples.Plain, shown above",
    ]
    assert told(every["a list's child"], protocol=protocol)[-4:] == [
        *("  1", "  2", "  3", "  'note': 'attribute'")
    ]
    assert told(every["ordered"], protocol=protocol)[0] == "collections.OrderedDict"
    assert told(every["scalars"], protocol=protocol) == [
        "list of 5",
        "  scalar float32: 1.5",
        "  scalar int64: -3",
        "  scalar <U5: 'größe'",
        "  scalar bool: True",
        "  scalar complex64",
    ]
    assert told(every["dtypes"][:1], protocol=protocol)[1:] == ["  dtype datetime64[ns]"]


@pytest.mark.parametrize("protocol", range(6))
def test_sets_are_sets_in_every_protocol(protocol: int) -> None:
    assert told([{1}, frozenset({1})], protocol=protocol) == [
        *("list of 2", "  set of 1", "    1", "  frozenset of 1", "    1")
    ]


def test_outline_is_as_wide_and_as_deep_as_wished() -> None:
    description = described(dumped([list(range(50)), [[["deep"]]], {"key": [1, 2]}]))
    assert shown(description, depth=2, width=2) == [
        "list of 3",
        "  list of 50",
        "    0",
        "    1",
        "    ... and 48 more",
        "  list of 1",
        "    list of 1",
        "  ... and 1 more",
    ]
    assert shown(description, depth=0) == ["list of 3"]
    assert shown(description, depth=1, width=0) == ["list of 3", "  ... and 3 more"]


def test_billion_laughs_are_shown_once_each() -> None:
    value: Any = "ha"
    for _ in range(60):
        value = [value, value]
    lines = shown(described(dumped(value)), depth=60)
    assert len(lines) == 121
