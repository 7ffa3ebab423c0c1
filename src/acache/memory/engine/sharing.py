"""Results that are shared through a bucket: fetched before one is computed, uploaded after.

The local store answers first. What it lacks is looked for in the bucket, under the source that the
function has here, and judged before it becomes an entry: a pickle that may run code is computed
instead. Where the bucket is away, slow or forbidden there is one warning, and the local store goes
on alone.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from acache.memory.engine.link import Link
from acache.memory.engine.uploads import Uploads
from acache.store.bucket_format import entry_key, source_version
from acache.store.changes import LARGEST_SOURCE
from acache.store.format import METADATA, OUTPUT, parse_metadata

if TYPE_CHECKING:
    from acache.store.objects import Objects

_LARGEST_METADATA = 16 << 20  # bytes


class Fetched(NamedTuple):
    """A result from a bucket, that is not in the store yet.

    Attributes
    ----------
    path : str
        Of a temporary file in the entry's folder; its pickle has been judged.
    metadata : bytes or None
        What was recorded of it.
    """

    path: str
    metadata: bytes | None

    def place(self) -> None:
        """Make an entry of it."""
        folder, name = os.path.split(self.path)
        if self.metadata is not None:
            temporary = os.path.join(folder, METADATA + name.removeprefix(OUTPUT))
            with open(temporary, "wb") as file:
                file.write(self.metadata)
            os.replace(temporary, os.path.join(folder, METADATA))
        os.replace(self.path, os.path.join(folder, OUTPUT))

    def discard(self) -> None:
        """Remove the temporary file, and its folder if nothing else is in it."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.path))


class SharedFunction(Protocol):
    """What is to be known of a function; see `acache.memory.engine.callers.CachedFunction`."""

    name: str
    source_path: str

    def source_state(self) -> tuple[int, int, int] | None:
        """Return what changes when the stored source is written."""

    def output_path(self, argument_hash: str) -> str:
        """Return where a result is."""


class Sharing:
    """What one store shares through a bucket. No method raises because of the bucket.

    Parameters
    ----------
    store : str
        Absolute path of the local store.
    url : str
    read_only : bool
    allowed : sequence of str
        ``MODULE.NAME`` of classes and functions that are trusted.
    """

    def __init__(
        self, store: str, url: str, *, read_only: bool, allowed: Sequence[str] = ()
    ) -> None:
        self._allowed = allowed
        self._store = store
        self._link = Link(url, read_only=read_only)
        self._versions: dict[str, tuple[Any, str]] = {}
        self._uploads: Uploads | None = None
        self._lock = threading.Lock()

    def fetch(self, function: SharedFunction, argument_hash: str) -> Fetched | None:
        """Download a result beside the place where it belongs.

        Parameters
        ----------
        function : SharedFunction
        argument_hash : str

        Returns
        -------
        fetched : Fetched or None
            None if there is no such result, or loading it may run code.
        """
        objects = self._link.open()
        version = None if objects is None else self._version(function)
        if objects is None or version is None:
            return None
        key = entry_key(function.name, version, argument_hash)
        folder = os.path.dirname(function.output_path(argument_hash))
        ending = f"{uuid.uuid4().hex}-{os.getpid()}-{threading.get_ident()}"
        temporary = os.path.join(folder, f"{OUTPUT}.{ending}")
        fetched = Fetched(temporary, None)
        # While the result is on its way.
        other = _Reading(objects, f"{key}/{METADATA}")
        try:
            objects.download(f"{key}/{OUTPUT}", temporary, found=other.start)
            self._link.worked()
            reason = _judged(temporary, self._allowed)
            if reason:
                name = function.name.replace("/", ".")
                self._link.warn(
                    f"a result of {name} in {self._link.url} is not used, but computed: {reason}",
                    function.name,
                )
            else:
                other.join()
                return fetched._replace(metadata=other.data)
        except FileNotFoundError:
            self._link.worked()
        except OSError as error:
            self._link.failed(error)
        fetched.discard()
        return None

    def stored(self, function: SharedFunction, argument_hash: str) -> None:
        """Upload a result that this process has stored, off the caller's path."""
        if self._link.read_only:
            return
        version = self._version(function)
        if version is not None:
            self._prepared().add(function.name, version, argument_hash)

    def _prepared(self) -> Uploads:
        with self._lock:
            if self._uploads is None:
                self._uploads = Uploads(self._store, self._link)
            return self._uploads

    def _version(self, function: SharedFunction) -> str | None:
        """Return what names the source of a function; None where it cannot be read."""
        state = function.source_state()
        known = self._versions.get(function.name)
        if known is not None and known[0] == state:
            return known[1]
        try:
            with open(function.source_path, "rb") as file:
                data = file.read(LARGEST_SOURCE)
        except OSError:
            return None
        version = source_version(data)
        self._versions[function.name] = state, version
        return version


class _Reading(threading.Thread):
    """Reads what was recorded of an entry.

    Attributes
    ----------
    data : bytes or None
        If it is what joblib writes.
    """

    def __init__(self, objects: Objects, key: str) -> None:
        super().__init__(name="acache-metadata", daemon=True)
        self.data: bytes | None = None
        self._objects = objects
        self._key = key

    def run(self) -> None:
        """Read it; what fails is only a record."""
        with contextlib.suppress(OSError, ValueError):
            data = self._objects.read(self._key, limit=_LARGEST_METADATA)
            parse_metadata(data)
            self.data = data


def _judged(path: str, allowed: Sequence[str]) -> str:
    """Return what is wrong with loading a result, as ``acache verify`` judges it; or nothing."""
    from acache.operations.verify.result import ResultCheck
    from acache.pickles import MissingPackageError
    from acache.pickles.safety import Judge

    try:
        with open(path, "rb", buffering=0) as file:
            verdict = ResultCheck(Judge(allowed))(file)
    except MissingPackageError as error:
        return str(error)
    return "" if verdict is None else verdict.message
