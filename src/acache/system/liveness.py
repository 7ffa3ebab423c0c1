"""Whether a process of this host still runs, and may therefore still be writing."""

from __future__ import annotations

import os

_SLACK_SECONDS = 2.0  # clock ticks, and file systems that count whole seconds


def may_be_writing(pid: int, modified: float) -> bool:
    """Return whether a process that last wrote to a file may go on doing so.

    Parameters
    ----------
    pid : int
        Process id, taken to be of this host.
    modified : float
        When the file was last written to, Unix seconds.

    Returns
    -------
    alive : bool
        False if there is no such process, or if it began after the file was written: then the
        number was reused. In doubt True.
    """
    if not _lives(pid):
        return False
    started = _started(pid)
    return started is None or started <= modified + _SLACK_SECONDS


if os.name == "nt":  # pragma: no cover - Windows

    def _lives(pid: int) -> bool:
        import ctypes

        synchronize, denied = 0x00100000, 5
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
        handle = kernel.OpenProcess(synchronize, False, pid)
        if handle:
            kernel.CloseHandle(handle)
            return True
        return bool(ctypes.get_last_error() == denied)  # type: ignore[attr-defined,unused-ignore]

else:

    def _lives(pid: int) -> bool:
        if pid <= 0:  # would mean a group of processes
            return False
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
        except PermissionError:
            pass
        return True


def _started(pid: int) -> float | None:
    """Return when a process began, Unix seconds, from Linux's /proc (man 5 proc_pid_stat)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
        with open("/proc/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        return booted + ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, StopIteration, AttributeError):
        return None
