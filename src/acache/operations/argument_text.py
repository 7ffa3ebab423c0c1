"""The ``repr`` of an argument, as joblib recorded it, made readable."""

from __future__ import annotations

import re

_ARRAY = re.compile(r"(?:(?:np|numpy)\.)?(?:masked_|memmap)?array\(|memmap\(|matrix\(")
_SHAPE = re.compile(r"\bshape=(\([\d, ]*\))")
_DTYPE = re.compile(r"\bdtype=([^\s,)]+(?:\([^)]*\))?)")
_LONGEST_DTYPE = 40


def readable(text: str) -> str:
    """Return an argument in one line: of an array its shape and type first, then its numbers.

    Parameters
    ----------
    text : str
        Its ``repr``. NumPy includes the shape only of arrays that it shortens, and only since 2.2;
        that of others is counted.

    Examples
    --------
    >>> readable("array([[1., 2.],\\n       [3., 4.]], dtype=float32)")
    'array, shape (2, 2), dtype float32: [[1., 2.], [3., 4.]]'
    >>> readable("'hann'")
    "'hann'"
    """
    line = " ".join(text.split())
    match = _ARRAY.match(line)
    if match is None:
        return line
    numbers = _brackets(line, match.end())
    rest = line[match.end() + len(numbers) :]
    shape = _SHAPE.search(rest)
    dtype = _DTYPE.search(rest)
    facts = [match[0].rstrip("(")]
    size = shape[1] if shape is not None else _counted(numbers)
    if size:
        facts.append(f"shape {size}")
    if dtype is not None:
        facts.append(f"dtype {dtype[1][:_LONGEST_DTYPE]}")
    return ", ".join(facts) + (f": {numbers}" if numbers else "")


def _brackets(line: str, start: int) -> str:
    """Return the list that begins somewhere in a line; nothing if none does, or it has no end."""
    depth = 0
    for index in range(start, len(line)):
        depth += {"[": 1, "]": -1}.get(line[index], 0)
        if depth == 0:
            return line[start : index + 1] if index > start else ""
    return ""


def _counted(numbers: str) -> str:
    """Return the shape of an array that is shown whole; empty if that is not known."""
    if not numbers or "..." in numbers or "'" in numbers or '"' in numbers:
        return ""
    shape = []
    inner = numbers
    while inner.startswith("["):
        count, inner = _items(inner)
        shape.append(count)
    return str(tuple(shape))


def _items(listed: str) -> tuple[int, str]:
    """Count the items of a list's text, and return the first of them."""
    depth = 0
    commas = []
    for index, character in enumerate(listed):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 1:
            commas.append(index)
    first = listed[1 : commas[0] if commas else -1].strip()
    return (len(commas) + 1 if first else 0), first
