"""What a scan of a store finds: plain, immutable data in base units (bytes, seconds)."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Usage(NamedTuple):
    """Room that something takes on disk.

    Attributes
    ----------
    size_bytes : int >= 0
        Sum of the sizes of regular files, as joblib counts.
    disk_bytes : int >= 0 or None
        Allocated blocks of files and folders, as ``du`` counts; None where the system cannot tell.
    inodes : int >= 0 or None
        Files and folders, as ``du --inodes`` counts; None where the system cannot tell.
    """

    size_bytes: int
    disk_bytes: int | None
    inodes: int | None

    def plus(self, more: Usage) -> Usage:
        """Return the room that both take; what either cannot tell, their sum cannot."""
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
    last_access : float
        Access time of ``output.pkl``, Unix seconds; under relatime good to a day.
    compute_seconds : float >= 0 or None
        What joblib recorded for computing and storing; None if that was not read, or not recorded.
    """

    function: str
    hash: str
    size_bytes: int
    disk_bytes: int | None
    inodes: int | None
    created: float
    last_access: float
    compute_seconds: float | None = None


class Leftover(NamedTuple):
    """A stray temporary file, or an entry folder without ``output.pkl``.

    Attributes
    ----------
    path : str
        Below the store, ``/`` between its parts.
    kind : {"file", "folder"}
        A temporary file; or an entry folder, its ``metadata.json`` included.
    usage : Usage
    modified : float
        Modification time, Unix seconds.
    """

    path: str
    kind: Literal["file", "folder"]
    usage: Usage
    modified: float


class Other(NamedTuple):
    """What is neither entry nor leftover: a source, a function's or module's folder, or foreign.

    Attributes
    ----------
    path : str
        Below the store, ``/`` between its parts; empty for the store itself.
    kind : {"source", "folder", "foreign"}
    usage : Usage
    """

    path: str
    kind: Literal["source", "folder", "foreign"]
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
    """

    path: str
    reason: str
    kind: Literal["folder", "metadata"] = "folder"

    def told(self) -> str:
        """Tell it in a line."""
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
