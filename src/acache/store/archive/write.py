"""Writing an archive: under another name first, which it gets at the end, or nothing is changed."""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
import uuid
from types import TracebackType
from typing import BinaryIO
from zlib import crc32

from acache.store.archive.archive import MARK, ArchiveStore
from acache.store.archive.members import entry_name, level_name, source_name
from acache.store.archive.streams import Writer, compression_of, packing
from acache.store.archive.tar import (
    Member,
    checksum_of_name,
    write_comment,
    write_end,
    write_header,
    write_padding,
)
from acache.store.changes import (
    Check,
    Convert,
    SourceDiffersError,
    StoredEntry,
    StoredSource,
    Writing,
)
from acache.store.files import IGNORE, IGNORE_CONTENT
from acache.store.format import METADATA, OUTPUT, dotted
from acache.store.layout import SPLIT
from acache.store.leftovers import GRACE_SECONDS
from acache.store.model import Entry
from acache.store.outside import require_function, require_hash
from acache.system.errors import AcacheError, ConfigurationError
from acache.system.liveness import may_be_writing
from acache.system.streams import copy_exactly
from acache.system.tempdir import seekable

_IN_MEMORY = 16 << 20  # bytes: what is read whole before it is written


class ArchiveWriting(Writing):
    """Writes an archive that replaces another one; see `acache.store.changes.Writing`.

    What is in the old archive is copied at the end, unless nothing has come to it.

    Parameters
    ----------
    archive : ArchiveStore
        The old one, which need not exist.
    split : bool
        Whether entries get the split layout.
    dry_run : bool
    """

    def __init__(self, archive: ArchiveStore, *, split: bool, dry_run: bool) -> None:
        self._archive = archive
        self._split = split
        self._dry_run = dry_run
        self._sources: dict[str, bytes] = {}  # written
        self._levels: set[str] = set()  # written, dotted
        self._entries: dict[str, set[bytes]] = {}  # written: argument hashes
        self._old: dict[str, set[bytes]] = {}
        self._packer: Writer | None = None
        self._function: str | None = None

    def __enter__(self) -> ArchiveWriting:
        path = self._archive.path
        try:
            compression = compression_of(path)
        except KeyError:
            raise ConfigurationError(f"{path} is not named like an archive") from None
        if self._archive.exists:
            self._look_up()
        if not self._dry_run:
            folder, name = os.path.split(path)
            _remove_remains(folder, name)
            self._temporary = os.path.join(folder, f".{name}.{uuid.uuid4().hex}-{os.getpid()}")
            self._file: BinaryIO = open(self._temporary, "xb")
            try:
                self._packer = packing(self._file, compression)
                self._begin(self._packer)
            except BaseException:
                self._abandon()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._packer is None:
            return
        if kind is not None or not any(self._entries.values()):
            self._abandon()
            return
        try:
            self._add_old()
            write_end(self._packer)
            self._packer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._temporary, self._archive.path)
        except BaseException:
            self._abandon()
            raise

    def source(self, function: str, source: StoredSource) -> None:
        """Compare the source of the old archive, or write it before the function's entries."""
        require_function(function)
        old = self._archive.stored_source(function)
        code = self._sources.get(function, old.code if old is not None else None)
        if code is not None and code != source.code:
            raise SourceDiffersError("its source differs in the target")
        if code is None and function in self._old:
            raise SourceDiffersError(
                "the target has results of it and no source, so they may be of other code"
            )
        self._function = function
        self._put_source(function, old or source)

    def level(self, function: str, level: int) -> None:
        """Write it, once."""
        if self._packer is not None and dotted(function) not in self._levels:
            self._levels.add(dotted(function))
            self._file_of(level_name(function), f"{level}\n".encode(), 0)

    def holds(self, function: str, argument_hash: str) -> bool:
        """Look it up among what is in the old archive, and what was written."""
        digest = bytes.fromhex(argument_hash)
        return any(digest in known.get(function, ()) for known in (self._entries, self._old))

    def entry(
        self,
        function: str,
        argument_hash: str,
        stored: StoredEntry,
        *,
        overwrite: bool = False,
        check: Check | None = None,
    ) -> bool:
        """Write the metadata, then the result."""
        require_hash(argument_hash)
        if self._function != function:
            raise ValueError(f"source() was not called for {function!r}")
        digest = bytes.fromhex(argument_hash)
        written = self._entries.setdefault(function, set())
        if digest in written or (not overwrite and digest in self._old.get(function, ())):
            return False
        if check is None:
            self._put_entry(function, argument_hash, stored)
        else:
            parent = None if self._dry_run else os.path.dirname(self._archive.path)
            with seekable(stored.output, parent=parent) as file:
                check(file)
                file.seek(0)
                self._put_entry(function, argument_hash, stored._replace(output=file))
        written.add(digest)
        return True

    def rewrite(
        self, function: str, argument_hash: str, place: int, convert: Convert
    ) -> bool | None:
        """Do nothing: an archive is not changed in place."""
        raise AcacheError("an archive is not changed in place")

    def _look_up(self) -> None:
        """Look up what the old archive holds."""
        path = self._archive.path
        if not self._archive.is_marked():
            raise ConfigurationError(
                f"{path} was not written by acache copy, which would drop what it does not know in"
                " it; give another name"
            )
        for function in self._archive.functions():
            digests = map(bytes.fromhex, self._archive.hashes(function))
            self._old[function] = set(digests)
        if self._archive.damage is not None:
            raise AcacheError(f"{path}: {self._archive.damage}; remove it, or give another name")
        self._old = {function: known for function, known in self._old.items() if known}

    def _begin(self, packer: Writer) -> None:
        write_comment(packer, MARK)
        self._file_of(IGNORE, IGNORE_CONTENT, 0)

    def _add_old(self) -> None:
        """Add what the old archive holds, and was not written anew."""
        for found in self._archive.scan() if self._old else ():
            if not isinstance(found, Entry):
                continue
            digest = bytes.fromhex(found.hash)
            written = self._entries.setdefault(found.function, set())
            source = self._archive.stored_source(found.function)
            if digest in written or source is None:
                continue
            self._put_source(found.function, source)
            with self._archive.open_entry(found.function, found.hash) as stored:
                split = bool(found.place & SPLIT)
                self._put_entry(found.function, found.hash, stored, split=split)
            written.add(digest)

    def _put_source(self, function: str, source: StoredSource) -> None:
        """Write what must come before the entries of a function."""
        if function in self._sources:
            return
        self._sources[function] = source.code
        if self._packer is not None:
            self._file_of(source_name(function), source.data, source.modified_ns)
        level = self._archive.recorded_level(function)
        if level is not None:
            self.level(function, level)

    def _put_entry(
        self, function: str, argument_hash: str, stored: StoredEntry, *, split: bool | None = None
    ) -> None:
        if self._packer is None:
            return
        split = self._split if split is None else split
        if stored.metadata is not None:
            name = entry_name(function, argument_hash, METADATA, split=split)
            self._file_of(name, stored.metadata, stored.recorded_ns)
        name = entry_name(function, argument_hash, OUTPUT, split=split)
        times = stored.created_ns, stored.last_access_ns
        self._add(Member(name, "file", "", stored.size_bytes, *times), stored.output)

    def _add(self, member: Member, content: BinaryIO) -> None:
        """Write a file, after reading it once: what cannot be read is then no gap in the archive.

        Its checksum comes before it, too.
        """
        if member.size_bytes <= _IN_MEMORY:
            data = io.BytesIO()
            copy_exactly(content, data.write, member.size_bytes)
            data.seek(0)
            self._put(member, data)
        else:
            with seekable(content, parent=os.path.dirname(self._archive.path)) as file:
                self._put(member, file)

    def _put(self, member: Member, file: BinaryIO) -> None:
        assert self._packer is not None
        start, summed = file.tell(), _Checksum(checksum_of_name(member.name))
        copy_exactly(file, summed.add, member.size_bytes)
        file.seek(start)
        try:
            write_header(self._packer, member._replace(checksum=summed.value))
            copy_exactly(file, self._packer.write, member.size_bytes)
            write_padding(self._packer, member.size_bytes)
        except OSError as error:  # what follows would not be found
            reason = error.strerror or str(error)
            raise AcacheError(f"{self._archive.path} cannot be written: {reason}") from error

    def _file_of(self, name: str, data: bytes, modified_ns: int) -> None:
        self._add(Member(name, "file", "", len(data), modified_ns, modified_ns), io.BytesIO(data))

    def _abandon(self) -> None:
        """Remove what was begun."""
        if self._packer is not None:
            # First: since Python 3.13 one that is left open writes when it is collected.
            with contextlib.suppress(Exception):
                self._packer.close()
        with contextlib.suppress(Exception):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._temporary)
        self._packer = None


class _Checksum:
    """The checksum of what is written here, and kept nowhere."""

    def __init__(self, value: int) -> None:
        self.value = value

    def add(self, data: bytes) -> None:
        self.value = crc32(data, self.value)


def _remove_remains(folder: str, name: str) -> None:
    """Remove what writing an archive of a name left where it was killed, after the usual grace."""
    begun = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{32}}-(\d+)", re.ASCII)
    with contextlib.suppress(OSError), os.scandir(folder) as children:
        for child in children:
            match = begun.fullmatch(child.name)
            if match is None or not child.is_file(follow_symlinks=False):
                continue
            modified = child.stat(follow_symlinks=False).st_mtime
            is_old = modified < time.time() - GRACE_SECONDS
            if is_old and not may_be_writing(int(match[1]), modified):
                os.unlink(child.path)
