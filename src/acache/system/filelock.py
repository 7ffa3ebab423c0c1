"""Locks on open files, which the system releases when their process ends, however it ends."""

from __future__ import annotations

import errno
import os

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)

if os.name == "nt":  # pragma: no cover - Windows
    import msvcrt

    def try_lock(descriptor: int) -> bool:
        """Lock an open file; see the POSIX version."""
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # what is locked there cannot be read
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def unlock(descriptor: int) -> None:
        """End a lock; see the POSIX version."""
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock an open file, without waiting.

        The lock is the process's: a child does not inherit it, other threads of the process would
        get it too, and closing *any* descriptor of the same file ends it.

        Parameters
        ----------
        descriptor : int
            Of a file that is open for writing.

        Returns
        -------
        locked : bool
            False while another process has the lock.

        Raises
        ------
        OSError
            If the file system has no locks.
        """
        try:
            # Not flock: a child would inherit that lock, and keep it when its parent is killed.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def unlock(descriptor: int) -> None:
        """End the lock of an open file, if there is one.

        Raises
        ------
        OSError
            If the file system has no locks.
        """
        fcntl.lockf(descriptor, fcntl.LOCK_UN)


def open_lock_file(path: str, *, create: bool = True) -> int:
    """Open a file to lock it, and return its descriptor.

    Raises
    ------
    OSError
        If it cannot be opened or made.
    """
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if create:
        flags |= os.O_CREAT
    return os.open(path, flags, 0o666)
