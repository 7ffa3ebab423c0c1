"""Limits of a cache, given as numbers or as text."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Literal

from acache.config.units import parse_age, parse_size
from acache.system.errors import UsageError

Policy = Literal["lru", "oldest", "largest", "cost"]
POLICIES: tuple[Policy, ...] = ("lru", "oldest", "largest", "cost")

_ENDINGS = ("_CACHE_MAX_SIZE", "_CACHE_MAX_ITEMS", "_CACHE_MAX_AGE")

Size = float | str
Age = float | str


def may_be_set(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether the environment sets a limit under any prefix; cheap, unlike `Config`.

    Parameters
    ----------
    environ : mapping of str to str, optional
        By default the environment of this process.
    """
    names = os.environ if environ is None else environ
    return any(name.endswith(_ENDINGS) for name in names)


def read_limits(
    max_size: Size | None, max_items: Size | None, max_age: Age | None, min_free: Size | None
) -> tuple[int | None, int | None, float | None, int | None]:
    """Read the limits of a cache.

    Parameters
    ----------
    max_size : int >= 0 or str, optional
        Bytes, or a size as `acache.config.units.parse_size` reads it.
    max_items : int >= 0 or str, optional
    max_age : float >= 0 or str, optional
        Seconds, or an age as `acache.config.units.parse_age` reads it.
    min_free : int >= 0 or str, optional
        As `max_size`.

    Returns
    -------
    limits : tuple
        In bytes and seconds, in the same order.

    Raises
    ------
    UsageError
        If one of them is not valid.
    """
    size = _number("max_size", max_size, parse_size)
    items = _number("max_items", max_items, parse_size)
    free = _number("min_free", min_free, parse_size)
    whole = [None if number is None else int(number) for number in (size, items, free)]
    return whole[0], whole[1], _number("max_age", max_age, parse_age), whole[2]


def check_policy(policy: str) -> Policy:
    """Return a policy if there is such a one.

    Raises
    ------
    UsageError
        If not.
    """
    for known in POLICIES:
        if policy == known:
            return known
    raise UsageError(f"unknown policy {policy!r}; choose from {', '.join(POLICIES)}")


def _number(name: str, value: object, parse: Callable[[str], float]) -> float | None:
    """Return a limit in its base unit."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            return parse(value)
        number = float(value)  # type: ignore[arg-type]  # NumPy's numbers too
    except UsageError as error:
        raise UsageError(f"{name} not valid: {error}") from None
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool | bytes) or not 0 <= number < math.inf:
        raise UsageError(f"{name} not valid: {value!r}; give a number, 0 or more")
    return number
