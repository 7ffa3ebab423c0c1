"""Names that come from outside, checked before any path is made of them."""

from __future__ import annotations

import os

from acache.store.format import METADATA, OUTPUT, SOURCE, is_hash, parse_temporary
from acache.store.layout import is_surely_group
from acache.system.errors import AcacheError
from acache.system.text import printable

_MOST_PARTS = 64
_LONGEST_PART = 255  # bytes, on all usual file systems
_OURS = frozenset((OUTPUT, METADATA, SOURCE))
_NOT_ON_WINDOWS = frozenset('<>:"|?*')


class UnsafeNameError(AcacheError):
    """A name that could lead out of the store, or be taken for something else in it."""


def require_function(function: str) -> None:
    """Refuse what cannot be the id of a function.

    Parameters
    ----------
    function : str
        ``/`` between its parts.

    Raises
    ------
    UnsafeNameError

    Examples
    --------
    >>> require_function("librosa/core/spectrum/stft")
    >>> require_function("../stft")
    Traceback (most recent call last):
      ...
    acache.store.outside.UnsafeNameError: '../stft' cannot name a function: '..' leads elsewhere
    """
    parts = function.split("/")
    reason = "it has too many parts" if len(parts) > _MOST_PARTS else None
    for part in parts:
        reason = reason or _trouble(part)
    if reason is not None:
        raise UnsafeNameError(f"{printable(function)!r} cannot name a function: {reason}")


def require_hash(argument_hash: str) -> None:
    """Refuse what is no argument hash.

    Raises
    ------
    UnsafeNameError
    """
    if not is_hash(argument_hash):
        raise UnsafeNameError(f"{printable(argument_hash)!r} is not an argument hash")


def _trouble(part: str) -> str | None:
    """Return why a name can be no part of a function id; None if it can."""
    shown = repr(printable(part))
    if not part:
        return "a part of it is empty"
    if part.startswith("."):
        return f"{shown} leads elsewhere" if part in (".", "..") else f"{shown} is hidden"
    if "\\" in part or not part.isprintable():
        return f"{shown} has characters that no name of a function has"
    if os.name == "nt" and not _NOT_ON_WINDOWS.isdisjoint(part):
        return f"{shown} is no name on Windows"
    if len(part.encode()) > _LONGEST_PART:
        return "a part of it is too long"
    if part in _OURS or is_hash(part) or is_surely_group(part) or parse_temporary(part):
        return f"{shown} is a name of joblib's own"
    return None
