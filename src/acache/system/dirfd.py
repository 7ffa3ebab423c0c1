"""Opening folders and files below a store without following links or changing access times.

Where the system allows (Linux, macOS), a folder is held as a file descriptor and its content is
named relative to that: names stay short, which makes `os.stat` twice as fast, and nobody can swap
a parent folder for a link meanwhile. Elsewhere (Windows), a folder is its path.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from stat import S_ISREG
from typing import Any, BinaryIO

HAS_BLOCKS = hasattr(os.stat_result, "st_blocks")
RELATIVE = os.open in os.supports_dir_fd and os.scandir in os.supports_fd

_SMALL = 1 << 16  # bytes: one system call reads them, where piece by piece takes ten
_NOATIME: int = getattr(os, "O_NOATIME", 0)
_FOLDER: int = (
    getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
# O_NONBLOCK: a named pipe called metadata.json must not hang the scan.
_FILE: int = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)

Folder = Any  # an open file descriptor; a path where the system has no relative names


class NotAFileError(OSError):
    """What was to be read is no regular file, or larger than allowed."""


def folder_flags(root: Folder) -> int:
    """Return the flags to open folders below a root with; access times stay where allowed."""
    if not RELATIVE:
        return 0
    allowed = os.geteuid() in (0, os.fstat(root).st_uid)
    return _FOLDER | _NOATIME if allowed else _FOLDER


if RELATIVE:

    def open_folder(name: str, parent: Folder | None = None) -> Folder:
        """Open a folder; a link in its last part is refused, except where there is no parent."""
        flags = _FOLDER if parent is not None else _FOLDER & ~os.O_NOFOLLOW
        try:
            return os.open(name, flags | _NOATIME, dir_fd=parent)
        except PermissionError:  # O_NOATIME is for the owner alone
            return os.open(name, flags, dir_fd=parent)

    def close_folder(folder: Folder) -> None:
        """Close what `open_folder` opened."""
        os.close(folder)

    def stat_in(name: str, folder: Folder) -> os.stat_result:
        """Look at what a folder holds under a name, a link itself rather than its target."""
        return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def _open_file(name: str, folder: Folder | None) -> tuple[int, bool]:
        if _NOATIME:
            try:
                return os.open(name, _FILE | _NOATIME, dir_fd=folder), True
            except PermissionError:  # O_NOATIME is for the owner alone
                pass
        return os.open(name, _FILE, dir_fd=folder), False

else:  # pragma: no cover - Windows

    def open_folder(name: str, parent: Folder | None = None) -> Folder:
        """Return the path of a folder; a link is refused, except where there is no parent."""
        if parent is None:
            return name
        path = os.path.join(parent, name)
        if os.path.islink(path):
            raise NotADirectoryError(errno.ENOTDIR, "is a link", path)
        return path

    def close_folder(folder: Folder) -> None:
        """Do nothing: a path holds nothing open."""

    def stat_in(name: str, folder: Folder) -> os.stat_result:
        """Look at what a folder holds under a name, a link itself rather than its target."""
        return os.lstat(os.path.join(folder, name))

    def _open_file(name: str, folder: Folder | None) -> tuple[int, bool]:
        return os.open(name if folder is None else os.path.join(folder, name), _FILE), False


def open_below(path: str, root: Folder) -> Folder:
    """Open a folder below another, one part after the other: a link in any of them is refused.

    Parameters
    ----------
    path : str
        ``/`` between its parts; empty for the folder itself.
    root : Folder
    """
    folder = open_folder(".", root)
    for part in filter(None, path.split("/")):
        try:
            deeper = open_folder(part, folder)
        finally:
            close_folder(folder)
        folder = deeper
    return folder


def is_regular(name: str, folder: Folder) -> bool:
    """Return whether a folder holds a regular file of a name."""
    try:
        return S_ISREG(stat_in(name, folder).st_mode)
    except OSError:
        return False


def unlink_in(name: str, folder: Folder) -> None:
    """Remove a file, or a link itself, from a folder."""
    if RELATIVE:
        os.unlink(name, dir_fd=folder)
    else:
        os.unlink(os.path.join(folder, name))


def rmdir_in(name: str, folder: Folder) -> None:
    """Remove an empty folder from a folder."""
    if RELATIVE:
        os.rmdir(name, dir_fd=folder)
    else:
        os.rmdir(os.path.join(folder, name))


def read_file(name: str, folder: Folder | None = None, *, limit: int) -> bytes:
    """Read a whole regular file, leaving its access time as it was where the system allows.

    Parameters
    ----------
    name : str
        A path, or relative to the folder; a link in its last part is refused.
    folder : Folder, optional
    limit : int > 0
        The largest size to accept, in bytes.

    Raises
    ------
    NotAFileError
        If it is not a regular file, or larger than the limit.
    OSError
        If it cannot be read.
    """
    status = os.lstat(name) if folder is None else stat_in(name, folder)
    return read_known(name, folder, status, limit=limit)


def read_known(name: str, folder: Folder | None, status: os.stat_result, *, limit: int) -> bytes:
    """Read a file as `read_file` does, its status known already: a system call less."""
    if not S_ISREG(status.st_mode):
        raise NotAFileError(errno.EINVAL, "is not a regular file")
    size = status.st_size
    if size > limit:
        raise NotAFileError(errno.EFBIG, f"is larger than {limit} bytes")
    descriptor, keeps_access = _open_file(name, folder)
    try:
        data = os.read(descriptor, size)
        while len(data) < size:  # a read may be short, on a network disk for instance
            part = os.read(descriptor, size - len(data))
            if not part:
                break
            data += part
        if not keeps_access:
            _put_back(descriptor, status)
    finally:
        os.close(descriptor)
    return data


def read_ends(
    name: str, folder: Folder | None, status: os.stat_result, *, size: int
) -> tuple[bytes, bytes]:
    """Read the beginning and the end of a large regular file, as `read_known` reads a whole one.

    Parameters
    ----------
    name, folder, status
        See `read_known`.
    size : int > 0
        Bytes of each end.
    """
    if not S_ISREG(status.st_mode):
        raise NotAFileError(errno.EINVAL, "is not a regular file")
    descriptor, keeps_access = _open_file(name, folder)
    try:
        beginning = os.read(descriptor, size)
        os.lseek(descriptor, -min(size, status.st_size), os.SEEK_END)
        end = os.read(descriptor, size)
        if not keeps_access:
            _put_back(descriptor, status)
    finally:
        os.close(descriptor)
    return beginning, end


@contextlib.contextmanager
def open_file(path: str) -> Iterator[BinaryIO]:
    """Open a regular file to read it piece by piece, its access time put back at the end.

    Parameters
    ----------
    path : str
        A link in its last part is refused.

    Raises
    ------
    NotAFileError
        If it is not a regular file.
    OSError
        If it cannot be opened.
    """
    status = os.lstat(path)
    if not S_ISREG(status.st_mode):
        raise NotAFileError(errno.EINVAL, "is not a regular file")
    if status.st_size <= _SMALL:
        yield io.BytesIO(read_known(path, None, status, limit=_SMALL))
        return
    descriptor, keeps_access = _open_file(path, None)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        try:
            yield file
        finally:
            if not keeps_access:
                _put_back(descriptor, status)


@contextlib.contextmanager
def open_in(name: str, folder: Folder | None) -> Iterator[BinaryIO]:
    """Open a regular file of a folder as `open_file` does, never a copy of it in memory."""
    descriptor, keeps_access = _open_file(name, folder)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise NotAFileError(errno.EINVAL, "is not a regular file")
        try:
            yield file
        finally:
            if not keeps_access:
                _put_back(descriptor, status)


def reading_changes_access(path: str) -> bool:
    """Return whether reading a file may change its access time: another user owns it.

    Raises
    ------
    OSError
        If there is no such file.
    """
    if not hasattr(os, "geteuid"):
        return False
    return os.geteuid() not in (0, os.lstat(path).st_uid)


def _put_back(descriptor: int, status: os.stat_result) -> None:
    """Restore the access time that reading may have changed; only the owner may."""
    if os.utime in os.supports_fd:
        with contextlib.suppress(OSError):
            os.utime(descriptor, ns=(status.st_atime_ns, status.st_mtime_ns))
