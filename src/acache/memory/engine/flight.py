"""Single flight: of several processes and threads that want one result, one computes it.

Who computes holds a lease, a locked file in ``LOCATION/.acache/flights``; the system releases it
when its process ends, however it ends. The others look at it, a few times at first and then every
50 ms: a thread that waits in the system for a lock cannot be called back.

Nobody waits for ever. A thread that waits writes into the leases that it holds what it waits for;
who finds a lease of its own at the end of such a chain computes by itself. So does who has waited
for too long, and whoever cannot lock.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType

from acache.store.call_writer import location_of, own_folder
from acache.store.format import OUTPUT
from acache.store.store import Store
from acache.system.errors import AcacheError
from acache.system.filelock import open_lock_file, try_lock

_FIRST_PAUSE_SECONDS = 0.002
_LONGEST_PAUSE_SECONDS = 0.05
_RING_SECONDS = 0.1  # between two looks whether everybody waits for everybody
_UNKNOWN_SECONDS = 300.0  # to wait for a function that has never been computed
_LEAST_SECONDS = 1.0
_MOST_DURATIONS = 16
_LONGEST_CHAIN = 64
_ABANDONED_SECONDS = (
    86_400.0  # leases of processes that were killed, and whose result nobody wanted
)
_NAME = re.compile(r"[0-9a-f]{8}-[0-9a-f]{32}", re.ASCII)

Stamp = tuple[int, int, int]


class Lease:
    """The right to compute a result, or the news that it has come; a context manager.

    Attributes
    ----------
    arrived : bool
        Whether somebody else has stored the result meanwhile.
    """

    __slots__ = ("_held", "arrived")

    def __init__(self, held: _Held | None = None, *, arrived: bool = False) -> None:
        self._held = held
        self.arrived = arrived

    def release(self) -> None:
        """Let the next one compute, if the result is not there."""
        held, self._held = self._held, None
        if held is not None:
            held.drop()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class Flights:
    """The computations of a store's results that are going on.

    No method raises because of files or locks: a computation that cannot be leased goes on without.

    Parameters
    ----------
    store : str
        Absolute path of the store.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._folder = os.path.join(own_folder(store), "flights")
        self._swept = False

    def take(self, function: str, argument_hash: str) -> Lease:
        """Return the lease for a result that is to be computed, or wait until it has arrived.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        argument_hash : str

        Returns
        -------
        lease : Lease
            To be released after the result is stored.
        """
        with self._attempt(function, argument_hash) as attempt:
            while attempt.lease is None:
                time.sleep(attempt.pause())
                attempt.again()
            return attempt.lease

    async def take_async(self, function: str, argument_hash: str) -> Lease:
        """Do as `take` does, while other tasks go on."""
        import asyncio

        with self._attempt(function, argument_hash) as attempt:
            while attempt.lease is None:
                await asyncio.sleep(attempt.pause())
                attempt.again()
            return attempt.lease

    @contextlib.contextmanager
    def _attempt(self, function: str, argument_hash: str) -> Iterator[_Attempt]:
        name = f"{zlib.crc32(os.fsencode(function)):08x}-{argument_hash}"
        output = os.path.join(self._store, function, argument_hash, OUTPUT)
        longest = partial(longest_wait, self._store, function)
        attempt = _Attempt(os.path.join(self._folder, name), output, longest)
        try:
            self._prepare()
        except OSError:
            attempt.lease = Lease()
        try:
            attempt.again()
            yield attempt
        finally:
            attempt.end()

    def _prepare(self) -> None:
        if not os.path.isdir(self._folder):
            os.stat(self._store)  # where that is gone, nothing of it must come back
            os.makedirs(self._folder, exist_ok=True)
        if not self._swept:
            self._swept = True
            self._sweep()

    def _sweep(self) -> None:
        """Remove the leases that processes left which were killed."""
        oldest = time.time() - _ABANDONED_SECONDS
        with os.scandir(self._folder) as children:
            for child in children:
                modified = child.stat(follow_symlinks=False).st_mtime
                if modified < oldest and _NAME.fullmatch(child.name):
                    held = _Held.reserve(child.path)
                    if held is not None:
                        with contextlib.suppress(OSError):
                            held.lock()
                        held.drop()


class _Attempt:
    """One thread's, or task's, way to a lease.

    Attributes
    ----------
    lease : Lease or None
        None as long as another one computes.
    """

    def __init__(self, path: str, output: str, longest: Callable[[], float]) -> None:
        self.lease: Lease | None = None
        self._path = path
        self._output = output
        self._longest = longest
        self._before = _stamp(self._output)  # of a result that is to be replaced
        self._held: _Held | None = None
        self._pauses = itertools.chain(_growing(), itertools.repeat(_LONGEST_PAUSE_SECONDS))
        self._deadline: float | None = None
        self._look = 0.0

    def again(self) -> None:
        """Try to get the lease, and see whether waiting for it still makes sense."""
        if self.lease is not None:
            return
        try:
            mine = self._lock()
        except OSError:  # no locks, no room, no permission
            self.lease = Lease()
            return
        if _stamp(self._output) not in (self._before, None):
            self.lease = Lease(arrived=True)
        elif mine:
            self.lease, self._held = Lease(self._held), None
        elif self._is_in_vain():
            self.lease = Lease()

    def _lock(self) -> bool:
        """Return whether this thread is to compute."""
        if self._held is None:
            self._held = _Held.reserve(self._path)
        return self._held is not None and (self._held.is_nested or self._held.lock())

    def _is_in_vain(self) -> bool:
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + self._longest()
        if now >= self._look:
            self._look = now + _RING_SECONDS
            _announce(self._path)
            if _is_ring(self._path):
                return True
        return now >= self._deadline

    def pause(self) -> float:
        """Return how long to wait before the next try, in seconds."""
        return next(self._pauses)

    def end(self) -> None:
        """Wait no more."""
        if self._deadline is not None:
            _announce("")
        if self._held is not None:
            self._held.drop()


class _Held:
    """A lease that a thread of this process has, or waits for.

    A lock belongs to the whole process, and ends when *any* descriptor of its file is closed. So a
    file is open at most once in a process: under its path in `_all`, which `_lock` guards.
    """

    __slots__ = ("descriptor", "is_locked", "is_nested", "path", "pid", "thread", "waits_for")

    def __init__(self, path: str, *, is_nested: bool = False) -> None:
        self.path = path
        self.is_nested = is_nested  # this thread has the lease already, and is computing
        self.is_locked = False
        self.descriptor: int | None = None
        self.waits_for = ""
        self.thread = threading.get_ident()
        self.pid = os.getpid()

    @classmethod
    def reserve(cls, path: str) -> _Held | None:
        """Enter the path; None if another thread of this process is at it."""
        with _lock:
            other = _all.get(path)
            if other is None:
                held = _all[path] = cls(path)
                return held
        return cls(path, is_nested=True) if other.thread == threading.get_ident() else None

    def lock(self) -> bool:
        """Lock the file, in this process alone; False if another one has it."""
        while True:
            with _lock:
                if self.descriptor is None:
                    self.descriptor = open_lock_file(self.path)
                if not try_lock(self.descriptor):
                    return False
                if _is_at(self.path, self.descriptor):
                    os.truncate(self.descriptor, 0)
                    self.is_locked = True
                    return True
                # It was released, and removed, between being opened and being locked.
                os.close(self.descriptor)
                self.descriptor = None

    def drop(self) -> None:
        """Remove the file if it is locked, and release it."""
        with _lock:
            if self.pid != os.getpid() or _all.get(self.path) is not self:
                return  # a child that was forked while its parent computed
            del _all[self.path]
            if self.descriptor is None:
                return
            with contextlib.suppress(OSError):
                if self.is_locked and os.name != "nt":
                    os.unlink(self.path)
            with contextlib.suppress(OSError):
                os.close(self.descriptor)
                if self.is_locked and os.name == "nt":  # open files cannot be removed there
                    os.unlink(self.path)

    def note(self, path: str) -> None:
        """Write down what this thread waits for; empty for nothing."""
        if self.waits_for != path and self.descriptor is not None:
            self.waits_for = path
            with contextlib.suppress(OSError):
                os.truncate(self.descriptor, 0)
                os.lseek(self.descriptor, 0, os.SEEK_SET)
                os.write(self.descriptor, os.fsencode(path))


def longest_wait(store: str, function: str) -> float:
    """Return how long to wait for a result of a function, in seconds.

    Parameters
    ----------
    store : str
        Absolute path of the store.
    function : str
        Function id, ``/`` between its parts.

    Returns
    -------
    seconds : float
        Twice the longest time that a sample of its entries took, a second at least; five minutes
        where nothing tells.
    """
    durations = []
    with contextlib.suppress(OSError, AcacheError):
        opened = Store(location_of(store))
        for argument_hash in opened.hashes(function)[:_MOST_DURATIONS]:
            with contextlib.suppress(OSError, ValueError):
                metadata = opened.metadata(function, argument_hash)
                durations.append((metadata and metadata.duration) or 0.0)
    return max(2 * max(durations), _LEAST_SECONDS) if durations else _UNKNOWN_SECONDS


def _growing() -> Iterator[float]:
    pause = _FIRST_PAUSE_SECONDS
    while pause < _LONGEST_PAUSE_SECONDS:
        yield pause
        pause *= 1.5


def _stamp(output: str) -> Stamp | None:
    """Return what tells one stored result from the next; None where there is none."""
    try:
        status = os.stat(output)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _is_at(path: str, descriptor: int) -> bool:
    try:
        there, ours = os.stat(path), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _announce(path: str) -> None:
    """Write into the leases of this thread what it waits for."""
    thread = threading.get_ident()
    with _lock:
        for held in _all.values():
            if held.thread == thread and held.is_locked:
                held.note(path)


def _is_ring(path: str) -> bool:
    """Return whether the one who computes waits, if only through others, for this thread."""
    thread = threading.get_ident()
    for _ in range(_LONGEST_CHAIN):
        with _lock:
            held = _all.get(path)
            if held is not None and held.is_locked:
                if held.thread == thread:
                    return True
                path = held.waits_for
            else:
                path = _read_chain(path, None if held is None else held.descriptor)
        if not path:
            return False
    return False


def _read_chain(path: str, descriptor: int | None) -> str:
    """Read from the file of a lease what its thread waits for."""
    folder, name = os.path.split(path)
    if not _NAME.fullmatch(name) or os.path.basename(folder) != "flights":
        return ""
    try:
        if descriptor is not None:
            os.lseek(descriptor, 0, os.SEEK_SET)
            return os.fsdecode(os.read(descriptor, 1 << 13))
        descriptor = open_lock_file(path, create=False)
        try:
            return os.fsdecode(os.read(descriptor, 1 << 13))
        finally:
            os.close(descriptor)
    except (OSError, ValueError):
        return ""


def _forked() -> None:
    """Begin with no lease in a forked process: its parent has them."""
    global _lock  # noqa: PLW0603 - another thread of the parent may hold it for ever
    _lock = threading.RLock()
    for held in _all.values():
        if held.descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(held.descriptor)  # a lock is its process's: the parent keeps it
    _all.clear()


_all: dict[str, _Held] = {}
_lock = threading.RLock()  # a signal handler may call a cached function while its thread is here
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
