"""Two calls of a function compared: which arguments differ, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acache.store.call_log import Argument

# What texts leave out: the middle of arrays and of long texts, the state of objects.
_INCOMPLETE = re.compile(r"\.\.\.|<|\(")


class ArgumentChange(NamedTuple):
    """An argument of a call beside that of an earlier one.

    Attributes
    ----------
    name : str
    same : bool
        Whether both have the same content, as far as is known.
    now : str
        Its ``repr``, shortened.
    then : str or None
        That of the earlier call; None if there is none, or it had no such argument.
    """

    name: str
    same: bool
    now: str
    then: str | None

    @property
    def looks_same(self) -> bool:
        """Whether the text is the same, and the content is not."""
        return not self.same and self.now == self.then


def compare(now: Iterable[Argument], then: Iterable[Argument]) -> tuple[ArgumentChange, ...]:
    """Compare the arguments of two calls by their names.

    Parameters
    ----------
    now, then : iterable of Argument
        Of a call, and of an earlier one.

    Returns
    -------
    changes : tuple of ArgumentChange
        In the order of the call. One of two calls' arguments does differ: if none of them is known
        to, those are not the same whose text does not show all of their content.
    """
    earlier = {argument.name: argument for argument in then}
    pairs = [(argument, earlier.get(argument.name)) for argument in now]
    same = [_is_same(*pair) for pair in pairs]
    if all(same):
        same = [_shows_all(*pair) for pair in pairs]
    return tuple(
        ArgumentChange(argument.name, alike, argument.text, None if other is None else other.text)
        for (argument, other), alike in zip(pairs, same, strict=True)
    )


def likeness(now: Sequence[Argument], then: Sequence[Argument]) -> int:
    """Return how many arguments of two calls are the same."""
    earlier = {argument.name: argument for argument in then}
    return sum(_is_same(argument, earlier.get(argument.name)) for argument in now)


def _shows_all(now: Argument, then: Argument | None) -> bool:
    return _are_comparable(now, then) or not _INCOMPLETE.search(now.text)


def _are_comparable(now: Argument, then: Argument | None) -> bool:
    # Fingerprints are comparable if they begin with the same letter: both were made alike.
    return then is not None and now.fingerprint[:1] == then.fingerprint[:1] != ""


def _is_same(now: Argument, then: Argument | None) -> bool:
    if then is None:
        return False
    if _are_comparable(now, then):
        return now.fingerprint == then.fingerprint
    return now.text == then.text
