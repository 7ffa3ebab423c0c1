"""How full a store is, as its writers count: one small file that all processes share.

Whoever stores an entry first adds what it will take; whoever evicts measures, and sets it right.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from acache.store.call_writer import own_folder
from acache.system.filelock import open_lock_file, try_lock, unlock
from acache.system.mounts import is_local

_FORM = struct.Struct("<8sqqqdd")
_MARK = b"acfill1\n"
_PATIENCE_SECONDS = 0.1  # who holds the file that long was stopped, or is on another planet
_HELD_SECONDS = 1.0  # that a file stays open; it may have moved with its store
_BLOCK = 4096

_threads = threading.Lock()  # a lock on a file holds off processes, not threads


class _Held(NamedTuple):
    """A file that stays open, and until when; another may have its descriptor by then."""

    descriptor: int
    file: tuple[int, int]  # device and inode
    until: float


_held: dict[str, _Held] = {}


class Fill(NamedTuple):
    """What a store holds, about.

    Attributes
    ----------
    disk_bytes : int
        That all entries take.
    entries : int
    wanted_bytes : int
        What somebody waits to store, and for which there is no room; 0 if nobody waits.
    measured : float
        When it was last measured, Unix seconds; 0 if never.
    due : float
        When another keeper may be started, Unix seconds.
    """

    disk_bytes: int = 0
    entries: int = 0
    wanted_bytes: int = 0
    measured: float = 0.0
    due: float = 0.0


@cache
def limits_folder(store: str) -> str:
    """Return the folder of what keeps the limits of a store, given by its absolute path."""
    return os.path.join(own_folder(store), "limits")


@cache
def _path(store: str) -> str:
    return os.path.join(limits_folder(store), "fill")


def entry_room(size_bytes: int) -> int:
    """Return about how much an entry takes on disk, folder and metadata included.

    Parameters
    ----------
    size_bytes : int >= 0
        Of its ``output.pkl``.
    """
    return (size_bytes + _BLOCK - 1) // _BLOCK * _BLOCK + 2 * _BLOCK


def read_fill(store: str) -> Fill:
    """Read how full a store is; where nothing tells, it was never measured.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    alone = _threads.acquire(timeout=_PATIENCE_SECONDS)  # closing it ends the lock of a change
    try:
        descriptor = open_lock_file(_path(store), create=False)
        try:
            return _read(descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return Fill()
    finally:
        if alone:
            _threads.release()


def change_fill(store: str, change: Callable[[Fill], Fill]) -> tuple[Fill, Fill]:
    """Change the file, alone among all threads and processes.

    Returns
    -------
    before, after : Fill

    Raises
    ------
    OSError
        If it cannot be written.
    """
    alone = _threads.acquire(timeout=_PATIENCE_SECONDS)
    try:
        descriptor, is_held = _open(store, hold=alone)
        try:
            _wait_for_lock(descriptor)
            before = _read(descriptor)
            after = change(before)
            if after != before:
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _FORM.pack(_MARK, *after))
        finally:
            if is_held:
                unlock(descriptor)
            else:
                os.close(descriptor)
    finally:
        if alone:
            _threads.release()
    return before, after


def _open(store: str, *, hold: bool) -> tuple[int, bool]:
    """Return a descriptor, and whether it stays open for the next change."""
    path = _path(store)
    if hold and path in _held:
        held = _held[path]
        status = _status_of(held)
        if status is not None and status.st_nlink and time.monotonic() < held.until:
            return held.descriptor, True
        _let_go(path)
    try:
        descriptor = open_lock_file(path)
    except FileNotFoundError:
        os.stat(store)  # where that is gone, nothing of it must come back
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = open_lock_file(path)
    # Elsewhere an open file hinders whoever removes its folder.
    hold = hold and os.name == "posix" and is_local(path)
    if hold:
        status = os.fstat(descriptor)
        until = time.monotonic() + _HELD_SECONDS
        _held[path] = _Held(descriptor, (status.st_dev, status.st_ino), until)
    return descriptor, hold


def _status_of(held: _Held) -> os.stat_result | None:
    """Return the status of an open file; None where a script has closed it."""
    try:
        status = os.fstat(held.descriptor)
    except OSError:
        return None
    return status if (status.st_dev, status.st_ino) == held.file else None


def _let_go(path: str) -> None:
    held = _held.pop(path)
    if _status_of(held) is not None:
        os.close(held.descriptor)


def _read(descriptor: int) -> Fill:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return _parsed(os.read(descriptor, _FORM.size))


def _wait_for_lock(descriptor: int) -> None:
    """Lock the file; after a time, or without locks, go on all the same: it is measured again."""
    with contextlib.suppress(OSError):
        if try_lock(descriptor):
            return
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not try_lock(descriptor) and time.monotonic() < deadline:
            time.sleep(0.0005)


def _parsed(data: bytes) -> Fill:
    if len(data) != _FORM.size:
        return Fill()
    mark, *values = _FORM.unpack(data)
    fill = Fill(*values)
    return fill if mark == _MARK and fill.measured >= 0 and fill.due >= 0 else Fill()


def _forked() -> None:
    global _threads  # noqa: PLW0603 - another thread of the parent may hold it for ever
    _threads = threading.Lock()
    for path in list(_held):  # its locks are those of the parent
        _let_go(path)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
