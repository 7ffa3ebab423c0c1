"""Limits are numbers in base units, or text as on the command line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from acache.config.limits import may_be_set, read_limits
from acache.config.settings import Config
from acache.system.errors import UsageError


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ((None, None, None, None), (None, None, None, None)),
        ((1, 2, 3, 4), (1, 2, 3.0, 4)),
        ((1e9, 0, 0.5, np.int64(7)), (10**9, 0, 0.5, 7)),
        (("1.5GiB", "1000", "1d12h", "10k"), (1610612736, 1000, 129600.0, 10_000)),
    ],
)
def test_limits_are_numbers_or_text(given: Any, limits: Any) -> None:
    read = read_limits(*given)
    assert read == limits
    assert [type(limit) for limit in read] == [type(limit) for limit in limits]


@pytest.mark.parametrize("value", ["", "much", -1, float("nan"), float("inf"), True, [], b"1"])
@pytest.mark.parametrize("name", ["max_size", "max_items", "max_age", "min_free"])
def test_limits_that_are_not_valid_are_named(name: str, value: Any) -> None:
    limits = dict.fromkeys(("max_size", "max_items", "max_age", "min_free"))
    with pytest.raises(UsageError, match=f"{name} not valid"):
        read_limits(**{**limits, name: value})


def test_limits_that_may_be_set_are_those_of_any_prefix() -> None:
    assert not may_be_set({"LIBROSA_CACHE_DIR": "/tmp", "LIBROSA_CACHE_LEVEL": "10"})
    settings = Config.from_env({}).limits
    assert all(may_be_set({setting.variable: "1"}) for setting in settings)
    assert all(may_be_set({s.variable.replace("LIBROSA", "OTHER"): "1"}) for s in settings)
