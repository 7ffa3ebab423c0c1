"""Uploads to a bucket, by a thread of their own: finished at exit, resumed where they were cut.

What is to be uploaded is written down first, a small file for each result in
``LOCATION/.acache/uploads``, and struck off when it is done. A process that finds the files of
another, which has ended, does its work.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from collections import deque
from hashlib import blake2b
from multiprocessing import util
from typing import TYPE_CHECKING, NamedTuple

from acache.store.bucket_format import entry_key, source_version
from acache.store.call_writer import location_of, own_folder
from acache.store.format import METADATA, OUTPUT, SOURCE
from acache.store.levels import level_path, recorded_level
from acache.system.liveness import may_be_writing

if TYPE_CHECKING:
    from acache.memory.engine.link import Link
    from acache.store.objects import Objects

_OTHER_HOST_SECONDS = 86_400.0  # after which the work of another host is done here
_LOOK_SECONDS = 1.0
_SILENT_SECONDS = 3.0  # at exit
_FIRST_AT_EXIT = 100  # of those who uploaded before: last, as their thread may have been started


class Upload(NamedTuple):
    """One result to upload.

    Attributes
    ----------
    note : str
        Path of the file that says so.
    function : str
        Function id, ``/`` between its parts.
    version : str
        Of its source; see `acache.store.bucket_format.source_version`.
    argument_hash : str
    """

    note: str
    function: str
    version: str
    argument_hash: str


class Uploads:
    """The uploads of one store to one bucket, from this process.

    Parameters
    ----------
    store : str
        Absolute path of the local store.
    link : acache.memory.engine.link.Link
    """

    def __init__(self, store: str, link: Link) -> None:
        self._store = store
        self._link = link
        name = blake2b(link.url.encode(), digest_size=8).hexdigest()
        self._folder = os.path.join(own_folder(store), "uploads", name)
        self._host = socket.gethostname().replace("-", "_")[:60]
        self._numbers = itertools.count()
        self._sources: set[tuple[str, str]] = set()  # that are in the bucket
        self._pending: deque[Upload] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._adopted: set[str] = set()
        self._ends = False

    def add(self, function: str, version: str, argument_hash: str) -> None:
        """Note an upload, and start on it soon."""
        from acache.store.objects import is_usable

        note = os.path.join(self._folder, f"{self._host}-{os.getpid()}-{next(self._numbers)}")
        try:
            _write_note(note, f"{version}\t{argument_hash}\t{function}")
        except OSError:
            note = ""  # the upload is not resumed if it is cut
        if not is_usable():
            return  # the process that this one was forked from does it
        with self._wake:
            self._pending.append(Upload(note, function, version, argument_hash))
            self._start()
            self._wake.notify()

    def _start(self) -> None:
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._work, name="acache-uploads", daemon=True)
        self._thread.start()
        # Unlike those of atexit these are called in the processes of multiprocessing too.
        util.Finalize(self, Uploads._finish, args=(self,), exitpriority=_FIRST_AT_EXIT)

    def _work(self) -> None:
        self._adopt()
        while True:
            with self._wake:
                while not self._pending:
                    if self._ends:
                        return
                    self._wake.wait()
                upload = self._pending[0]
            if self._try(upload):
                self._pending.popleft()
            elif self._ends:
                return
            else:
                with self._wake:
                    self._wake.wait(_LOOK_SECONDS)

    def _try(self, upload: Upload) -> bool:
        """Return whether nothing is left to do for an upload."""
        from acache.store.objects import RefusedError

        objects = self._link.open()
        if objects is None:
            return False
        try:
            self._upload(objects, upload)
        except RefusedError as error:
            self._link.refused(error)
        except (FileNotFoundError, PermissionError):
            pass  # evicted meanwhile, or somebody else's
        except OSError as error:
            self._link.failed(error)
            return False
        else:
            self._link.worked()
        if upload.note:
            with contextlib.suppress(OSError):
                os.unlink(upload.note)
        return True

    def _upload(self, objects: Objects, upload: Upload) -> None:
        if self._link.read_only:
            return
        folder = os.path.join(self._store, *upload.function.split("/"))
        with open(os.path.join(folder, SOURCE), "rb") as file:
            source = file.read()
        if source_version(source) != upload.version:
            return  # another version of the function has come, and the result is gone
        key = entry_key(upload.function, upload.version, upload.argument_hash)
        if (upload.function, upload.version) not in self._sources:
            objects.write(f"{os.path.dirname(key)}/{SOURCE}", source, overwrite=False)
            self._share_level(objects, upload.function)
            self._sources.add((upload.function, upload.version))
        entry = os.path.join(folder, upload.argument_hash)
        with open(os.path.join(entry, OUTPUT), "rb") as output:
            metadata = _read(os.path.join(entry, METADATA))
            if metadata is not None:
                objects.write(f"{key}/{METADATA}", metadata, overwrite=False)
            # Last, as it makes the entry a hit.
            objects.write(f"{key}/{OUTPUT}", output, overwrite=False)

    def _share_level(self, objects: Objects, function: str) -> None:
        """Upload the level of a function whose source does not show it."""
        level = recorded_level(location_of(self._store), function)
        if level is not None:
            objects.write(level_path(function), f"{level}\n".encode())

    def _adopt(self) -> None:
        """Take over what processes have left that ended."""
        try:
            with os.scandir(self._folder) as notes:
                found = [note for note in notes if self._is_left(note)]
        except OSError:
            return
        for note in found:
            with (
                contextlib.suppress(OSError, ValueError),
                open(note.path, encoding="utf-8") as file,
            ):
                version, argument_hash, function = file.read().split("\t")
                with self._wake:
                    self._pending.append(Upload(note.path, function, version, argument_hash))

    def _is_left(self, note: os.DirEntry[str]) -> bool:
        host, _, rest = note.name.partition("-")
        pid = rest.partition("-")[0]
        if not pid.isdecimal():
            return False
        try:
            modified = note.stat().st_mtime
        except OSError:
            return False
        if host != self._host:
            return time.time() - modified > _OTHER_HOST_SECONDS
        if int(pid) == os.getpid() or may_be_writing(int(pid), modified):
            return False
        is_new = note.name not in self._adopted
        self._adopted.add(note.name)
        return is_new

    def _finish(self) -> None:
        """Wait until all is uploaded, or the bucket cannot be reached."""
        if self._thread is None or self._process != os.getpid():
            return
        self._adopt()  # what forked processes have left
        self._link.retry()
        with self._wake:
            self._ends = True
            self._wake.notify()
        with contextlib.suppress(KeyboardInterrupt):  # what is left is resumed by another process
            self._thread.join(_SILENT_SECONDS)
            if self._thread.is_alive():
                self._link.warn(
                    f"{len(self._pending):,} results are still being uploaded to {self._link.url};"
                    " after Ctrl-C the next process goes on with them",
                    "exit",
                )
            self._thread.join()


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _write_note(path: str, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, flags, 0o666)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
