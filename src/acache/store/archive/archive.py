"""A store in an archive, which is read from its beginning to its end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

from acache.store.archive.members import Name, parse, parts_of, root_of
from acache.store.archive.streams import DamagedArchiveError, Unpacked
from acache.store.archive.tar import Content, Member, TarReader
from acache.store.changes import LARGEST_SOURCE, StoredEntry, StoredSource, Writing
from acache.store.folder import LARGEST_METADATA
from acache.store.format import SOURCE, dotted, parse_metadata, split_source
from acache.store.ids import entry_id
from acache.store.layout import JOBLIB
from acache.store.model import Entry, Found, Metadata, Unreadable
from acache.store.outside import UnsafeNameError
from acache.store.store import DEFAULTS, ScanOptions, Store
from acache.system.errors import AcacheError, ConfigurationError

MARK = "acache copy 1"  # the comment of an archive in which nothing comes after what needs it
_MOST_RECORDS = 3  # of a function's metadata, that are kept
_LONGEST_LEVEL = 32  # bytes

_Dated = tuple[bytes, int]  # content, and modification time in nanoseconds
_Key = tuple[str, str]  # function and argument hash


class _Current(NamedTuple):
    """The entry that a scan has yielded last; its result can be read now, and only now."""

    key: _Key
    stored: StoredEntry


class ArchiveStore(Store):
    """A store in an archive; see `acache.store.store.Store`.

    `open_entry` and `metadata` are for the entry that `scan` has just yielded. In an archive that
    `acache copy` made, a function's source and an entry's metadata come before the result, so that
    one pass over it is enough; in others, and for all that a selection names, there is a first pass
    that reads what is small.
    """

    is_trusted = False

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.location = os.path.abspath(os.path.expanduser(os.fspath(location)))
        self.path = self.location
        self.exists = os.path.isfile(self.path)
        self._sources: dict[str, StoredSource] = {}
        self._levels: dict[str, int] = {}  # by dotted id
        self._hashes: dict[str, list[str]] | None = None
        self._samples: dict[_Key, bytes] = {}
        self._late: dict[_Key, _Dated] = {}  # metadata that comes after its result
        self._root: tuple[str, ...] = (JOBLIB,)
        self._current: _Current | None = None
        self.damage: str | None = None

    def is_marked(self) -> bool:
        """Return whether `acache copy` made the archive, or it claims that."""
        with self._opened() as reader:
            try:
                next(iter(reader), None)
            except DamagedArchiveError:
                return False
            return reader.comment == MARK

    def functions(
        self, unreadable: list[Unreadable] | None = None, *, most: int | None = None
    ) -> Iterator[str]:
        """Walk the functions that have a source or entries."""
        return iter({**self._index(), **dict.fromkeys(self._sources)})

    def hashes(self, function: str, prefix: str = "") -> list[str]:
        """List the argument hashes of a function's entries."""
        return [one for one in self._index().get(function, ()) if one.startswith(prefix)]

    def scan(self, options: ScanOptions = DEFAULTS) -> Iterator[Found]:
        """Walk the archive; what must not be copied, or is damaged, is `Unreadable`."""
        if not self.is_marked():
            self._index()
        records: dict[_Key, _Dated] = {}
        try:
            with self._opened() as reader:
                for member, content in reader:
                    try:
                        name = self._name(member)
                        if name is None:
                            continue
                        if name.kind != "output":
                            self._keep(name, member, content, records)
                            continue
                    except UnsafeNameError as error:
                        yield Unreadable(member.name, str(error))
                        continue
                    if options.select is None or options.select(name.function, name.hash):
                        yield self._entry(name, member, content, records)
                    else:
                        records.pop((name.function, name.hash), None)
        except DamagedArchiveError as error:
            yield Unreadable("", str(error))
        finally:
            self._current = None

    @contextmanager
    def open_entry(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Iterator[StoredEntry]:
        """Give the entry that was yielded last."""
        if self._current is None or self._current.key != (function, argument_hash):
            raise LookupError(f"{entry_id(function, argument_hash)} is not the entry at hand")
        try:
            yield self._current.stored
        except DamagedArchiveError as error:
            raise OSError(f"the archive is damaged: {error}") from None

    def metadata(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> Metadata | None:
        """Read the metadata of the entry at hand, or one of the first of its function."""
        key = (function, argument_hash)
        if self._current is not None and self._current.key == key:
            data = self._current.stored.metadata
        else:
            self._index()
            data = self._samples.get(key)
        return None if data is None else parse_metadata(data)

    def source(self, function: str) -> str | None:
        """Read a function's source; the whole archive is looked through for it."""
        self._index()
        found = self._sources.get(function)
        return None if found is None else split_source(found.data.decode("utf-8", "replace"))

    def stored_source(self, function: str, place: int = 0) -> StoredSource | None:
        """Return the source, if it was met so far."""
        return self._sources.get(function)

    def recorded_level(self, function: str) -> int | None:
        """Return the level, if it was met so far."""
        return self._levels.get(dotted(function))

    def writing(
        self, *, split: bool | None = None, dry_run: bool = False
    ) -> AbstractContextManager[Writing]:
        """Begin a new archive, which takes the place of this one at the end."""
        # By its name, as it imports this module.
        from importlib import import_module

        new_writing = import_module("acache.store.archive.write").ArchiveWriting
        writing: AbstractContextManager[Writing] = new_writing(
            self, split=bool(split), dry_run=dry_run
        )
        return writing

    def reading_changes_access(
        self, function: str, argument_hash: str, place: int | None = None
    ) -> bool:
        """Return False: an archive keeps the times of what is in it."""
        return False

    def address(self, path: str) -> str:
        """Return the archive's path, and the name in it."""
        return f"{self.path}: {path}" if path else self.path

    def entry_address(self, function: str, argument_hash: str, place: int | None = None) -> str:
        """Return the archive's path, and the entry's id."""
        return self.address(entry_id(function, argument_hash))

    @contextmanager
    def _opened(self) -> Iterator[TarReader]:
        with open(self.path, "rb") as file:
            yield TarReader(Unpacked(file))

    def _name(self, member: Member) -> Name | None:
        """Return what a member is in the store; None if nothing that is copied."""
        parts = parts_of(member.name)
        if member.kind == "other":
            raise UnsafeNameError(f"it is {member.what}")
        return parse(parts, self._root) if member.kind == "file" else None

    def _keep(
        self, name: Name, member: Member, content: Content, records: dict[_Key, _Dated]
    ) -> None:
        """Keep what is small, until the result comes that it belongs to."""
        if name.kind == "level":
            if member.size_bytes <= _LONGEST_LEVEL:
                with contextlib.suppress(ValueError):
                    self._levels[name.function] = int(content.read())
            return
        limit = LARGEST_SOURCE if name.kind == "source" else LARGEST_METADATA
        if member.size_bytes > limit:
            raise UnsafeNameError(f"it takes {member.size_bytes:,} bytes, more than {limit:,}")
        if name.kind == "source":
            self._sources.setdefault(name.function, _source(member, content))
        elif self._hashes is None:
            records.clear()
            records[name.function, name.hash] = content.read(), member.modified_ns
        elif (name.function, name.hash) not in self._late:
            records[name.function, name.hash] = content.read(), member.modified_ns

    def _entry(
        self, name: Name, member: Member, content: Content, records: dict[_Key, _Dated]
    ) -> Entry:
        key = name.function, name.hash
        dated = records.pop(key, None) or self._late.get(key)
        metadata, recorded_ns = dated or (None, 0)
        self._current = _Current(
            key,
            StoredEntry(
                content,  # type: ignore[arg-type]  # all that is needed of a binary file
                member.size_bytes,
                member.modified_ns,
                member.accessed_ns,
                metadata,
                recorded_ns,
            ),
        )
        return Entry(
            *key,
            member.size_bytes + len(metadata or b""),
            None,
            None,
            member.modified_ns / 1e9,
            member.accessed_ns / 1e9,
            None,
            name.place,
        )

    def _index(self) -> dict[str, list[str]]:
        """Look through the whole archive once, for all that is small."""
        if self._hashes is not None:
            return self._hashes
        found: dict[str, list[str]] = {}
        if self.exists:
            if not self.is_marked():
                self._root = self._find_root()
            try:
                self._look_through(found)
            except DamagedArchiveError as error:
                self.damage = str(error)  # a scan reports it
        self._hashes = found
        return found

    def _look_through(self, found: dict[str, list[str]]) -> None:
        alone: set[_Key] = set()  # results before their metadata
        early: set[_Key] = set()
        with self._opened() as reader:
            for member, content in reader:
                try:
                    name = self._name(member)
                    if name is None:
                        continue
                    key = (name.function, name.hash)
                    if name.kind == "output":
                        found.setdefault(name.function, []).append(name.hash)
                        if key not in early:
                            alone.add(key)
                        early.discard(key)
                    elif name.kind != "metadata":
                        self._keep(name, member, content, {})
                    elif member.size_bytes <= LARGEST_METADATA:
                        data = content.read()
                        if len(self._samples) < _MOST_RECORDS * (len(found) + 1):
                            self._samples[key] = data
                        if key in alone:
                            self._late[key] = data, member.modified_ns
                        else:
                            early.add(key)
                except UnsafeNameError:
                    continue  # a scan reports it

    def _find_root(self) -> tuple[str, ...]:
        """Find the folder of the store in an archive that another program made.

        Raises
        ------
        AcacheError
            If it holds no store, or several.
        """
        roots: set[tuple[str, ...]] = set()
        try:
            with self._opened() as reader:
                for member, _ in reader:
                    try:
                        parts = parts_of(member.name)
                    except UnsafeNameError:
                        continue
                    if parts[-1:] == (SOURCE,) and len(parts) > 1 and member.kind == "file":
                        roots.add(root_of(parts))
        except DamagedArchiveError as error:
            if not roots:
                raise AcacheError(f"{self.path} cannot be read: {error}") from None
        if not roots:
            raise ConfigurationError(f"{self.path} holds no joblib store: no {SOURCE} is in it")
        if len(roots) > 1:
            raise ConfigurationError(
                f"{self.path} holds {len(roots)} stores; unpack it, and copy one of them"
            )
        return roots.pop()


def _source(member: Member, content: Content) -> StoredSource:
    return StoredSource(content.read(), member.modified_ns)
