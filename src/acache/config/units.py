"""Text to bytes and seconds, the one place where sizes and ages are read."""

from __future__ import annotations

import math
import re

from acache.system.errors import UsageError

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_SIZE = rf"{_NUMBER}\s*(?:([kmgt])(i?))?b?"
_AGE = rf"{_NUMBER}\s*([smhdw])\s*"
_FLAGS = re.IGNORECASE | re.ASCII

_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LARGEST_SIZE = 2**63 - 1  # what a file system can count
_LONGEST_AGE = 10_000 * 365 * 86_400  # seconds; no date is as old


def parse_size(text: str) -> int:
    """Read a size.

    Parameters
    ----------
    text : str
        A number of bytes with an optional unit: ``500``, ``10k``, ``5MB``, ``1.5GiB``.
        k, M, G and T are powers of 1000; Ki, Mi, Gi and Ti powers of 1024. Case does not matter.

    Returns
    -------
    size_bytes : int >= 0
        Rounded down to a whole byte.

    Raises
    ------
    UsageError
        If the text is no size, negative, or larger than a file system can count.

    Examples
    --------
    >>> parse_size("1.5GiB")
    1610612736
    """
    match = re.fullmatch(_SIZE, text.strip(), _FLAGS)
    if match is None:
        raise UsageError(f"{text!r} is not a size; write it like 500, 10k, 5MB or 1.5GiB")
    number, unit, binary = match.groups()
    base = 1024 if binary else 1000
    size = float(number) * base ** _POWERS[unit.lower()] if unit else float(number)
    if size > _LARGEST_SIZE:
        raise UsageError(f"{text!r} is too large a size; the largest is 8EiB, less one byte")
    return int(size)


def parse_age(text: str) -> float:
    """Read an age.

    Parameters
    ----------
    text : str
        Numbers with the units s, m, h, d or w, alone or combined: ``90s``, ``7d``, ``1d12h``.

    Returns
    -------
    age_seconds : float >= 0

    Raises
    ------
    UsageError
        If the text is no age, negative, without a unit, or longer than 10,000 years.

    Examples
    --------
    >>> parse_age("1d12h")
    129600.0
    """
    stripped = text.strip()
    parts = list(re.finditer(_AGE, stripped, _FLAGS))
    if not parts or "".join(part.group() for part in parts) != stripped:
        raise UsageError(f"{text!r} is not an age; write it like 90s, 30m, 12h, 7d, 2w or 1d12h")
    age = math.fsum(float(part[1]) * _SECONDS[part[2].lower()] for part in parts)
    if age > _LONGEST_AGE:
        raise UsageError(f"{text!r} is too long an age; the longest is 10,000 years")
    return age
