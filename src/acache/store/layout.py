"""Where joblib puts what it stores: two layouts of entries, and two stores in one location.

The flat layout is ``FUNCTION/HASH``, that of joblib up to 1.6. The split layout, of joblib's pull
request 1781, is ``FUNCTION/abc/<the other 29 digits>``. A store may hold both, even of one entry.

A location may hold the store of a ``str``, ``LOCATION/joblib``, and beside it that of a
`pathlib.Path`, which is the location itself (joblib's issue 1684). Both are one store here, whose
folder is the location; function ids do not tell them apart.
"""

from __future__ import annotations

from acache.store.format import HASH_DIGITS

JOBLIB = "joblib"  # the folder in a location that was given as str

# Bits of an entry's place.
SPLIT = 1
BELOW_JOBLIB = 2  # in a location with two stores

_GROUP_DIGITS = 3
_REST_DIGITS = 29


def is_group(name: str) -> bool:
    """Return whether a folder of that name may hold entries of the split layout."""
    return len(name) == _GROUP_DIGITS and not name.strip(HASH_DIGITS)


def is_rest(name: str) -> bool:
    """Return whether a name has the form of an entry's folder in the split layout."""
    return len(name) == _REST_DIGITS and not name.strip(HASH_DIGITS)


def is_surely_group(name: str) -> bool:
    """Return whether a name is a group's, and cannot be a function's or module's."""
    return is_group(name) and not name.isidentifier()


def join(path: str, name: str) -> str:
    """Join a path below the store and a name, with ``/`` on every system."""
    return f"{path}/{name}" if path else name


def function_path(function: str, place: int) -> str:
    """Return where a function's folder is, below the store.

    Parameters
    ----------
    function : str
        Function id, ``/`` between its parts.
    place : int
        See `acache.store.model.Entry`.
    """
    if not place & BELOW_JOBLIB:
        return function
    return f"{JOBLIB}/{function}" if function else JOBLIB


def entry_path(function: str, argument_hash: str, place: int) -> str:
    """Return where an entry's folder is, below the store; see `function_path`."""
    name = "/".join(divide(argument_hash)) if place & SPLIT else argument_hash
    return join(function_path(function, place), name)


def divide(argument_hash: str) -> tuple[str, str]:
    """Return the names of an entry's group, and of its folder in that, in the split layout."""
    return argument_hash[:_GROUP_DIGITS], argument_hash[_GROUP_DIGITS:]
