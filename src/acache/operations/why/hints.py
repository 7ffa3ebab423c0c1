"""What to do about arguments that differ from call to call, where the pattern is known."""

from __future__ import annotations

import math
import re

from acache.operations.why.comparison import ArgumentChange

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
_ARRAY = re.compile(r"\b(?:array|memmap|matrix)\(")
_DTYPE = re.compile(r"\bdtype=([\w.<>|='\[\], ]+?)(?=[,)]|$)")
_RANDOM = re.compile(r"\b(?:RandomState|Generator)\(\w+\)|random\.Random object")
_DATE = re.compile(r"^(?:\w+\.)*(?:datetime|date|time|Timestamp|datetime64)\(")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_PATH = re.compile(r"^(?:\w*Path\()?(?P<quote>['\"])(?P<path>.*)(?P=quote)\)?$", re.DOTALL)
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
    if _RANDOM.search(now):
        return f"{name} is a random state: pass a seed, and create the state inside the function"
    if _ADDRESS.search(now):
        return (
            f"the repr of {name} holds an address in memory: give it content that joblib can hash,"
            f" or leave it out with ignore=[{name!r}]"
        )
    if then is None:
        return None
    if _ARRAY.search(now) and _ARRAY.search(then):
        return _about_arrays(change)
    if _VOLATILE.search(name.lower()) or (_is_moment(now) and _is_moment(then)):
        return (
            f"{name} changes from call to call: leave it out with ignore=[{name!r}] if the result"
            " does not depend on it, or pass a fixed value"
        )
    if _is_close(now, then):
        return f"{name} differs in its last digits: round it before the call"
    if _file_name(now) == _file_name(then) is not None:
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
    if match:
        return match[1].strip()
    # NumPy does not write these.
    if "True" in text or "False" in text:
        return "booleans"
    if re.search(r"\dj|\.j", text):
        return "complex numbers"
    return "floats" if "." in text.replace("...", "") else "integers"


def _is_close(now: str, then: str) -> bool:
    """Return whether two texts differ only in numbers, and in these only by rounding."""
    if now == then or _NUMBER.split(now) != _NUMBER.split(then):
        return False
    pairs = zip(_NUMBER.findall(now), _NUMBER.findall(then), strict=True)
    return all(
        first == second
        or ("." in first + second and math.isclose(float(first), float(second), rel_tol=_TINY))
        for first, second in pairs
    )


def _is_moment(text: str) -> bool:
    """Return whether a text is a date, or a number like Unix seconds of these decades."""
    if _DATE.search(text):
        return True
    try:
        return 1e9 < float(text) < 3e9 and "." in text
    except ValueError:
        return False


def _file_name(text: str) -> str | None:
    """Return the last part of a path; None of what looks like none."""
    match = _PATH.search(text)
    if match is None or not re.search(r"[/\\.]", match["path"]):
        return None
    return re.split(r"[/\\]+", match["path"])[-1] or None
