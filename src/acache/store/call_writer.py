"""Writing of the call log, by the fast engine and by traced Pythons in which there is no acache.

Standard library alone, Python 3.8 or newer. A log is a folder of segments: text files to which
the processes of one host append whole lines; `acache.store.call_log` describes and reads them.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import sys
import threading
import time
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SEGMENT_BYTES = 8 << 20
LOG_BYTES = 64 << 20
SEGMENT = re.compile(r"(\d{16})-([0-9A-Za-z_]{1,32})\.tsv", re.ASCII)

_FLUSH_SECONDS = 1.0
_MOST_PENDING = 1024  # calls, 1 ms of work to write
_BATCH_CHARACTERS = 1 << 17
_MOST_SEGMENTS = 1024
_ACTIVE_SECONDS = 3600.0  # a segment that was written to within this time may grow to its full size
_LONGEST_TEXT = 200  # characters of an argument's repr
_MOST_ARGUMENTS = 50
_APPEND = (
    os.O_WRONLY
    | os.O_APPEND
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a named pipe with a segment's name must not block
)


class CallWriter:
    """Appends calls to the log of a store, at most a second after they ended.

    No method raises, whatever happens to the files: a log that cannot be written is lost.

    Parameters
    ----------
    store : str
        Absolute path of the store.
    """

    def __init__(self, store: str) -> None:
        self._store = store
        self._folder = calls_folder(store)
        self._pending: deque[tuple[Any, ...]] = deque()
        self._segment: str | None = None

    def hit(
        self,
        at: float,
        function: str,
        argument_hash: str,
        *,
        hash_seconds: float,
        load_seconds: float,
        bytes_loaded: int,
    ) -> None:
        """Record a call that was answered from the store; the parameters are those of `Call`."""
        # Formatted when it is written: 0.3 us here instead of 1.3.
        self._pending.append(
            (at, function, hash_seconds, load_seconds, bytes_loaded, argument_hash)
        )
        if not _ticker.running or len(self._pending) > _MOST_PENDING:
            self._look_after()

    def miss(
        self,
        at: float,
        function: str,
        argument_hash: str,
        reason: str,
        seconds: tuple[float, float, float, float],
        *,
        bytes_loaded: int = 0,
        bytes_stored: int = 0,
        error: str = "",
        arguments: list[tuple[str, str, str]] | None = None,
    ) -> None:
        """Record a call that was computed.

        Parameters
        ----------
        at, function, argument_hash, reason, bytes_loaded, bytes_stored, error
            See `acache.store.call_log.Call`.
        seconds : tuple of float
            Hashing, loading, computing, storing.
        arguments : list of (str, str, str), optional
            Name, fingerprint and repr of each; a long repr is shortened.
        """
        shortened = [
            (shorten(name), fingerprint, shorten(text))
            for name, fingerprint, text in (arguments or ())[:_MOST_ARGUMENTS]
        ]
        self._pending.append(
            (at, function, argument_hash, reason, seconds, bytes_loaded, bytes_stored,
             shorten(error), shortened)
        )  # fmt: skip
        if not _ticker.running or len(self._pending) > _MOST_PENDING:
            self._look_after()

    def flush(self) -> None:
        """Write what is pending."""
        pid = os.getpid()
        pending = True
        while pending:
            # A line break first: it ends the line that another process may have left incomplete.
            lines = ["\n"]
            size = 0
            while size < _BATCH_CHARACTERS:
                try:
                    call = self._pending.popleft()  # of two threads that flush only one gets it
                except IndexError:
                    pending = False
                    break
                lines.append(_hit_line(pid, call) if len(call) == 6 else _miss_line(pid, call))
                size += len(lines[-1])
            if size:
                with contextlib.suppress(OSError):
                    self._append("".join(lines).encode("utf-8", "surrogateescape"))

    @property
    def is_pending(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._pending)

    def forget(self) -> None:
        """Drop what is pending: in a forked process, whose parent writes it."""
        self._pending.clear()

    def _look_after(self) -> None:
        if len(self._pending) > _MOST_PENDING:
            self.flush()
        _ticker.start()

    def _append(self, data: bytes) -> None:
        """Append to the segment, opened by its name each time: a script may close descriptors.

        Where the segment is gone, so are these calls: perhaps somebody removes the location right
        now, which must not come back.
        """
        for _ in range(3):
            path, self._segment = self._segment or self._choose(), None
            descriptor = os.open(path, _APPEND)
            try:
                if os.fstat(descriptor).st_size + len(data) <= SEGMENT_BYTES:
                    os.write(descriptor, data)
                    self._segment = path
                    return
            finally:
                os.close(descriptor)

    def _choose(self) -> str:
        """Return the newest segment of this host that has room, or a new one."""
        os.stat(self._store)
        os.makedirs(self._folder, exist_ok=True)
        host = _host()
        found = segments(self._folder)
        ours = [name for name, size, _ in found if _host_of(name) == host and _has_room(size)]
        if ours:
            return os.path.join(self._folder, ours[-1])
        _make_room(self._folder, found)
        path = os.path.join(self._folder, f"{time.time() * 1e6:016.0f}-{host}.tsv")
        # Not O_EXCL: two processes that begin in one microsecond share a segment as any others do.
        os.close(os.open(path, _APPEND | os.O_CREAT, 0o666))
        return path


def location_of(store: str) -> str:
    """Return the location of a store.

    Parameters
    ----------
    store : str
        Path of the store: ``LOCATION/joblib``, or the location itself.
    """
    above, name = os.path.split(store)
    return above if name == "joblib" else store


def own_folder(store: str) -> str:
    """Return the folder in which acache keeps what is its own of a store; see `location_of`."""
    return os.path.join(location_of(store), ".acache")


def calls_folder(store: str) -> str:
    """Return the folder of the call log of a store."""
    return os.path.join(own_folder(store), "calls")


def segments(folder: str) -> list[tuple[str, int, float]]:
    """List name, size and time of modification of each segment in a folder, the oldest first."""
    found = []
    try:
        with os.scandir(folder) as children:
            for child in children:
                if SEGMENT.fullmatch(child.name) and child.is_file(follow_symlinks=False):
                    status = child.stat(follow_symlinks=False)
                    found.append((child.name, status.st_size, status.st_mtime))
    except (FileNotFoundError, NotADirectoryError):
        pass
    return sorted(found)


def shorten(text: str) -> str:
    """Cut a long text in its middle."""
    if len(text) <= _LONGEST_TEXT:
        return text
    half = (_LONGEST_TEXT - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"


def _has_room(size: int) -> bool:
    return size < SEGMENT_BYTES - (SEGMENT_BYTES >> 4)  # a full batch of calls has room then


def _make_room(folder: str, found: list[tuple[str, int, float]]) -> None:
    """Remove the oldest segments, so that a new one may grow to its full size."""
    now = time.time()
    # Other hosts go on writing to theirs.
    room = [
        max(size, SEGMENT_BYTES) if now - modified < _ACTIVE_SECONDS and _has_room(size) else size
        for _, size, modified in found
    ]
    total = sum(room) + SEGMENT_BYTES
    for index, (name, _, _) in enumerate(found):
        if total <= LOG_BYTES and len(found) - index < _MOST_SEGMENTS:
            return
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, name))
        total -= room[index]


def _hit_line(pid: int, call: tuple[Any, ...]) -> str:
    at, function, hashing, loading, bytes_loaded, argument_hash = call
    return "hit\t%d\t%d\t%s\t%.0f\t%.0f\t%d\t%s\n" % (  # noqa: UP031 - faster
        at * 1e6,
        pid,
        function if function.isprintable() and "\\" not in function else _escaped(function),
        hashing * 1e6,
        loading * 1e6,
        bytes_loaded,
        argument_hash,
    )


def _miss_line(pid: int, call: tuple[Any, ...]) -> str:
    at, function, argument_hash, reason, seconds, loaded, stored, error, arguments = call
    fields = (
        "miss",
        f"{at * 1e6:.0f}",
        str(pid),
        _escaped(function),
        argument_hash,
        _escaped(reason),
        *(f"{phase * 1e6:.0f}" for phase in seconds),
        str(loaded),
        str(stored),
        _escaped(error),
        json.dumps(arguments),  # last, as it shows whether the line is whole
    )
    return "\t".join(fields) + "\n"


def _escaped(name: str) -> str:
    name = name.replace("\\", "\\\\")
    if name.isprintable():
        return name
    return name.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _host_of(segment: str) -> str:
    match = SEGMENT.fullmatch(segment)
    return match[2] if match else ""


def _host() -> str:
    """Name the kernel: hosts must not append to one file, and containers share their host's."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip().replace("-", "")[:12]
    except (OSError, ValueError):
        import socket

        return re.sub(r"[^0-9A-Za-z]", "_", socket.gethostname())[:32] or "host"


class _Ticker:
    """Flushes all writers of this process within a second, and when the process ends.

    Its thread lives only as long as calls come in, and never while the process forks: a fork of
    several threads warns since Python 3.12.
    """

    def __init__(self) -> None:
        self.writers: dict[str, CallWriter] = {}
        self._exits = self._ended = False
        self.reset()

    def reset(self) -> None:
        """Begin anew, in a forked process."""
        self.running = False
        self._starting = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._finalizes = False
        for writer in self.writers.values():
            writer.forget()

    def start(self) -> None:
        """See that everything is flushed within a second."""
        if self._ended:
            self.flush()
        # Without waiting: a signal handler may call a cached function while its thread is here.
        if self._ended or self.running or not self._starting.acquire(blocking=False):
            return
        try:
            self._at_exit()
            thread = threading.Thread(target=self._run, name="acache-call-log", daemon=True)
            self.running = True
            thread.start()
            self._thread = thread
        except RuntimeError:  # the interpreter ends, or the system has no more threads
            self.running = False
            self.flush()
        finally:
            self._starting.release()

    def flush(self) -> None:
        """Write what is pending in any writer."""
        for writer in list(self.writers.values()):
            writer.flush()

    def finish(self) -> None:
        """End the thread, which may be writing, and write what is pending.

        A process that ends does not wait for it, and a fork would be one of several threads.
        """
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._stop.set()
            thread.join()
            self._stop.clear()
            self.running = False
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(_FLUSH_SECONDS):
            self.flush()
            # In this order: who appends after the flush sees that nobody runs, or is seen here.
            self.running = False
            if self._ended or not any(writer.is_pending for writer in self.writers.values()):
                return
            self.running = True

    def _end(self) -> None:
        """Flush, and from now on at once: other functions at exit may still make calls."""
        self._ended = True
        self.running = False
        self.finish()

    def _at_exit(self) -> None:
        if not self._exits:
            self._exits = True
            atexit.register(self._end)
        # A child of multiprocessing ends by os._exit, and runs these instead.
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._finalizes:
            self._finalizes = True
            util.Finalize(None, self.finish, exitpriority=0)


_ticker = _Ticker()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_ticker.finish, after_in_child=_ticker.reset)


def call_writer(store: str) -> CallWriter:
    """Return the one writer that this process has for a store, given by its absolute path."""
    writer = _ticker.writers.get(store)
    if writer is None:
        writer = _ticker.writers.setdefault(store, CallWriter(store))
    return writer
