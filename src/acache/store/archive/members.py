"""The names of an archive's members, and what they are: those of a location as joblib lays it out.

An archive may come from anybody. So a name is taken apart and checked, and paths are made of the
checked ids alone.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from acache.store.format import METADATA, OUTPUT, SOURCE, dotted, is_hash
from acache.store.layout import JOBLIB, SPLIT, entry_path, is_group, is_rest
from acache.store.levels import OWN_FOLDER
from acache.store.outside import UnsafeNameError, require_function

IGNORE = ".gitignore"
_LEVELS = (OWN_FOLDER, "levels")
_DRIVE = re.compile(r"[A-Za-z]:")

Kind = Literal["source", "metadata", "output", "level"]


class Name(NamedTuple):
    """What a member is, by its name.

    Attributes
    ----------
    kind : {"source", "metadata", "output", "level"}
    function : str
        Function id, ``/`` between its parts; of a level dotted.
    hash : str
        Argument hash; empty for a source or a level.
    place : int
        See `acache.store.model.Entry`.
    """

    kind: Kind
    function: str
    hash: str = ""
    place: int = 0


def source_name(function: str) -> str:
    """Return the name of a function's source."""
    return f"{JOBLIB}/{function}/{SOURCE}"


def entry_name(function: str, argument_hash: str, file: str, *, split: bool) -> str:
    """Return the name of a file of an entry."""
    return f"{JOBLIB}/{entry_path(function, argument_hash, SPLIT if split else 0)}/{file}"


def level_name(function: str) -> str:
    """Return the name of what keeps a function's level."""
    return "/".join((*_LEVELS, dotted(function)))


def parts_of(name: str) -> tuple[str, ...]:
    """Take a name apart.

    Raises
    ------
    UnsafeNameError
        If it could lead out of the folder that the archive is unpacked into, or is not one that
        could stand in a store.
    """
    path = name.rstrip("/")
    while path.startswith("./"):
        path = path[2:]
    parts = tuple(path.split("/"))
    if name.startswith("/") or _DRIVE.match(name):
        raise UnsafeNameError("its name is absolute")
    if ".." in parts:
        raise UnsafeNameError("its name leads out of the archive")
    if "\\" in name or not name.isprintable() or "" in parts[1:] or "." in parts[1:]:
        raise UnsafeNameError("its name is odd")
    return () if path in ("", ".") else parts


def root_of(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folder of the store that a source is in: up to ``joblib``, or nothing."""
    above = parts[:-2]  # neither the source itself nor the function
    return above[: above.index(JOBLIB) + 1] if JOBLIB in above else ()


def parse(parts: tuple[str, ...], root: tuple[str, ...]) -> Name | None:
    """Return what a member is in a store; None if it is nothing that is copied.

    Parameters
    ----------
    parts : tuple of str
        See `parts_of`.
    root : tuple of str
        The folder of the store, in parts.

    Raises
    ------
    UnsafeNameError
        If it names a function or an entry that cannot be.
    """
    location = root[:-1] if root[-1:] == (JOBLIB,) else root
    depth = len(location)
    if parts[:depth] == location and parts[depth : depth + 2] == _LEVELS:
        return Name("level", parts[-1]) if len(parts) == depth + 3 else None
    if parts[: len(root)] != root:
        return None
    *above, file = parts[len(root) :] or ("",)
    if file == SOURCE and above:
        return _named("source", above)
    if file not in (METADATA, OUTPUT) or len(above) < 2:
        return None
    kind: Kind = "metadata" if file == METADATA else "output"
    if is_hash(above[-1]):
        return _named(kind, above[:-1], above[-1])
    if is_rest(above[-1]) and is_group(above[-2]) and len(above) > 2:
        return _named(kind, above[:-2], above[-2] + above[-1], SPLIT)
    return None


def _named(kind: Kind, function: list[str], argument_hash: str = "", place: int = 0) -> Name:
    name = "/".join(function)
    require_function(name)
    return Name(kind, name, argument_hash, place)
