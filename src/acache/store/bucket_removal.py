"""Deletion from object storage: many objects by one request.

A result goes together with what else there is of its entry. One that another process writes again
meanwhile is the same, and is only computed or uploaded once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acache.store.changes import Removal
from acache.store.format import METADATA, OUTPUT
from acache.store.model import Entry, Leftover
from acache.store.objects import Objects


class BucketRemoval(Removal):
    """Removes from a bucket; see `acache.store.store.Removal`.

    Parameters
    ----------
    objects : Objects
    key_of : callable
        Returns the key of a path below the store.
    folder_of : callable
        Returns the path of an entry's folder; takes its function, argument hash and place.
    deadline : float
        Unix seconds; a leftover that was written later stays.
    """

    def __init__(
        self,
        objects: Objects,
        key_of: Callable[[str], str],
        folder_of: Callable[[str, str, int | None], str],
        *,
        deadline: float,
    ) -> None:
        self._objects = objects
        self._key_of = key_of
        self._folder_of = folder_of
        self._deadline = deadline

    def entry(
        self,
        function: str,
        argument_hash: str,
        *,
        place: int | None = None,
        created: float | None = None,
        last_access: float | None = None,
    ) -> bool:
        """Remove an entry, whenever it was written or used."""
        self._objects.delete(self._keys(function, argument_hash, place))
        return True

    def entries(self, batch: Sequence[Entry], *, unused: bool = False) -> list[bool | OSError]:
        """Remove entries by as few requests as there can be."""
        keys = [key for one in batch for key in self._keys(one.function, one.hash, one.place)]
        try:
            self._objects.delete(keys)
        except OSError as error:  # some may be gone; to remove them again is no error
            return [error] * len(batch)
        return [True] * len(batch)

    def _keys(self, function: str, argument_hash: str, place: int | None) -> list[str]:
        folder = self._folder_of(function, argument_hash, place)
        return [self._key_of(f"{folder}/{name}") for name in (OUTPUT, METADATA)]

    def leftover(self, leftover: Leftover) -> bool:
        """Remove a leftover, unless it was written within the grace or has become an entry."""
        if leftover.modified > self._deadline:
            return False
        key = self._key_of(leftover.path)
        if leftover.kind == "file":
            self._objects.delete([key])
            return True
        _, objects = self._objects.children(key)
        if f"{key}/{OUTPUT}" in objects:
            return False
        self._objects.delete([f"{key}/{METADATA}"])
        return True
