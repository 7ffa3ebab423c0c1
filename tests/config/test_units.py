"""Sizes and ages are read as documented, and nonsense is refused in one line."""

from __future__ import annotations

import pytest

from acache.config.units import parse_age, parse_size
from acache.system.errors import UsageError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("500", 500),
        ("500B", 500),
        ("10k", 10_000),
        ("10K", 10_000),
        ("5MB", 5_000_000),
        ("5 mb", 5_000_000),
        ("1.5GiB", 3 * 2**29),
        ("2Ki", 2048),
        ("1T", 10**12),
        ("1TiB", 2**40),
        (".5k", 500),
        (" 7 ", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "5XB",
        "1e400",
        "1e3",
        "nan",
        "inf",
        "k",
        "1..5",
        "1,5",
        "5 M B",
        "٣",
        "9" * 400,
    ],
)
def test_sizes_that_are_not_valid(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_size(text)
    assert repr(text) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("12h", 43_200),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1d12h", 129_600),
        ("1d 12h", 129_600),
        ("1.5H", 5400),
        ("0s", 0),
    ],
)
def test_ages(text: str, age: float) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["", "7", "-7d", "1y", "d", "1d-2h", "1e400s", "x1d", "99999999w"])
def test_ages_that_are_not_valid(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_age(text)
    assert repr(text) in str(caught.value)
