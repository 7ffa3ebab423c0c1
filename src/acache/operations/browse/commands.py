"""Selections of what is on a screen, and the words of the commands that select the same."""

from __future__ import annotations

from collections.abc import Sequence

from acache.operations.selection import LevelRange, Selection
from acache.store.ids import EntryId, entry_id, exactly

_AGES = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60))
_SIZES = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 1000))

Key = tuple[str, str]  # function id, / between its parts, and argument hash


def narrowed(
    selection: Selection,
    *,
    levels: Sequence[int | None] | None = None,
    functions: Sequence[str] | None = None,
    entries: Sequence[Key] | None = None,
) -> Selection:
    """Narrow a selection to some levels, functions and entries that it selects.

    Parameters
    ----------
    selection : Selection
    levels : sequence of int or None, optional
    functions : sequence of str, optional
        Function ids, ``/`` between their parts.
    entries : sequence of (str, str), optional
        Function ids and argument hashes.
    """
    if levels is not None:
        ranges = [LevelRange("none" if one is None else str(one), one, one) for one in levels]
        selection = selection._replace(levels=tuple(ranges))
    if functions is not None:
        selection = selection._replace(functions=tuple(map(exactly, functions)))
    if entries is not None:
        ids = [EntryId(entry_id(*one), *one, may_be_gone=True) for one in entries]
        selection = selection._replace(ids=tuple(ids))
    return selection


def selection_words(selection: Selection) -> list[str]:
    """Write a selection as the command line reads it.

    Examples
    --------
    >>> selection_words(Selection(unused_for=2_592_000.0, larger_than=5_000_000))
    ['--unused-for', '30d', '--larger-than', '5M']
    """
    words: list[str] = []
    for level in selection.levels:
        words += ["--level", level.text]
    for pattern in selection.functions:
        words += ["--function", pattern]
    ages = {"--older-than": selection.older_than, "--unused-for": selection.unused_for}
    for option, age in ages.items():
        words += [] if age is None else [option, _in_units(age, _AGES, "s")]
    sizes = {"--larger-than": selection.larger_than, "--smaller-than": selection.smaller_than}
    for option, size in sizes.items():
        words += [] if size is None else [option, _in_units(size, _SIZES, "")]
    for name, pattern in selection.arguments:
        words += ["--arg", f"{name}={pattern}"]
    words += ["--stale"] if selection.stale else []
    return words + [one.text for one in selection.ids or ()]


def _in_units(number: float, units: Sequence[tuple[str, int]], smallest: str) -> str:
    """Write a number in the largest unit of which it is a multiple."""
    for unit, factor in units:
        if number and number % factor == 0:
            return f"{number / factor:.0f}{unit}"
    return f"{number!r}".removesuffix(".0") + smallest
