"""The source of a function, found without splitting its file into tokens.

joblib compares the stored source with what `inspect.getblock` finds in the file, and that takes two
to four milliseconds for each function of librosa, once in a process. Nearly always the file still
has the stored text where the function begins, and ends it in a way that leaves no doubt.
"""

from __future__ import annotations

import re
import tokenize
from types import CodeType
from typing import Any

CodeInfo = tuple[str, str, int]  # source, file, line, as of joblib's `get_func_code`

_BEGINS = re.compile(r"@|def |async def ")
_DEFINES = re.compile(r"^(async )?def ", re.MULTILINE)
_FOLLOWED = re.compile(r"\n*([A-Za-z_@]|\Z)")


def find_source(function: Any, stored: str) -> CodeInfo | None:
    """Return what joblib would find for a function, if that is the stored source beyond doubt.

    The stored text was the function's block in some file: the same text has the same tokens in any
    other, and a block ends where a statement follows that is indented no more than it. So this is
    for functions that are not indented, and for nothing but blank lines between.

    Parameters
    ----------
    function : callable
    stored : str
        Its stored source, without the line that has its line number.

    Returns
    -------
    info : tuple or None
        The source, the path of its file and its first line, counted from 1; None in case of doubt.
    """
    code = getattr(function, "__code__", None)
    if type(code) is not CodeType or not (_BEGINS.match(stored) and _DEFINES.search(stored)):
        return None
    try:
        with tokenize.open(code.co_filename) as file:
            text = file.read()
    except (OSError, SyntaxError, UnicodeError):
        return None
    start = _line_start(text, code.co_firstlineno)
    end = start + len(stored)
    if start < 0 or not (stored.endswith("\n") and text.startswith(stored, start)):
        return None
    if not _FOLLOWED.match(text, end):
        return None
    return stored, code.co_filename, code.co_firstlineno


def _line_start(text: str, line: int) -> int:
    """Return where a line begins, counted from 1; -1 if there are not so many."""
    start = 0
    for _ in range(line - 1):
        start = text.find("\n", start) + 1
        if not start:
            return -1
    return start
