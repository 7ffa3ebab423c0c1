"""joblib's format on disk: its file names, what they mean, and the level that a source shows.

The format is that of ``joblib/_store_backends.py`` and ``joblib/memory.py``, versions 0.17 to 1.6.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from typing import NamedTuple

from acache.store.model import Metadata

OUTPUT = "output.pkl"
METADATA = "metadata.json"
SOURCE = "func_code.py"
LOCALS = "<locals>"  # in a function's folder, that of the functions which are defined in it
FIRST_LINE = "# first line:"
LONGEST_SOURCE = 1 << 17  # characters to parse: Python 3.10 crashes at twice as many, if all nest

_LATEST = 1e11  # seconds, some 3,000 years: no duration, and no time since 1970, is as large
HASH_DIGITS = "0123456789abcdef"
_TEMPORARY = re.compile(
    r"(?P<target>output\.pkl|metadata\.json|func_code\.py)\."
    r"(?:[0-9a-f]{32}-(?P<pid>\d+)-\d+"  # since joblib 1.5
    r"|thread-\d+-pid-(?P<old_pid>\d+))",
    re.ASCII,
)
_DURATION = re.compile(rb'\{"duration": (\d+\.\d+(?:e-\d+)?), "input_args": \{')
# Where a definition's decorators end. A line inside a decorator's string may look like one; then
# the text before it does not parse, and all of the source is parsed instead.
_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)\b", re.MULTILINE)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


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
    """Tell whether a name has the form of an argument hash: 32 lower-case hexadecimal digits."""
    # Twice as fast as a regular expression, and asked once for each entry.
    return len(name) == 32 and not name.strip(HASH_DIGITS)


def parse_temporary(name: str) -> Temporary | None:
    """Read the name of a temporary file; None if it is no such name."""
    match = _TEMPORARY.fullmatch(name)
    if match is None:
        return None
    return Temporary(match["target"], int(match["pid"] or match["old_pid"]))


def is_entry_temporary(name: str) -> bool:
    """Tell whether a name is that of a temporary file in an entry's folder."""
    temporary = parse_temporary(name)
    return temporary is not None and temporary.target != SOURCE


def dotted(function: str) -> str:
    """Show a function id as users write it: ``librosa.core.spectrum.stft``."""
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


def level_in_source(source: str) -> int | None:
    """Find the caching level that a function's source shows.

    Parameters
    ----------
    source : str
        The function with its decorators, indented or not.

    Returns
    -------
    level : int or None
        See `level_in_decorators`; None also for what is no definition (a lambda).
    """
    definition = _DEFINITION.search(source)
    if definition is None or "cache" not in source or len(source) > LONGEST_SOURCE:
        return None
    # Decorators alone parse in a tenth of the time of a function with a long docstring.
    header = textwrap.dedent(source[: definition.start()])
    for text in (header + "\ndef _(): ...", textwrap.dedent(source)):
        try:
            statement = ast.parse(text).body[0]
        except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError):
            continue
        return level_in_decorators(statement) if isinstance(statement, Definition) else None
    return None


def level_in_decorators(definition: Definition) -> int | None:
    """Find the caching level among a definition's decorators.

    It is the ``level=N``, or else the one positional int, of a call named ``cache``, bare or an
    attribute: ``@cache(level=20)``, ``@librosa.cache(20)``.

    Returns
    -------
    level : int or None
        None if no decorator is such a call, or its level is no literal.
    """
    for decorator in definition.decorator_list:
        if isinstance(decorator, ast.Call) and _name(decorator.func) == "cache":
            named = [keyword.value for keyword in decorator.keywords if keyword.arg == "level"]
            for value in named or decorator.args[:1]:
                level = _literal_int(value)
                if level is not None:
                    return level
    return None


def _name(function: ast.expr) -> str | None:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _literal_int(value: ast.expr) -> int | None:
    if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
        number = _literal_int(value.operand)
        return None if number is None else -number
    return value.value if isinstance(value, ast.Constant) and type(value.value) is int else None
