"""A pool of workers of Dask, on other machines: those that a scheduler has at the time."""

from __future__ import annotations

import logging
import pickle
import re
import time
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from acache import __version__
from acache.system.errors import AcacheError, ConfigurationError
from acache.system.pool import Job, Pool, WorkersDiedError

_ADDRESS = re.compile(r"(?:[a-z]+://)?(?:[^\s/:\[\]]+|\[[0-9a-fA-F:.%]+\]):\d{1,5}", re.ASCII)
_LONGEST_START = 5.0  # seconds until a scheduler has answered, and has a worker
_LONGEST_ABSENCE = 30.0  # seconds without any worker: one that died may be started again
_TICK_SECONDS = 1.0
_VERSION = "__import__('acache').__version__"  # asked of workers that may not have the package


class ClusterPool(Pool):
    """The workers of a scheduler. Their results are unpickled: they are trusted.

    Parameters
    ----------
    address : str
        Of the scheduler: ``tcp://HOST:PORT``, or ``HOST:PORT``.

    Raises
    ------
    ConfigurationError
        If Dask is not installed, or the address is not valid.
    AcacheError
        If the scheduler cannot be reached, or has no worker, or one without this acache.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ModuleNotFoundError:
            raise ConfigurationError("--scheduler needs Dask: pip install 'acache[dask]'") from None
        if _ADDRESS.fullmatch(address) is None:
            raise ConfigurationError(f"{address!r} is not valid; write tcp://HOST:PORT")
        # What goes wrong is reported here, in one line.
        for name in ("distributed", "distributed.client", "tornado.application"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            new_client: Any = Client
            self._client = new_client(address, timeout=_LONGEST_START, set_as_default=False)
        except (OSError, TimeoutError):
            raise AcacheError(f"no scheduler answers at {address}") from None
        try:
            self.size = self._ready_workers(address)
        except BaseException:
            self._close()
            raise
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._given: set[Any] = set()
        self._job: Any = None

    def _ready_workers(self, address: str) -> int:
        """Return how many threads there are, in workers that all have this acache."""
        try:
            self._client.wait_for_workers(1, timeout=_LONGEST_START)
        except TimeoutError:
            raise AcacheError(f"the scheduler at {address} has no workers") from None
        versions = self._client.run(eval, _VERSION, on_error="return")
        for worker, version in versions.items():
            if isinstance(version, ModuleNotFoundError):
                raise AcacheError(
                    f"the worker at {worker} has no acache: pip install acache=={__version__} there"
                )
            if isinstance(version, OSError):
                continue  # it has just died, and may be started again
            if isinstance(version, BaseException):
                raise AcacheError(f"the worker at {worker} fails: {version}")
            if version != __version__:
                raise AcacheError(
                    f"the worker at {worker} has acache {version}, and this is {__version__}:"
                    " install the same there"
                )
        threads: int = sum(self._client.nthreads().values())
        return max(1, threads)

    def __enter__(self) -> ClusterPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cancel what has not begun; what is being done ends with its share."""
        if self._given:
            self._client.cancel(list(self._given), force=True)
        self._close()

    def _close(self) -> None:
        self._job = None
        self._client.close(timeout=_LONGEST_START)

    def begin(self, job: Job) -> None:
        """Have each worker unpickle the job once; a dead worker's can be made again."""
        data = pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL)
        self._job = self._client.submit(pickle.loads, data, pure=False)

    def give(self, share: Any) -> None:
        """Send a share to the scheduler."""
        future = self._client.submit(_do, self._job, share, pure=False)
        self._given.add(future)
        future.add_done_callback(self._done.put)

    def take(self) -> Any:
        """Wait for a result, as long as there is any worker."""
        future = self._next()
        while future.status in ("lost", "pending"):  # its worker died with it: it is done again
            future.add_done_callback(self._done.put)
            future = self._next()
        self._given.discard(future)
        if future.status == "error" and type(future.exception()).__name__ == "KilledWorker":
            raise WorkersDiedError("several workers died, one after the other, at the same share")
        if future.status not in ("finished", "error"):
            raise AcacheError("the scheduler is gone")
        return future.result()

    def _next(self) -> Any:
        last = time.monotonic()
        while True:
            try:
                return self._done.get(timeout=_TICK_SECONDS)
            except Empty:
                if self._client.status != "running":
                    raise AcacheError("the scheduler is gone") from None
                if self._client.nthreads():
                    last = time.monotonic()
                elif time.monotonic() - last > _LONGEST_ABSENCE:
                    raise WorkersDiedError("all workers of the scheduler are gone") from None


def _do(job: Job, share: Any) -> Any:
    return job(share)
