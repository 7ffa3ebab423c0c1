"""The names that users write for functions and entries."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from acache.store.format import HASH_DIGITS, dotted
from acache.system.errors import UsageError
from acache.system.text import printable

_MOST_NEAR = 3
_WILDCARDS = frozenset("*?[")


class EntryId(NamedTuple):
    """An entry as a user named it.

    Attributes
    ----------
    text : str
        As given.
    function : str
        Function id, dotted or with ``/``; or its last parts.
    prefix : str
        First digits of the argument hash, at least one.
    may_be_gone : bool
        Whether the entry may have been removed meanwhile.
    """

    text: str
    function: str
    prefix: str
    may_be_gone: bool = False


def entry_id(function: str, argument_hash: str) -> str:
    """Name an entry as users do: ``librosa.core.spectrum.stft/0123...``.

    Parameters
    ----------
    function : str
        Function id, ``/`` between its parts.
    argument_hash : str
    """
    return f"{dotted(function)}/{argument_hash}"


def parse_entry_id(text: str, *, may_be_gone: bool = False) -> EntryId:
    """Read the id of an entry.

    Parameters
    ----------
    text : str
        ``FUNCTION/HASH``; of the hash the first digits will do.
    may_be_gone : bool
        See `EntryId`.

    Raises
    ------
    UsageError
        If it is not ``FUNCTION/HASH``, the hash whole or its first digits.

    Examples
    --------
    >>> parse_entry_id("librosa.filters.mel/1f").prefix
    '1f'
    """
    function, slash, prefix = text.rpartition("/")
    if not slash or not 1 <= len(prefix) <= 32 or prefix.strip(HASH_DIGITS):
        raise UsageError(
            f"{printable(text)!r} is not an entry; write it like librosa.filters.mel/1f2e,"
            " as acache ls shows it, or choose a function with --function"
        )
    return EntryId(text, function, prefix, may_be_gone)


def matches_function(function: str, pattern: str) -> bool:
    """Return whether a pattern matches a function.

    Parameters
    ----------
    function : str
        Function id, ``/`` between its parts.
    pattern : str
        A dotted id, one with ``/``, or its last parts: ``stft``, ``librosa.filters.*``. ``*``
        stands for anything, dots included, ``?`` for one character, ``[ab]`` for one of some.
        After a first ``/`` comes the whole id, ``/`` between its parts: ``/librosa/filters/*``.

    Examples
    --------
    >>> [matches_function("librosa/core/spectrum/stft", p) for p in ("stft", "spectrum.*", "core")]
    [True, True, False]
    >>> [matches_function("pkg/m/f", pattern) for pattern in ("m.f", "/m/f", "/pkg/*")]
    [True, False, True]
    """
    if pattern.startswith("/"):
        return fnmatchcase(function, pattern[1:])
    name = f".{dotted(function)}"
    pattern = f".{dotted(pattern)}"
    return (
        name.endswith(pattern)
        or f".{printable(name[1:])}".endswith(pattern)
        or (_has_wildcard(pattern) and fnmatchcase(name, f"*{pattern}"))
    )


def exactly(function: str) -> str:
    """Write the pattern that names one function, and no other.

    Parameters
    ----------
    function : str
        Function id, ``/`` between its parts.

    Examples
    --------
    >>> exactly("m/f[0]")
    '/m/f[[]0]'
    """
    from glob import escape

    return f"/{escape(function)}"


def functions_named(name: str, known: Iterable[str]) -> list[str]:
    """Find the functions of a name, without wildcards.

    Parameters
    ----------
    name : str
        A function id, or its last parts.
    known : iterable of str
        Function ids, ``/`` between their parts.

    Returns
    -------
    functions : list of str
        The one of that very path; or else all of that dotted id, which folders with dots in their
        names may share; or else all whose last parts it is.
    """
    exact, ending = [], []
    for function in known:
        shown = dotted(function)
        if "/" in name and name == function:
            return [function]
        if name in (shown, printable(shown)) or dotted(name) == shown:
            exact.append(function)
        elif f".{shown}".endswith(f".{dotted(name)}"):
            ending.append(function)
    return exact or ending


def matches_text(text: str, pattern: str) -> bool:
    """Return whether a pattern matches the ``repr`` of an argument; of a string its text too.

    Examples
    --------
    >>> [matches_text("'hann'", pattern) for pattern in ("'hann'", "hann", "h*", "nn")]
    [True, True, True, False]
    """
    texts = [text]
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        texts.append(text[1:-1])
    return any(t == pattern or (_has_wildcard(pattern) and fnmatchcase(t, pattern)) for t in texts)


def nearest(wanted: str, functions: Iterable[str]) -> list[str]:
    """Find the functions whose ids, or last parts, are most like what was written.

    Parameters
    ----------
    wanted : str
    functions : iterable of str
        Function ids, ``/`` between their parts.

    Returns
    -------
    nearest : list of str
        Dotted ids, at most three, the nearest first.
    """
    import difflib

    wanted = dotted(wanted.removeprefix("/"))
    parts = wanted.count(".") + 1
    full: dict[str, str] = {}
    for function in sorted(functions):
        name = dotted(function)
        full.setdefault(name, name)
        full.setdefault(".".join(name.split(".")[-parts:]), name)
    near = difflib.get_close_matches(wanted, full, n=_MOST_NEAR, cutoff=0.5)
    return list(dict.fromkeys(full[name] for name in near))


def or_nearest(name: str, known: Iterable[str]) -> str:
    """Repeat a name that was not found, with the nearest ones that there are."""
    near = [printable(function) for function in nearest(name, known)]
    hint = f"the nearest: {', '.join(near)}" if near else "acache stats lists them"
    return f"{printable(name)!r}; {hint}"


def _has_wildcard(pattern: str) -> bool:
    return not _WILDCARDS.isdisjoint(pattern)
