"""What a scan of a store finds: immutable data in base units (bytes, seconds)."""

from __future__ import annotations

import os
from typing import Literal, NamedTuple


class Usage(NamedTuple):
    """Space that something takes.

    Attributes
    ----------
    size_bytes : int >= 0
        Sum of the sizes of regular files, as joblib counts.
    disk_bytes : int >= 0 or None
        Allocated blocks of files and folders, as ``du`` counts; None if not reported.
    inodes : int >= 0 or None
        Files and folders, as ``du --inodes`` counts; None if not reported.
    """

    size_bytes: int
    disk_bytes: int | None
    inodes: int | None

    def plus(self, more: Usage) -> Usage:
        """Return the space that both take; None where that of either is not known."""
        size = self.size_bytes + more.size_bytes
        if self.disk_bytes is None or more.disk_bytes is None:
            return Usage(size, None, None)
        inodes = (self.inodes or 0) + (more.inodes or 0)
        return Usage(size, self.disk_bytes + more.disk_bytes, inodes)


class Entry(NamedTuple):
    """One cached call with its result.

    Attributes
    ----------
    function : str
        Function id: the path of the function's folder below the store, ``/`` between its parts.
    hash : str
        Argument hash, 32 lower-case hexadecimal digits.
    size_bytes, disk_bytes, inodes
        As in `Usage`, of the files that joblib wrote and of the folder that holds them.
    created : float
        When the result was written: modification time of ``output.pkl``, Unix seconds.
    last_access : float or None
        Access time of ``output.pkl``, Unix seconds; under relatime good to a day. None where the
        store has no such time.
    compute_seconds : float >= 0 or None
        What joblib recorded for computing and storing; None if that was not read, or not recorded.
    place : int
        Where the store keeps it. Two entries of one id, which stores of several layouts can hold,
        differ in it.
    """

    function: str
    hash: str
    size_bytes: int
    disk_bytes: int | None
    inodes: int | None
    created: float
    last_access: float | None
    compute_seconds: float | None = None
    place: int = 0

    @property
    def usage(self) -> Usage:
        """The space that it takes."""
        return Usage(self.size_bytes, self.disk_bytes, self.inodes)

    @property
    def used(self) -> float:
        """When it was last used, as far as is known: written, if nothing else; Unix seconds."""
        return self.created if self.last_access is None else self.last_access


class Leftover(NamedTuple):
    """A stray temporary file, or an entry folder without ``output.pkl``.

    Attributes
    ----------
    path : str
        Below the store, ``/`` between its parts.
    kind : {"file", "folder"}
        A temporary file; or an entry folder, its ``metadata.json`` included.
    function : str
        Function id of the folder that it is in, or of the entry folder that it is or is in.
    hash : str
        Argument hash of that entry folder; empty for a temporary file beside a source. Of an empty
        folder that held entries of the split layout, their first digits.
    usage : Usage
    modified : float
        Modification time, Unix seconds.
    in_flight : bool
        Whether somebody may still be writing it: a temporary file within the grace, or whose
        process lives on this host; a folder with such a file in it.
    failed : bool
        Whether it is an entry folder in which joblib failed to store the result.
    """

    path: str
    kind: Literal["file", "folder"]
    function: str
    hash: str
    usage: Usage
    modified: float
    in_flight: bool
    failed: bool = False


class Other(NamedTuple):
    """What is neither entry nor leftover: a source, a folder that holds others, or foreign.

    Attributes
    ----------
    path : str
        Below the store, ``/`` between its parts; empty for the store itself.
    kind : {"source", "folder", "foreign", "misplaced"}
        Misplaced is an ``output.pkl`` where no known version of joblib has one.
    function : str
        Function id of the folder that it is, or is in.
    usage : Usage
    """

    path: str
    kind: Literal["source", "folder", "foreign", "misplaced"]
    function: str
    usage: Usage


class Unreadable(NamedTuple):
    """Something below the store that could not be read.

    Attributes
    ----------
    path : str
        Below the store, ``/`` between its parts; empty for the store itself.
    reason : str
    kind : {"folder", "metadata"}
        A folder, in which there may be anything; or the ``metadata.json`` of an entry that was
        found all the same.
    function : str
        Function id of what is at the path; empty for the store itself.
    hash : str
        Argument hash, if it is named like an entry; or else empty.
    """

    path: str
    reason: str
    kind: Literal["folder", "metadata"] = "folder"
    function: str = ""
    hash: str = ""

    def message(self) -> str:
        """Describe it in a line."""
        return f"cannot read {self.path or 'the store'}: {self.reason}"


Found = Entry | Leftover | Other | Unreadable


class Metadata(NamedTuple):
    """What joblib recorded beside a result, in ``metadata.json``.

    Attributes
    ----------
    duration : float >= 0 or None
        Seconds of computing and storing; None where it was not recorded.
    time : float or None
        Start of the write, Unix seconds; None before joblib 1.3.
    input_args : dict of str to str
        ``repr`` of each argument.
    """

    duration: float | None
    time: float | None
    input_args: dict[str, str]


class FolderStatus(NamedTuple):
    """A module's or function's folder, for checks of who may write to it.

    Attributes
    ----------
    path : str
        Absolute.
    status : os.stat_result
    is_function : bool
        Whether it holds a source, or something named like an entry.
    links : tuple of str
        Absolute paths of the links to folders in it.
    """

    path: str
    status: os.stat_result
    is_function: bool
    links: tuple[str, ...]


class ForeignResult(NamedTuple):
    """Something foreign that joblib reads as a result, or looks for results in.

    Attributes
    ----------
    path : str
        Below the store.
    is_link : bool
        A link leads anywhere: what it leads to is not checked, nor ever removed. Else it is an
        ``output.pkl`` that is not a regular file.
    """

    path: str
    is_link: bool
