"""What goes with computing a result: a lease, the limits of its store, and a line in the call log.

The names of joblib's methods are those of ``joblib/memory.py``, 1.3 to 1.6.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from contextvars import ContextVar
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

from joblib import _store_backends

from acache.memory.engine.flight import Lease
from acache.memory.engine.loading import load
from acache.store.format import METADATA, OUTPUT

if TYPE_CHECKING:
    from acache.store.call_writer import CallWriter

_NO_LEASE = Lease()
_local = threading.local()
# A context belongs to a thread, and in asyncio to a task.
_current: ContextVar[Miss | None] = ContextVar("acache_miss", default=None)


class Lookup:
    """How a call was looked up, until joblib computes it or returns its result.

    Attributes
    ----------
    owner : weakref.ref of MemorizedFunc
    argument_hash : str
    hash_seconds : float
    hashed : float
        When that was done, by `time.perf_counter`.
    reason : str
        Why it is computed, if it is; see `acache.store.call_log.Call`.
    """

    __slots__ = ("argument_hash", "hash_seconds", "hashed", "owner", "reason")

    def __init__(
        self, owner: Any, argument_hash: str, started: float, *, reason: str = "absent"
    ) -> None:
        self.owner = weakref.ref(owner)
        self.argument_hash = argument_hash
        self.hashed = perf_counter()
        self.hash_seconds = self.hashed - started
        self.reason = reason
        _local.lookup = self


def looked_up(owner: Any) -> Lookup | None:
    """Return how a function's call was looked up just now in this thread."""
    lookup: Lookup | None = getattr(_local, "lookup", None)
    return lookup if lookup is not None and lookup.owner() is owner else None


def forget_lookup() -> None:
    """End the lookup of this thread: its call is answered, or computed from now on."""
    _local.lookup = None


def explain(owner: Any, reason: str) -> None:
    """Note why the call that is being looked up will be computed."""
    lookup = looked_up(owner)
    if lookup is not None:
        lookup.reason = reason


class Miss:
    """A call that is being computed; a context manager.

    Parameters
    ----------
    caller : acache.memory.engine.callers.Caller
    owner : MemorizedFunc
    argument_hash : str
    forced : bool
        Whether computing was asked for.
    must_store : bool
        Whether joblib goes on with the stored result.

    Attributes
    ----------
    refused : str
        Why the limits do not allow the result to be stored; empty if they do.
    output : list
        The result, once it is computed.
    """

    def __init__(
        self, caller: Any, owner: Any, argument_hash: str, *, forced: bool, must_store: bool
    ) -> None:
        lookup = looked_up(owner)
        forget_lookup()
        self._caller = caller  # its module imports this one
        self._owner = owner
        self._hash = argument_hash
        self._must_store = must_store
        self._began = perf_counter()
        self._at = time.time()
        self._seconds = [0.0, 0.0, 0.0, 0.0]
        self._reason = "forced" if forced else "unknown"
        if lookup is not None:
            self._reason = "forced" if forced else lookup.reason
            self._seconds[:2] = lookup.hash_seconds, self._began - lookup.hashed
        self._stored: float | None = None  # when storing began
        self._lease = _NO_LEASE
        self._given: tuple[Any, Any] | None = None
        self._texts: dict[str, str] = {}
        self.refused = ""
        self.output: list[Any] = []

    def take(self) -> bool:
        """Take the right to compute the result, unless it arrives from elsewhere.

        Returns
        -------
        arrived : bool
            Whether another process has computed it meanwhile, or a bucket has it. It is in the
            store then; or `output`, where the limits do not allow that.
        """
        flights = self._caller.services.flights
        if flights is not None and self._reason != "forced":
            self._lease = flights.take(self._caller.function.name, self._hash)
            self._waited()
        return self._lease.arrived or (self._may_fetch and self._fetched())

    async def take_async(self) -> bool:
        """Do as `take` does, while other tasks go on."""
        flights = self._caller.services.flights
        if flights is not None and self._reason != "forced":
            self._lease = await flights.take_async(self._caller.function.name, self._hash)
            self._waited()
        if self._lease.arrived or not self._may_fetch:
            return self._lease.arrived
        import asyncio

        return await asyncio.get_running_loop().run_in_executor(None, self._fetched)

    @property
    def _may_fetch(self) -> bool:
        """Whether a result that others have computed will do."""
        shared = self._caller.services.sharing is not None
        return shared and self._reason not in ("forced", "expired")

    def _fetched(self) -> bool:
        """Return whether a bucket has the result; see `take`."""
        fetched = self._caller.services.sharing.fetch(self._caller.function, self._hash)
        if fetched is None:
            return False
        try:
            if self.admits(os.stat(fetched.path).st_size):
                fetched.place()
            else:
                self.output = [load(fetched.path)]
        except Exception:  # what a damaged result raises can be anything
            return False
        finally:
            fetched.discard()
            self._waited()
        self._lease.release()
        return True

    def _waited(self) -> None:
        now = perf_counter()
        self._seconds[1] += now - self._began
        self._began = now

    def __enter__(self) -> Miss:
        self._token = _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        now = perf_counter()
        stored = self._stored
        self._seconds[2] = (now if stored is None else stored) - self._began
        self._seconds[3] = 0.0 if stored is None else now - stored
        with contextlib.suppress(ValueError):  # a coroutine that another context closes
            _current.reset(self._token)
        if self.refused:
            with contextlib.suppress(OSError):  # the folder that joblib made for it
                os.rmdir(os.path.dirname(self._output))
        self._lease.release()
        sharing = self._caller.services.sharing
        if sharing is not None and stored is not None and error is None and not self.refused:
            sharing.stored(self._caller.function, self._hash)
        log = self._caller.services.log
        if log is not None:
            self._log(log, raised=error is not None)

    @property
    def _output(self) -> str:
        return str(self._caller.function.output_path(self._hash))

    def storing(self, output: Any) -> None:
        """Note that the result is computed, and about to be stored."""
        self._stored = perf_counter()
        self.output = [output]

    def recorded(self, args: Any, kwargs: Any, texts: dict[str, str]) -> None:
        """Keep the arguments, and the texts that joblib made of them."""
        self._given = args, kwargs
        self._texts = texts

    def _log(self, log: CallWriter, *, raised: bool) -> None:
        size = 0
        if not raised and not self.refused:
            with contextlib.suppress(OSError):
                status = os.stat(self._output)
                size = status.st_size if status.st_mtime >= self._at - 2.0 else 0
        error = self.refused
        if not (raised or size or error):
            error = "joblib could not write it"
        hashing, loading, computing, storing = self._seconds
        log.miss(
            self._at - hashing - loading,
            self._caller.function.name,
            self._hash,
            self._reason,
            (hashing, loading, computing, storing),
            bytes_stored=size,
            error=error,
            arguments=self._arguments(),
        )

    def _arguments(self) -> list[tuple[str, str, str]]:
        """List name, fingerprint and repr of each argument."""
        if self._given is None:
            return []
        fingerprints = self._caller.argument_fingerprints(self._owner, *self._given)
        return [(name, fingerprints.get(name, ""), text) for name, text in self._texts.items()]

    def is_of(self, backend: Any, filename: str) -> bool:
        """Return whether a file is one of the entry that this call stores."""
        return backend is self._owner.store_backend and os.path.dirname(
            filename
        ) == os.path.dirname(self._output)

    def admits(self, size: int) -> bool:
        """Return whether the limits of the store allow a result of this size."""
        limiter = self._caller.services.limiter
        if limiter is None:
            return True
        self.refused = limiter.refusal(size, must=self._must_store)
        return not self.refused


def current_miss(owner: Any) -> Miss | None:
    """Return the call of a function that is being computed here, not one that it makes."""
    miss = _current.get()
    return miss if miss is not None and miss._owner is owner else None


def arguments_to_record(func: Any, ignore: Any, args: Any, kwargs: Any) -> dict[str, Any] | None:
    """Return the arguments of the call that is being stored; None where joblib must name them."""
    miss = _current.get()
    if miss is None or miss._owner.func is not func or miss._owner.ignore is not ignore:
        return None
    named: dict[str, Any] | None = miss._caller.recorded_arguments(miss._owner, args, kwargs)
    return named


def heed_limits() -> None:
    """Have joblib ask for room before it gives a result its name; for results of the engine."""
    backend = _store_backends.FileSystemStoreBackend
    if backend._concurrency_safe_write is not _write:
        backend._concurrency_safe_write = _write


def _write(self: Any, to_write: Any, filename: str, write_func: Any) -> None:
    miss = _current.get()
    if miss is None or not miss.is_of(self, filename):
        _joblib_write(self, to_write, filename, write_func)
        return
    name = os.path.basename(filename)
    if name == METADATA and miss.refused:
        return
    temporary = _store_backends.concurrency_safe_write(to_write, filename, write_func)
    if name == OUTPUT and not miss.admits(os.stat(temporary).st_size):
        os.unlink(temporary)
        return
    self._move_item(temporary, filename)


_joblib_write = _store_backends.StoreBackendMixin._concurrency_safe_write
