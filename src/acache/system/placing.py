"""Writing files into folders that are held open: no link is followed, nothing is half written."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from functools import lru_cache
from typing import Any

from acache.system.dirfd import RELATIVE, Folder

_CREATE: int = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
# What tells that a file system has no hard links, or does not let this user make one.
_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK, errno.EINVAL)


def create_in(name: str, folder: Folder) -> int:
    """Create a file to be written; an existing one, or a link, is an error."""
    if RELATIVE:
        return os.open(name, _CREATE, 0o666, dir_fd=folder)
    return os.open(os.path.join(folder, name), _CREATE, 0o666)


def make_folder_in(name: str, folder: Folder) -> bool:
    """Make a folder; return whether it was not there already."""
    try:
        if RELATIVE:
            os.mkdir(name, dir_fd=folder)
        else:
            os.mkdir(os.path.join(folder, name))
    except FileExistsError:
        return False
    return True


def set_times(file: int, name: str, folder: Folder, accessed_ns: int, modified_ns: int) -> None:
    """Set the times of an open file, which was created under a name in a folder."""
    target = file if os.utime in os.supports_fd else os.path.join(folder, name)
    os.utime(target, ns=(accessed_ns, modified_ns))


def replace_in(old: str, new: str, folder: Folder) -> None:
    """Rename a file in its folder; one of the new name is replaced."""
    if RELATIVE:
        os.replace(old, new, src_dir_fd=folder, dst_dir_fd=folder)
    else:
        os.replace(os.path.join(folder, old), os.path.join(folder, new))


def place_in(old: str, new: str, folder: Folder) -> None:
    """Rename a file in its folder, unless there is one of the new name.

    Where the file system has no hard links, one that appears meanwhile is replaced.

    Raises
    ------
    FileExistsError
        If there is one.
    """
    if RELATIVE:
        try:
            os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
        else:
            os.unlink(old, dir_fd=folder)
            return
        with contextlib.suppress(FileNotFoundError):
            os.stat(new, dir_fd=folder, follow_symlinks=False)
            raise FileExistsError(errno.EEXIST, "exists", new)
    elif os.path.lexists(os.path.join(folder, new)):
        raise FileExistsError(errno.EEXIST, "exists", new)
    replace_in(old, new, folder)


def exchange_in(one: str, other: str, folder: Folder) -> bool:
    """Exchange the names of two files in one step; return whether the system can."""
    call = _renameat2() if RELATIVE else None
    if call is None:
        return False
    import ctypes

    if call(folder, os.fsencode(one), folder, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL):
        return False
    raise OSError(number, os.strerror(number), one)


@lru_cache(maxsize=1)
def _renameat2() -> Any:
    """Find the function of Linux's C library; Python has none for it."""
    if sys.platform != "linux":
        return None
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is not None:
        call.argtypes = (
            *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p),
            ctypes.c_uint,
        )
    return call
