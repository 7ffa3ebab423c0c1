"""Listing a bucket by several requests at once, and what each of its objects is.

A server lists objects in the order of their keys, a thousand at a time, from any key on. So a
listing is divided while it goes on: whoever has nothing left to list takes the second part of what
another still has before it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Full, Queue
from typing import NamedTuple

from acache.store.bucket_format import is_version
from acache.store.folder import kind_beside_entries
from acache.store.format import (
    METADATA,
    OUTPUT,
    is_entry_temporary,
    is_hash,
)
from acache.store.key_ranges import LAST_KEY, Divider, KeyRange, Pace
from acache.store.layout import SPLIT, is_group, is_rest, join
from acache.store.model import Entry, Found, Leftover, Other, Usage
from acache.store.objects import Objects, ObjectStatus
from acache.store.store import Select

_WORKERS = 8
_AHEAD = 32  # pages that wait for whoever reads them
_PATIENCE_SECONDS = 1.0
_VERSIONED = 4  # the lowest place of an entry that is kept by its function's source


Sources = dict[str, tuple[float, str]]


class KeyPosition(NamedTuple):
    """What the key of an object says.

    Attributes
    ----------
    function : str
        Function id, ``/`` between its parts; of what is in no function's folder, the folder.
    version : str
        Name of the folder of one source of the function; empty where there is none.
    hash : str
        Argument hash; empty for what is in no entry's folder.
    folder : str
        Of the entry, or that the object is in.
    name : str
        Below that.
    is_split : bool
        Whether it is an entry of the split layout.
    """

    function: str
    version: str
    hash: str
    folder: str
    name: str
    is_split: bool = False


def parse_key(key: str) -> KeyPosition:
    """Read the key of an object below the store.

    Examples
    --------
    >>> parse_key("m/f/source-0123456789abcdef/func_code.py")[:2]
    ('m/f', 'source-0123456789abcdef')
    """
    parts = key.split("/")
    for index, part in enumerate(parts[:-1]):
        is_split = is_group(part) and is_rest(parts[index + 1]) and index + 2 < len(parts)
        if is_hash(part) or is_split:
            inside = index + 2 if is_split else index + 1
            function, version = _function(parts[:index])
            digits = "".join(parts[index:inside])
            folder, name = "/".join(parts[:inside]), "/".join(parts[inside:])
            return KeyPosition(function, version, digits, folder, name, is_split)
    function, version = _function(parts[:-1])
    return KeyPosition(function, version, "", "/".join(parts[:-1]), parts[-1])


def _function(parts: list[str]) -> tuple[str, str]:
    if parts and is_version(parts[-1]):
        return "/".join(parts[:-1]), parts[-1]
    return "/".join(parts), ""


class Places:
    """Numbers for the places that a bucket has for entries; see `acache.store.model.Entry`.

    The first two are those of a flat and of a split layout; then there are two for each source.
    """

    def __init__(self, versions: Iterable[str] = ()) -> None:
        self._versions: list[str] = []
        self._numbers: dict[str, int] = {}
        for version in versions:
            self.number(version, is_split=False)

    @property
    def versions(self) -> tuple[str, ...]:
        """The names of the folders of sources, in the order of their numbers."""
        return tuple(self._versions)

    def number(self, version: str, *, is_split: bool) -> int:
        """Return the number of a place."""
        split = SPLIT if is_split else 0
        if not version:
            return split
        if version not in self._numbers:
            self._numbers[version] = _VERSIONED + 2 * len(self._versions)
            self._versions.append(version)
        return self._numbers[version] | split

    def version(self, number: int) -> str:
        """Return the name of the folder of a source; empty where there is none."""
        return "" if number < _VERSIONED else self._versions[(number - _VERSIONED) // 2]


class Sorter:
    """Makes of objects, in the order of their keys, what a scan finds.

    Parameters
    ----------
    places : Places
    select : callable, optional
        See `acache.store.store.ScanOptions`.
    deadline : float
        Unix seconds; a leftover that was written later is in flight.
    sources : dict
        Gets the time and the path of the latest source of each function.

    Attributes
    ----------
    complete : str
        The last key up to which everything has been made something of; empty at the beginning.
    """

    def __init__(
        self, places: Places, select: Select | None, deadline: float, sources: Sources
    ) -> None:
        self._places = places
        self._sources = sources
        self._select = select
        self._deadline = deadline
        self._here: KeyPosition | None = None
        self._held: list[tuple[str, ObjectStatus]] = []
        self._last = self.complete = ""

    def add(self, key: str, status: ObjectStatus) -> Iterator[Found]:
        """Add one more object; `key` is below the store."""
        here, last, self._last = self._here, self._last, key
        if here is not None and key.startswith(f"{here.folder}/"):
            self._held.append((key[len(here.folder) + 1 :], status))
            return
        yield from self.end()
        position = parse_key(key)
        if position.hash:
            self._here, self._held = position, [(position.name, status)]
            self.complete = last
        else:
            self.complete = key
            yield self._beside(key, position, status)

    def end(self) -> Iterator[Found]:
        """Return what the last folder is; no more objects of it will come."""
        here, self._here = self._here, None
        if here is None or (self._select and not self._select(here.function, here.hash)):
            return
        files = dict(self._held)
        own = [files[name] for name in (OUTPUT, METADATA) if name in files]
        usage = Usage(sum(one.size_bytes for one in own), None, None)
        leftovers = {
            name: self._leftover(f"{here.folder}/{name}", here, one)
            for name, one in files.items()
            if is_entry_temporary(name)
        }
        if OUTPUT in files:
            at = files[OUTPUT].modified
            place = self._places.number(here.version, is_split=here.is_split)
            yield Entry(
                here.function, here.hash, usage.size_bytes, None, None, at, None, place=place
            )
        elif own or leftovers:
            modified = max(one.modified for one in files.values())
            in_flight = modified > self._deadline
            yield Leftover(
                here.folder, "folder", here.function, here.hash, usage, modified, in_flight
            )
        yield from leftovers.values()
        for name, one in files.items():
            if name not in (OUTPUT, METADATA) and name not in leftovers:
                yield Other(f"{here.folder}/{name}", "foreign", here.function, _usage(one))

    def _beside(self, key: str, position: KeyPosition, status: ObjectStatus) -> Found:
        kind = kind_beside_entries(position.name)
        if kind == "temporary":
            return self._leftover(key, position, status)
        if kind == "source":
            latest = self._sources.get(position.function, (status.modified, key))
            self._sources[position.function] = max(latest, (status.modified, key))
        return Other(key, kind, position.function, _usage(status))

    def _leftover(self, key: str, here: KeyPosition, status: ObjectStatus) -> Leftover:
        in_flight = status.modified > self._deadline
        return Leftover(
            key, "file", here.function, here.hash, _usage(status), status.modified, in_flight
        )


def _usage(status: ObjectStatus) -> Usage:
    return Usage(status.size_bytes, None, None)


class Listing:
    """Lists what is below a key; iterating gives lists of objects, in order within each range.

    Parameters
    ----------
    objects : Objects
    base : str
        The key of the store; empty for everything.
    below : str
        Of what is to be listed: the same, or a function's.
    sorters : callable
        Makes a sorter, one for each range.
    ranges : sequence of KeyRange, optional
        By default all keys.
    seconds : float, optional
        After which it stops; what is not listed by then is `rest`.

    Attributes
    ----------
    rest : list of KeyRange
        Not between the objects of one entry.
    """

    def __init__(
        self,
        objects: Objects,
        base: str,
        below: str,
        sorters: Callable[[], Sorter],
        *,
        ranges: Sequence[KeyRange] = (),
        seconds: float | None = None,
    ) -> None:
        self._objects = objects
        self._below = below
        self._base = base
        self._sorters = sorters
        self.rest: list[KeyRange] = []
        self._has_listed = False
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self._ranges: Queue[KeyRange | None] = Queue()
        for part in ranges or (KeyRange(),):
            self._ranges.put(part)
        self._found: Queue[list[Found] | BaseException | None] = Queue(_AHEAD)
        self._lock = threading.Lock()
        self._idle = 0
        self._stopped = threading.Event()
        self._workers = _WORKERS if objects.starts_anywhere else 1
        self._last = f"{below}0" if below else LAST_KEY  # the digit comes after the slash
        self._divider = Divider()
        self._pace = Pace()

    def __iter__(self) -> Iterator[Found]:
        for _ in range(self._workers):
            # Nobody waits for the last answers after an interrupt.
            threading.Thread(target=self._work, name="acache-list", daemon=True).start()
        try:
            for _ in range(self._workers):
                while (found := self._found.get()) is not None:
                    if isinstance(found, BaseException):
                        raise found
                    yield from found
        finally:
            self._stopped.set()
            self._finish()

    def _work(self) -> None:
        try:
            while (part := self._next()) is not None:
                self._list(part)
        except BaseException as error:
            self._put(error)
        finally:
            self._put(None)

    def _next(self) -> KeyRange | None:
        with self._lock:
            self._idle += 1
            if self._idle == self._workers and self._ranges.empty():
                self._finish()
        part = self._ranges.get()
        with self._lock:
            self._idle -= 1
        return part

    def _finish(self) -> None:
        for _ in range(self._workers):
            self._ranges.put(None)

    def _list(self, part: KeyRange) -> None:
        if self._is_due():
            self.rest.append(part)
            return
        sorter = self._sorters()
        skip = len(self._base) + 1 if self._base else 0
        before = part.after
        for page in self._objects.pages(self._below, after=part.after):
            found: list[Found] = []
            with self._lock:
                last = part.last
                self._pace.note(self._workers - self._idle, time.monotonic())
            for status in page:
                if status.key > last:
                    break
                found += sorter.add(status.key[skip:], status)
            else:
                self._put(found)
                self._has_listed = True
                if self._stopped.is_set():
                    return
                if sorter.complete and self._is_due():
                    self.rest.append(KeyRange(join(self._base, sorter.complete), part.last))
                    return
                with self._lock:
                    self._divide(part, before, status.key)
                before = status.key
                continue
            self._put(found)
            break
        self._put(list(sorter.end()))

    def _divide(self, part: KeyRange, before: str, reached: str) -> None:
        """Give what is left of a range to those who have nothing to list, if that pays."""
        wanted = self._idle > self._ranges.qsize() and self._pace.may_grow(
            self._workers - self._idle
        )
        last = min(part.last, self._last)
        if before and wanted and (point := self._divider.point(before, reached, last)):
            self._ranges.put(part.divide(point))

    def _is_due(self) -> bool:
        """Return whether to leave the rest to others; a page is listed in any case."""
        return self._has_listed and time.monotonic() > self._deadline

    def _put(self, found: list[Found] | BaseException | None) -> None:
        # Whoever reads may have gone, and nobody makes room then.
        while not self._stopped.is_set():
            try:
                self._found.put(found, timeout=_PATIENCE_SECONDS)
                return
            except Full:
                continue
