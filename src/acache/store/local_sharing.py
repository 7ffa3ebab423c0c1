"""Dividing the work on a store in a folder among processes: the names of entries' folders."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from acache.store.folder import Position
from acache.store.handing import Done, EntryShare, Handing, Sharing, fold_table
from acache.store.scan import Piece, Walk
from acache.store.store import Fold, ScanOptions, Store
from acache.store.table import EntryTable
from acache.system.errors import AcacheError


class LocalSharing(Sharing):
    """Hands out names, as few of the calls that a scan takes are those that list them.

    Parameters
    ----------
    store : Store
    new_walk : callable
        Makes a walk; takes its options, and what takes folders out of it.
    """

    def __init__(self, store: Store, new_walk: Callable[..., Walk]) -> None:
        self._new_walk = new_walk
        self._folder = _Folder.of(store.path)

    def hand_out(self, handing: Handing[Any], fold: Fold, options: ScanOptions) -> None:
        """Walk the store, and hand out the names of entries' folders."""
        names = _Names(handing)
        walk = self._new_walk(options, names.takes)
        for found in walk.everything():
            fold.add(found)
        names.hand_out()
        handing.seen.append(frozenset(walk.seen or ()))

    def entry_share(self, entries: EntryTable) -> EntryShare:
        """Return a share of entries."""
        return EntryShare(entries)

    def fold_share(self, share: EntryShare | list[Piece], fold: Fold, options: ScanOptions) -> Done:
        """Look into folders, or fold entries."""
        if isinstance(share, EntryShare):
            return fold_table(share, fold)
        walk = self._new_walk(options)
        for found in walk.part(share):
            fold.add(found)
        return Done(sum(len(names) for _, _, names in share), frozenset(walk.seen or ()))

    def require_same(self) -> None:
        """Compare the store's folder."""
        if not self._folder.is_seen():
            raise AcacheError(f"{socket.gethostname()} does not see the cache {self._folder.path}")


class _Folder(NamedTuple):
    """What tells whether another process sees the same folder."""

    path: str
    inode: int
    modified: int
    names: list[str]

    @classmethod
    def of(cls, path: str) -> _Folder:
        status = os.stat(path)
        return cls(path, status.st_ino, int(status.st_mtime), sorted(os.listdir(path)))

    def is_seen(self) -> bool:
        try:
            if os.stat(self.path).st_ino == self.inode:
                return True
            return self[2:] == self.of(self.path)[2:]  # some network file systems number anew
        except OSError:
            return False


class _Names:
    """Takes names of folders out of a walk until they are a share."""

    def __init__(self, handing: Handing[Any]) -> None:
        self._handing = handing
        self._pieces: list[Piece] = []
        self._count = 0

    def takes(self, here: Position, name: str, has_source: bool) -> bool:
        if not self._pieces or self._pieces[-1][0] != here:
            self._pieces.append((here, has_source, []))
        self._pieces[-1][2].append(name)
        self._count += 1
        if self._count >= self._handing.size:
            self.hand_out()
        return True

    def hand_out(self) -> None:
        if self._count:
            self._handing.give(self._pieces)
        self._pieces, self._count = [], 0
