"""Files of a store, each written under a temporary name as joblib has them, then renamed."""

from __future__ import annotations

import contextlib
import io
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
_AT_ONCE = 1 << 26  # bytes: what the system copies before Ctrl-C is looked at

Identity = tuple[int, int, int, int]


def identity_of(status: os.stat_result) -> Identity:
    """Return what differs once a file was written again."""
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size


@contextmanager
def temporary(target: str, folder: Folder) -> Iterator[str]:
    """Give a name as joblib's temporary files have; nothing is left of it where that fails."""
    name = f"{target}.{uuid.uuid4().hex}-{os.getpid()}-{threading.get_ident()}"
    try:
        yield name
    except BaseException:
        remove_temporary(name, folder)
        raise


def remove_temporary(name: str, folder: Folder) -> None:
    """Remove a temporary file, if it was made."""
    with contextlib.suppress(FileNotFoundError):
        unlink_in(name, folder)


def write_output(name: str, folder: Folder, stored: StoredEntry) -> None:
    """Write a result with its times; one that ends early is an error."""
    with os.fdopen(create_in(name, folder), "wb") as file:
        left = stored.size_bytes
        if left > _BLOCK:
            left -= _copy_in_kernel(stored.output, file, left)
        copy_exactly(stored.output, file.write, left)
        file.flush()
        set_times(file.fileno(), name, folder, stored.last_access_ns, stored.created_ns)


def _copy_in_kernel(source: BinaryIO, target: BinaryIO, size_bytes: int) -> int:
    """Have the system copy from file to file, as far as it can; return how many bytes it has."""
    copied = 0
    # A buffered file may have read ahead of where it stands.
    if not (hasattr(os, "copy_file_range") and isinstance(source, io.FileIO)):
        return copied
    with contextlib.suppress(OSError):  # two file systems that cannot, for instance
        ends = source.fileno(), target.fileno()
        while part := os.copy_file_range(*ends, min(size_bytes - copied, _AT_ONCE)):
            copied += part
    return copied


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
            is_new = _write_like(name, folder, convert, old, status)
        replaced = is_new and _exchange(name, folder, status)
        remove_temporary(name, folder)  # or the old result, under that name
        return None if is_new and not replaced else replaced


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
