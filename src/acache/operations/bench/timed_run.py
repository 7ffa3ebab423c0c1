"""One timed run of a command: its time, what the system accounts to it, what it printed."""

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
_PATIENCE_SECONDS = 1.0  # before what does not end by itself is told to, and before it is killed
_KIBIBYTE = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss


class Run(NamedTuple):
    """One run of a command.

    Attributes
    ----------
    seconds : float
        Wall time, from the start of the child until the system reports its end.
    user, system : float or None
        CPU seconds of the child and of its own children that it waited for; None where the system
        does not tell.
    max_rss_bytes : int or None
        The most memory that one of these processes had. None where it is no more than acache's
        own: the system counts from the moment at which the child was still a copy of that.
    exit_code : int
        Negative: the number of the signal that ended it, as in `subprocess`.
    output : bytes
        SHA-256 of what it printed on stdout.
    stderr_tail : str
        The end of what it printed on stderr.
    """

    seconds: float
    user: float | None
    system: float | None
    max_rss_bytes: int | None
    exit_code: int
    output: bytes
    stderr_tail: str


def timed_run(
    arguments: Sequence[str], environment: Mapping[str, str], *, echo: IO[bytes] | None = None
) -> Run:
    """Run a command with an empty stdin, and measure it.

    It is a session of its own: what it has started and left behind ends with it, and Ctrl-C reaches
    it through acache alone. Its output goes into unnamed files, as a pipe would hold it up.

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
    """Return the most memory that this program had, in KiB, where there is ``/proc``.

    What the system tells of the process holds that of whoever started it, too.
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
    """End what is left of the child and of those that it started.

    Gently at first: what cleans up after a script, joblib's resource tracker for instance, lives a
    little longer than the script.
    """
    if sys.platform == "win32":
        child.kill()
        child.wait()
        return
    group = child.pid  # not given anew as long as one process of it lives
    try:
        if not ended:
            _signal(group, signal.SIGINT)
        for last in (signal.SIGTERM, signal.SIGKILL):
            if _gone(child, within=_PATIENCE_SECONDS):
                return
            _signal(group, last)
    except BaseException:  # a second Ctrl-C: no patience any more
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
    """Tell whether all of a group have ended, and merely nobody has asked how.

    In a container often nobody does. Told where there is ``/proc``.
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
    """Send a signal; tell whether there was anyone to get it."""
    try:
        os.killpg(group, number)
    except PermissionError:  # macOS, of zombies; elsewhere of what became another user's
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
