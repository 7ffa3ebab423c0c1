"""Whether the source that joblib stored of a function is complete; joblib compares it."""

from __future__ import annotations

import ast
import textwrap
from typing import Literal, NamedTuple

from acache.sources.decorators import LONGEST_SOURCE
from acache.store.format import FIRST_LINE, split_source
from acache.store.store import Store

_DEFINITIONS = ("def ", "async def ", "class ", "@")
# What Python says, whatever its version, of a definition that ends too early.
_UNFINISHED = (
    "was never closed",
    "unterminated triple-quoted",
    "expected an indented block",
    "expected 'except' or 'finally' block",
    "unexpected EOF",
)


Consequence = Literal["trusts", "drops", "raises"]


class SourceTrouble(NamedTuple):
    """What is wrong with the stored source of a function.

    Attributes
    ----------
    what : str
        To be said before ``func_code.py``.
    joblib : {"trusts", "drops", "raises"}
        What joblib does at the next call: computes it, writes the new source, and trusts the other
        entries; or drops them all, as it finds the source changed; or raises at each call.
    address : str
        Where the ``func_code.py`` is, or should be.
    """

    what: str
    joblib: Consequence
    address: str


def source_trouble(store: Store, function: str) -> SourceTrouble | None:
    """Return what is wrong with a function's stored source; None if nothing is.

    A link is followed, as joblib does.
    """
    for address in store.source_addresses(function):
        found = _trouble(store, address)
        if found is not None:
            return SourceTrouble(*found, address)
    return None


def _trouble(store: Store, address: str) -> tuple[str, Consequence] | None:
    try:
        data = store.source_bytes(address)
    except IsADirectoryError:
        return "a folder instead of", "raises"
    except OSError:
        return "an unreadable", "trusts"
    if data is None:
        return "no", "trusts"
    try:
        text = data.decode()
        if text.startswith(FIRST_LINE):
            int(text.partition("\n")[0].removeprefix(FIRST_LINE))
    except ValueError:
        return "a damaged", "raises"
    source = split_source(text)
    lines = [line for line in source.splitlines() if line.strip()]
    if all(line.lstrip().startswith("#") for line in lines):
        return "an empty", "drops"
    return ("an incomplete", "drops") if "\0" in source or _is_cut(source) else None


def _is_cut(source: str) -> bool:
    """Return whether a definition ends too early; newer syntax may not parse here."""
    text = textwrap.dedent(source)
    if not text.startswith(_DEFINITIONS):  # a lambda, with what else was in its line
        return any(beginning.startswith(text) for beginning in _DEFINITIONS)
    error = _syntax_error(text)
    if error is None:
        return False
    if any(message in error.msg for message in _UNFINISHED):
        return True
    if text.endswith("\n"):  # joblib writes whole lines
        return _syntax_error(f"{text}def _(): ...") is None  # decorators alone
    return (error.lineno or 0) >= len(text.splitlines())


def _syntax_error(text: str) -> SyntaxError | None:
    if len(text) > LONGEST_SOURCE:
        return None
    try:
        ast.parse(text)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        pass
    return None
