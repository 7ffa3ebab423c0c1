"""Reading totals in a process of its own, which neither the screen nor its threads slow down."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from acache.operations.browse.contents import (
    Contents,
    Pause,
    Stopped,
    StoppedError,
    read_contents,
)
from acache.operations.selection import Selection
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.store import Store
from acache.system.detached import is_python
from acache.system.errors import UsageError

_MAIN = """
import sys
sys.path[:] = sys.argv[1:]
from acache.operations.browse.process import main
main()
"""


class Reading(NamedTuple):
    """What is to be read.

    Attributes
    ----------
    location : str
    python : str
        The Python whose packages tell levels, and whether sources have changed.
    selection : Selection
    first : bool
        Whether to report what is found meanwhile, and to begin without compute times.
    """

    location: str
    python: str
    selection: Selection
    first: bool


def read_apart(
    reading: Reading, report: Callable[[Contents], None], *, stopped: Stopped = lambda: False
) -> None:
    """Read totals in another process, or in this one where there can be no other.

    Parameters
    ----------
    reading : Reading
    report : callable
        Gets all that becomes known, the complete totals last.
    stopped : callable
        Asked now and then; True ends the reading.

    Raises
    ------
    StoppedError
        If it was stopped.
    OSError
        If the store cannot be read.
    """
    started = _start()
    if started is None:
        run(reading, report, stopped=stopped, fork=False)
        return
    with started as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with process.stdin as file:
                pickle.dump(reading, file)
            while True:
                told: Contents | Exception | None = pickle.load(process.stdout)
                if stopped():
                    raise StoppedError
                if isinstance(told, Exception):
                    raise told
                if told is not None:
                    report(told)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            if process.wait() != 0:
                code = process.returncode
                raise OSError(f"the process that reads the cache ended with {code}") from None
        finally:
            process.kill()


def _start() -> subprocess.Popen[bytes] | None:
    if not is_python():
        return None
    command = [sys.executable, "-I", "-S", "-c", _MAIN, *sys.path]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing)
    except OSError:
        return None


def run(
    reading: Reading,
    report: Callable[[Contents], None],
    *,
    stopped: Stopped,
    fork: bool,
) -> None:
    """Read totals in this process; see `read_apart`."""
    store = Store(reading.location)
    levels = Levels(store, InstalledSources(reading.python))
    drift = Drift(store, levels.installed)
    try:
        selector = reading.selection.resolve(store, levels, is_stale=drift.is_stale)
    except UsageError:  # all that it names has vanished
        report(Contents(complete=True))
        return
    read = partial(read_contents, store, selector, levels, fork=fork, stopped=stopped)
    if reading.first:
        report(read(durations=False, report=report))
    report(read(durations=True, source_state=drift))


def main() -> None:
    """Read what stdin asks for, and write it to stdout until nobody reads that any more."""
    out = sys.stdout.buffer

    def send(told: Contents | Exception | None) -> None:
        pickle.dump(told, out, protocol=pickle.HIGHEST_PROTOCOL)
        out.flush()

    pause = Pause()

    def nobody_reads() -> bool:
        if pause.is_over():
            send(None)  # raises BrokenPipeError
        return False

    reading = pickle.load(sys.stdin.buffer)
    try:
        run(reading, send, stopped=nobody_reads, fork=True)
    except BrokenPipeError:
        pass
    except Exception as problem:
        send(problem)
