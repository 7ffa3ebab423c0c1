"""Files of a store, each written under a temporary name as joblib has them, then renamed."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from stat import S_IMODE
from typing import BinaryIO

from acache.store.changes import Convert, StoredEntry
from acache.store.format import OUTPUT
from acache.system.dirfd import Folder, open_in, stat_in, unlink_in
from acache.system.placing import create_in, exchange_in, place_in, replace_in, set_times
from acache.system.streams import copy_exactly

_BLOCK = 1 << 20  # bytes: what is held in memory at once

Identity = tuple[int, int, int, int]


def identity_of(status: os.stat_result) -> Identity:
    """Return what differs once a file was written again."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def temporary(target: str, folder: Folder) -> Iterator[str]:
    """Give a name as joblib's temporary files have, and see that nothing is left of it."""
    name = f"{target}.{uuid.uuid4().hex}-{os.getpid()}-{threading.get_ident()}"
    try:
        yield name
    finally:
        with contextlib.suppress(FileNotFoundError):
            unlink_in(name, folder)


def write_output(name: str, folder: Folder, stored: StoredEntry) -> None:
    """Write a result with its times; one that ends early is an error."""
    with os.fdopen(create_in(name, folder), "wb") as file:
        copy_exactly(stored.output, file.write, stored.size_bytes)
        file.flush()
        set_times(file.fileno(), name, folder, stored.last_access_ns, stored.created_ns)


def write_file(
    target: str, folder: Folder, data: bytes, modified_ns: int, *, replace: bool
) -> None:
    """Write a small file; `replace`: where there is one already."""
    with temporary(target, folder) as name:
        with os.fdopen(create_in(name, folder), "wb") as file:
            file.write(data)
            file.flush()
            set_times(file.fileno(), name, folder, modified_ns, modified_ns)
        (replace_in if replace else place_in)(name, target, folder)


def rewrite_output(folder: Folder, convert: Convert, *, dry_run: bool) -> bool | None:
    """Replace the result in an entry's folder; see `acache.store.changes.Writing.rewrite`.

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    with temporary(OUTPUT, folder) as name:
        with open_in(OUTPUT, folder) as old:
            status = os.fstat(old.fileno())
            if dry_run:
                with open(os.devnull, "wb") as nowhere:
                    return convert(old, nowhere)
            if not _write_like(name, folder, convert, old, status):
                return False
        return True if _exchange(name, folder, status) else None


def _write_like(
    name: str, folder: Folder, convert: Convert, old: BinaryIO, status: os.stat_result
) -> bool:
    """Write the new form of a result, with the times, owner and permissions of the old one."""
    with os.fdopen(create_in(name, folder), "wb") as new:
        if not convert(old, new):
            return False
        new.flush()
        # The old result goes: the new one must outlive a loss of power.
        os.fsync(new.fileno())
        if hasattr(os, "fchown"):
            with contextlib.suppress(OSError):
                os.fchown(new.fileno(), status.st_uid, status.st_gid)
            os.fchmod(new.fileno(), S_IMODE(status.st_mode))
        set_times(new.fileno(), name, folder, status.st_atime_ns, status.st_mtime_ns)
    return True


def _exchange(name: str, folder: Folder, before: os.stat_result) -> bool:
    """Put a new result where the old one is, unless that has changed; return whether it had not."""
    if identity_of(stat_in(OUTPUT, folder)) != identity_of(before):
        return False
    if not exchange_in(name, OUTPUT, folder):
        replace_in(name, OUTPUT, folder)
        return True
    if identity_of(stat_in(name, folder)) == identity_of(before):
        return True
    exchange_in(name, OUTPUT, folder)  # written again in this very moment
    return False
