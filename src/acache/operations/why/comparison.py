"""Two calls of a function compared: which arguments differ, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acache.store.call_log import Argument


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
        In the order of the call.
    """
    earlier = {argument.name: argument for argument in then}
    return tuple(
        ArgumentChange(
            argument.name,
            _is_same(argument, earlier.get(argument.name)),
            argument.text,
            earlier[argument.name].text if argument.name in earlier else None,
        )
        for argument in now
    )


def likeness(now: Sequence[Argument], then: Sequence[Argument]) -> int:
    """Return how many arguments of two calls are the same."""
    earlier = {argument.name: argument for argument in then}
    return sum(_is_same(argument, earlier.get(argument.name)) for argument in now)


def _is_same(now: Argument, then: Argument | None) -> bool:
    if then is None:
        return False
    # Fingerprints are comparable if they begin with the same letter: both were made alike.
    if now.fingerprint and then.fingerprint and now.fingerprint[0] == then.fingerprint[0]:
        return now.fingerprint == then.fingerprint
    return now.text == then.text
