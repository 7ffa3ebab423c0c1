"""Whether the source that joblib stored of a function is whole: by it stale results are known."""

from __future__ import annotations

import ast
import textwrap

from acache.store import Store

UNKNOWN_SOURCES = ("no", "an unreadable")
_DEFINITIONS = ("def ", "async def ", "class ", "@")
# What Python says, whatever its version, of a definition that ends too early.
_UNFINISHED = (
    "was never closed",
    "unterminated triple-quoted",
    "expected an indented block",
    "expected 'except' or 'finally' block",
    "unexpected EOF",
)


def source_trouble(store: Store, function: str) -> str | None:
    """Tell what is wrong with a function's stored source, in a word or two; None if nothing is.

    Of `UNKNOWN_SOURCES` joblib writes the new one at the next call, and trusts the other entries;
    any other it finds changed, and drops them all.
    """
    try:
        source = store.source(function)
    except OSError:
        return "an unreadable"
    if source is None:
        return "no"
    lines = [line for line in source.splitlines() if line.strip()]
    if all(line.lstrip().startswith("#") for line in lines):
        return "an empty"
    return "an incomplete" if _is_cut(source) else None


def _is_cut(source: str) -> bool:
    """Tell whether a definition ends too early; what a newer Python writes may not parse here."""
    text = textwrap.dedent(source)
    if not text.startswith(_DEFINITIONS):  # a lambda, with what else was in its line
        return any(beginning.startswith(text) for beginning in _DEFINITIONS)
    error = _syntax_error(text)
    if error is None:
        return False
    if any(told in error.msg for told in _UNFINISHED):
        return True
    if text.endswith("\n"):  # joblib writes whole lines
        return _syntax_error(f"{text}def _(): ...") is None  # decorators alone
    return (error.lineno or 0) >= len(text.splitlines())


def _syntax_error(text: str) -> SyntaxError | None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        pass
    return None
