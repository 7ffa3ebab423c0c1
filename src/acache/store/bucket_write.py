"""Writing to object storage: each object whole or not at all, and a result after all else.

Entries go where `acache.store.bucket_format` has them, by their function's source: there is no
other source that they could be taken for. Times are the server's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import BinaryIO, cast

from acache.store.bucket_format import source_version
from acache.store.changes import Check, Convert, StoredEntry, StoredSource, Writing
from acache.store.format import METADATA, OUTPUT, SOURCE
from acache.store.layout import JOBLIB
from acache.store.levels import level_path
from acache.store.objects import Objects
from acache.store.outside import require_function, require_hash
from acache.system.streams import copy_exactly

_MOST_IN_MEMORY = 16 << 20  # bytes


class BucketWriting(Writing):
    """Writes into a bucket; see `acache.store.changes.Writing`.

    Parameters
    ----------
    objects : Objects
    key_of : callable
        Returns the key of an entry's folder that is there; takes its function, argument hash and
        place.
    dry_run : bool
    known : dict of str to set of str, optional
        Keys of results, by folder: gets those that are listed, and is asked first.
    """

    def __init__(
        self,
        objects: Objects,
        key_of: Callable[[str, str, int | None], str],
        *,
        dry_run: bool,
        known: dict[str, set[str]] | None = None,
    ) -> None:
        self._objects = objects
        self._key_of = key_of
        self._dry_run = dry_run
        self._known = {} if known is None else known
        self._folder = ""  # of the function that `source` was called for
        self._held: set[str] = set()  # the keys of its results

    def source(self, function: str, source: StoredSource) -> None:
        """Write the source where it is not, and list the results that there are for it."""
        require_function(function)
        self._folder = f"{JOBLIB}/{function}/{source_version(source.data)}"
        if self._folder in self._known:
            self._held = self._known[self._folder]
            return
        self._held = self._known[self._folder] = {
            one.key
            for page in self._objects.pages(self._folder)
            for one in page
            if one.key.endswith(f"/{OUTPUT}")
        }
        if not self._dry_run:
            self._objects.write(f"{self._folder}/{SOURCE}", source.data, overwrite=False)

    def level(self, function: str, level: int) -> None:
        """Keep it beside the store."""
        if not self._dry_run:
            self._objects.write(level_path(function), f"{level}\n".encode())

    def holds(self, function: str, argument_hash: str) -> bool:
        """Return whether a result was listed."""
        return f"{self._folder}/{argument_hash}/{OUTPUT}" in self._held

    def entry(
        self,
        function: str,
        argument_hash: str,
        stored: StoredEntry,
        *,
        overwrite: bool = False,
        check: Check | None = None,
    ) -> bool:
        """Write an entry, by way of a temporary file: the server is to get all of it."""
        require_hash(argument_hash)
        key = f"{self._folder}/{argument_hash}/{OUTPUT}"
        if key in self._held and not overwrite:
            return False
        with tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY) as spooled:
            output = cast("BinaryIO", spooled)
            copy_exactly(stored.output, output.write, stored.size_bytes)
            if check is not None:
                output.seek(0)
                check(output)
            if self._dry_run:
                return True
            if stored.metadata is not None:
                self._objects.write(f"{self._folder}/{argument_hash}/{METADATA}", stored.metadata)
            output.seek(0)
            written = self._objects.write(key, output, overwrite=overwrite)
        self._held.add(key)
        return written

    def rewrite(
        self, function: str, argument_hash: str, place: int, convert: Convert
    ) -> bool | None:
        """Replace a result by another form of it: a download, and an upload."""
        key = f"{self._key_of(function, argument_hash, place)}/{OUTPUT}"
        try:
            old = self._objects.open(key)
        except FileNotFoundError:
            return None
        with old, tempfile.SpooledTemporaryFile(_MOST_IN_MEMORY) as spooled:
            new = cast("BinaryIO", spooled)
            if not convert(old, new):
                return False
            if not self._dry_run:
                new.seek(0)
                self._objects.write(key, new)
        return True
