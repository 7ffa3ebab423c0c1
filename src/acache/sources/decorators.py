"""The caching level that a function's source shows, in its decorators."""

from __future__ import annotations

import ast
import re
import textwrap

LONGEST_SOURCE = 1 << 17  # characters to parse: Python 3.10 crashes at twice as many, if all nest

# Where a definition's decorators end. A line inside a decorator's string may look like one; then
# the text before it does not parse, and all of the source is parsed instead.
_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)\b", re.MULTILINE)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


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
