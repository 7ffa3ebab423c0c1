"""What to do about arguments that differ from call to call, where the pattern is known."""

from __future__ import annotations

import math
import os
import re

from acache.operations.why.comparison import ArgumentChange

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_ARRAY = re.compile(r"\b(?:array|memmap|matrix)\(")
_DTYPE = re.compile(r"\bdtype=([\w.<>|='\[\], ]+?)(?=[,)]|$)")
_VOLATILE = re.compile(
    r"(?:^|_)(?:time|timestamp|started|now|date|today|rng|seed|random_state|uuid|run_id|tmp|tmpdir)(?:_|$)"
)
_TINY = 1e-6  # relative difference of floats that rounding explains


def hint(change: ArgumentChange) -> str | None:
    """Return what to do about an argument that differs, or None if no known pattern fits.

    Parameters
    ----------
    change : ArgumentChange
        Of an argument that is not the same.
    """
    name, now, then = change.name, change.now, change.then
    if _ADDRESS.search(now):
        return (
            f"the repr of {name} holds an address in memory: give it content that joblib can hash,"
            f" or leave it out with ignore=[{name!r}]"
        )
    if then is None:
        return None
    if _ARRAY.search(now) and _ARRAY.search(then):
        return _about_arrays(change)
    if _VOLATILE.search(name.lower()) or (_is_time(now) and _is_time(then)):
        return (
            f"{name} changes from call to call: leave it out with ignore=[{name!r}] if the result"
            " does not depend on it, or pass a fixed value"
        )
    if _is_close(now, then):
        return f"{name} differs in its last digits: round it before the call"
    if _is_path(now) and _is_path(then) and _file_name(now) == _file_name(then):
        return f"{name} names the same file by another path: pass os.path.realpath({name})"
    return None


def _about_arrays(change: ArgumentChange) -> str | None:
    name = change.name
    now, then = _dtype(change.now), _dtype(change.then or "")
    if now != then:
        return f"{name} has another type ({now}, before {then}): convert it with astype"
    if change.looks_same:
        return (
            f"{name} has the same text and other content: the part that its repr leaves out, its"
            " type, or its memory order (numpy.ascontiguousarray) differs"
        )
    return None


def _dtype(text: str) -> str:
    match = _DTYPE.search(text)
    return match[1].strip() if match else "the default type"


def _is_close(now: str, then: str) -> bool:
    try:
        first, second = float(now), float(then)
    except ValueError:
        return False
    if first == second or not (math.isfinite(first) and math.isfinite(second)):
        return False
    return math.isclose(first, second, rel_tol=_TINY)


def _is_time(text: str) -> bool:
    """Return whether a number looks like Unix seconds of these decades."""
    try:
        return 1e9 < float(text) < 3e9 and "." in text
    except ValueError:
        return False


def _is_path(text: str) -> bool:
    return text[-1:] in ("'", '"') and ("/" in text or "\\" in text or "." in text)


def _file_name(text: str) -> str:
    return os.path.basename(text.strip("'\"").replace("\\\\", "/")) or text
