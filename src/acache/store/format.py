"""joblib's format on disk: its file names, and what is in its files.

The format is that of ``joblib/_store_backends.py`` and ``joblib/memory.py``, versions 0.17 to 1.6.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from acache.store.model import Metadata

OUTPUT = "output.pkl"
METADATA = "metadata.json"
SOURCE = "func_code.py"
LOCALS = "<locals>"  # in a function's folder, that of the functions which are defined in it
FIRST_LINE = "# first line:"

_LATEST = 1e11  # seconds, some 3,000 years: no duration, and no time since 1970, is as large
HASH_DIGITS = "0123456789abcdef"
_TEMPORARY = re.compile(
    r"(?P<target>output\.pkl|metadata\.json|func_code\.py)\."
    r"(?:[0-9a-f]{32}-(?P<pid>\d+)-\d+"  # since joblib 1.5
    r"|thread-\d+-pid-(?P<old_pid>\d+))",
    re.ASCII,
)
_DURATION = re.compile(rb'\{"duration": (\d+\.\d+(?:e-\d+)?), "input_args": \{')

_LAST_DURATION = re.compile(
    rb'(?<!\\)"duration": (\d+\.\d+(?:e-\d+)?)(?:, "time": \d+\.\d+)?\}\s*$'
)


class Temporary(NamedTuple):
    """The name of a file that joblib is writing, before it renames it.

    Attributes
    ----------
    target : str
        The name that it will get: ``output.pkl``, ``metadata.json`` or ``func_code.py``.
    pid : int
        The writing process, on the host that wrote.
    """

    target: str
    pid: int


def is_hash(name: str) -> bool:
    """Return whether a name has the form of an argument hash: 32 lower-case hexadecimal digits."""
    # Twice as fast as a regular expression, and asked once for each entry.
    return len(name) == 32 and not name.strip(HASH_DIGITS)


def parse_temporary(name: str) -> Temporary | None:
    """Read the name of a temporary file; None if it is not one."""
    match = _TEMPORARY.fullmatch(name)
    if match is None:
        return None
    return Temporary(match["target"], int(match["pid"] or match["old_pid"]))


def is_entry_temporary(name: str) -> bool:
    """Return whether a name is that of a temporary file in an entry's folder."""
    temporary = parse_temporary(name)
    return temporary is not None and temporary.target != SOURCE


def dotted(function: str) -> str:
    """Return a function id as users write it: ``librosa.core.spectrum.stft``."""
    return function.replace("/", ".")


def parse_duration(data: bytes) -> float | None:
    """Read the recorded duration alone from the content of a ``metadata.json``.

    Returns
    -------
    duration : float >= 0 or None
        See `acache.store.model.Metadata`.

    Raises
    ------
    ValueError
        If what joblib writes is not even at its beginning and its end.
    """
    # As joblib writes it. Reading no more than that takes a fifth of the time of reading JSON.
    match = _DURATION.match(data)
    if match is not None and data.endswith(b"}"):
        return _number(float(match[1]))
    return parse_metadata(data).duration


def duration_at_ends(beginning: bytes, end: bytes) -> float | None:
    """Read the recorded duration from both ends of a ``metadata.json`` that is not read whole.

    Raises
    ------
    ValueError
        If it stands at neither.
    """
    match = _DURATION.match(beginning) or _LAST_DURATION.search(end)
    if match is None:
        raise ValueError("too large, and without a duration at its beginning or end")
    return _number(float(match[1]))


def parse_metadata(data: bytes) -> Metadata:
    """Read the content of a ``metadata.json``.

    Raises
    ------
    ValueError
        If it is not JSON, or not the object that joblib writes.
    """
    try:
        document = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    arguments = document.get("input_args")
    return Metadata(
        _number(document.get("duration")),
        _number(document.get("time")),
        {str(k): str(v) for k, v in arguments.items()} if isinstance(arguments, dict) else {},
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if 0 <= number <= _LATEST else None  # false for NaN


def split_source(text: str) -> str:
    """Return the source in a ``func_code.py``, without joblib's line about its first line."""
    if text.startswith(FIRST_LINE):
        return text.partition("\n")[2]
    return text
