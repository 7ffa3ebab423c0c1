"""One timed run of a command: its time, resources and output."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, NamedTuple

from acache.system.signals import uninterrupted

_TAIL_BYTES = 8 << 10
_PATIENCE_SECONDS = 1.0  # before each next signal to a process that does not end
_KIBIBYTE = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


class Run(NamedTuple):
    """One run of a command."""

    seconds: float  # from the start of the child until the system reports its end
    user: float | None  # CPU seconds of the child and of its children that it waited for
    system: float | None
    # Peak memory of the largest of these processes. None where it is not above acache's own: the
    # system counts from the fork on, when the child is still a copy of acache.
    max_rss_bytes: int | None
    exit_code: int  # negative: the number of the signal that ended it
    output: bytes  # SHA-256 of its stdout
    stderr_tail: str


def timed_run(
    arguments: Sequence[str], environment: Mapping[str, str], *, echo: IO[bytes] | None = None
) -> Run:
    """Run a command with an empty stdin, and measure it.

    It runs in a session of its own: processes that it leaves behind are ended, and Ctrl-C reaches
    it only through acache. Its output goes into unnamed files, as a pipe could block it.

    Parameters
    ----------
    arguments : sequence of str
        The program's path first.
    environment : mapping of str to str
    echo : binary file, optional
        Gets its output afterwards, stdout first.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = seconds = None
        try:
            with uninterrupted():
                start = time.perf_counter()
                child = subprocess.Popen(
                    arguments,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
            code, usage = _wait(child)
            seconds = time.perf_counter() - start
        finally:
            if child is not None:
                _end(child, ended=seconds is not None)
        if echo is not None:
            _copy(stdout, echo)
            _copy(stderr, echo)
        return Run(seconds, *usage, code, _digest(stdout), _tail(stderr))


def _wait(
    child: subprocess.Popen[bytes],
) -> tuple[int, tuple[float | None, float | None, int | None]]:
    if sys.platform == "win32":
        return child.wait(), (None, None, None)
    import resource

    own = _own_peak() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss * _KIBIBYTE if usage.ru_maxrss > own else None
    return child.returncode, (usage.ru_utime, usage.ru_stime, peak)


def _own_peak() -> int | None:
    """Return acache's peak memory in KiB, where there is ``/proc``.

    `getrusage` includes that of the process that started acache.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return None


def _end(child: subprocess.Popen[bytes], *, ended: bool) -> None:
    """End the child and the processes that it started.

    They get time first: joblib's resource tracker, for instance, cleans up after the script.
    """
    if sys.platform == "win32":
        child.kill()
        child.wait()
        return
    group = child.pid  # not reused as long as one process of the group lives
    try:
        if not ended:
            _signal(group, signal.SIGINT)
        for last in (signal.SIGTERM, signal.SIGKILL):
            if _gone(child, within=_PATIENCE_SECONDS):
                return
            _signal(group, last)
    except BaseException:  # a second Ctrl-C
        _signal(group, signal.SIGKILL)
        raise
    finally:
        child.wait()


def _gone(child: subprocess.Popen[bytes], *, within: float) -> bool:
    until = time.monotonic() + within
    while True:
        child.poll()
        if not _signal(child.pid, 0) or (child.returncode is not None and _all_dead(child.pid)):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.005)


def _all_dead(group: int) -> bool:
    """Return whether all processes of a group are zombies; False where there is no ``/proc``.

    In a container there is often no init process that waits for them.
    """
    if not os.path.exists("/proc/self/stat"):
        return False
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                state, _, its_group = file.read().rpartition(b") ")[2].split()[:3]
                if int(its_group) == group and state not in b"ZX":
                    return False
    return True


def _signal(group: int, number: int) -> bool:
    """Send a signal; return whether any process of the group got it."""
    try:
        os.killpg(group, number)
    except PermissionError:  # macOS: zombies; elsewhere: processes that changed their user
        return False
    except ProcessLookupError:
        return False
    return True


def _copy(source: IO[bytes], target: IO[bytes]) -> None:
    import shutil

    source.seek(0)
    shutil.copyfileobj(source, target)
    target.flush()


def _digest(file: IO[bytes]) -> bytes:
    file.seek(0)
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.digest()


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    return file.read().decode("utf-8", "replace")
