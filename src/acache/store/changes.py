"""What changes a store, an entry at a time: removal and writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, NamedTuple, Protocol

from acache.store.format import FIRST_LINE
from acache.store.model import Entry, Leftover
from acache.system.errors import AcacheError

LARGEST_SOURCE = 16 << 20  # bytes

# Is given a result before anybody can see it, at its beginning; what it raises keeps it out.
Check = Callable[[BinaryIO], None]
# Reads an old result and writes a new one; returns whether the new one is to replace it.
Convert = Callable[[BinaryIO, BinaryIO], bool]


class StoredSource(NamedTuple):
    """A function's ``func_code.py``, as it is.

    Attributes
    ----------
    data : bytes
    modified_ns : int
        Modification time, Unix nanoseconds.
    """

    data: bytes
    modified_ns: int

    @property
    def code(self) -> bytes:
        """What joblib compares: all but its own line about the first line."""
        if self.data.startswith(FIRST_LINE.encode()):
            return self.data.partition(b"\n")[2]
        return self.data


class StoredEntry(NamedTuple):
    """The files of an entry, opened to be copied as they are.

    Attributes
    ----------
    output : binary file
        ``output.pkl``, to be read once from where it stands to its end.
    size_bytes : int >= 0
        How much can be read from it.
    created_ns : int
        When the result was written: modification time of ``output.pkl``, Unix nanoseconds.
    last_access_ns : int
        Access time of ``output.pkl``, Unix nanoseconds.
    metadata : bytes or None
        ``metadata.json``; None if there is none.
    recorded_ns : int
        Modification time of ``metadata.json``, Unix nanoseconds.
    """

    output: BinaryIO
    size_bytes: int
    created_ns: int
    last_access_ns: int
    metadata: bytes | None
    recorded_ns: int


class SourceDiffersError(AcacheError):
    """The entries that a store has of a function may be results of other code."""


class PartlyRemovedError(OSError):
    """An entry is a miss from now on, but something that belonged to it could not be removed."""


class Removal(Protocol):
    """Removes from a store. What another process removed meanwhile is not an error."""

    def entry(
        self,
        function: str,
        argument_hash: str,
        *,
        place: int | None = None,
        created: float | None = None,
        last_access: float | None = None,
    ) -> bool:
        """Remove an entry, with its own temporary files past the grace.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        argument_hash : str
        place : int, optional
            See `acache.store.model.Entry`; by default the first that holds such an entry.
        created : float, optional
            When it was written, Unix seconds: a result of another time is kept.
        last_access : float, optional
            Unix seconds: a result that was used since is kept.

        Returns
        -------
        removed : bool
            Whether this call made a hit a miss.

        Raises
        ------
        PartlyRemovedError
            If its result is gone, and something else of it could not be removed.
        OSError
            If it could not be removed.
        """

    def entries(self, batch: Sequence[Entry], *, unused: bool = False) -> list[bool | OSError]:
        """Remove entries that a scan found.

        Parameters
        ----------
        batch : sequence of Entry
        unused : bool
            Whether a result that was used since is kept.

        Returns
        -------
        outcomes : list of bool or OSError
            Of each entry what `entry` returns or raises.
        """
        return [self._outcome(entry, unused=unused) for entry in batch]

    def _outcome(self, entry: Entry, *, unused: bool) -> bool | OSError:
        try:
            return self.entry(
                entry.function,
                entry.hash,
                place=entry.place,
                created=entry.created,
                last_access=entry.last_access if unused else None,
            )
        except OSError as error:
            return error

    def leftover(self, leftover: Leftover) -> bool:
        """Remove a leftover, unless it may still be written to or has become an entry.

        Returns
        -------
        removed : bool
            Whether it is gone. In a folder that holds something foreign, only what joblib wrote is
            removed.
        """


class Writing(Protocol):
    """Writes into a store what another one holds: each thing complete, or not at all.

    Function ids and argument hashes may come from anywhere.
    """

    def source(self, function: str, source: StoredSource) -> None:
        """Begin with a function: see that it has this source, or give it to a new function.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts. The entries that follow are of this function.
        source : StoredSource

        Raises
        ------
        SourceDiffersError
            If it has another one, or entries and none.
        UnsafeNameError
            If the function id could name what is not in the store.
        OSError
            If that cannot be read or written.
        """

    def level(self, function: str, level: int) -> None:
        """Keep the level of a function; see `acache.store.levels.record_level`."""

    def holds(self, function: str, argument_hash: str) -> bool:
        """Return whether there is an entry with a result, in whatever layout."""

    def entry(
        self,
        function: str,
        argument_hash: str,
        stored: StoredEntry,
        *,
        overwrite: bool = False,
        check: Check | None = None,
    ) -> bool:
        """Write an entry of the function that `source` was called for, its times included.

        Parameters
        ----------
        function, argument_hash : str
        stored : StoredEntry
        overwrite : bool
            Whether to replace an entry that is there, unless its result has the same size and time.
        check : callable, optional
            Is given the result before anybody can see it; what it raises keeps it out.

        Returns
        -------
        written : bool
            False if there is one already, which stays.

        Raises
        ------
        SourceDiffersError
            If the function has got another source, or was removed, since `source` was called.
        UnsafeNameError
            If the argument hash is not one.
        OSError
            If it cannot be written.
        """

    def rewrite(
        self, function: str, argument_hash: str, place: int, convert: Convert
    ) -> bool | None:
        """Replace an entry's result by another form of it, its times kept.

        Parameters
        ----------
        function, argument_hash : str
        place : int
            See `acache.store.model.Entry`.
        convert : callable
            Reads the old result and writes the new one.

        Returns
        -------
        replaced : bool or None
            False if `convert` returned False; None if the entry was removed or written again
            meanwhile. Nothing is changed then.

        Raises
        ------
        OSError
            If it cannot be read or written.
        """
