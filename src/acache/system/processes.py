"""A pool of processes on this machine.

They are new processes, not forks: threads of libraries, as those of obstore, would be missing in a
fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from queue import SimpleQueue
from types import TracebackType
from typing import Any, BinaryIO

from acache.system.pool import Job, Pool, WorkersDiedError

_ATTEMPTS = 3  # at a share whose process dies
# Before anything is imported, so that it is imported from where this process has it.
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from acache.system.processes import main; main()"
)


class ProcessPool(Pool):
    """Processes that are started for a job, and end with this one, however it ends.

    Parameters
    ----------
    size : int > 0
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._job = b""
        self._shares: SimpleQueue[bytes | None] = SimpleQueue()
        self._results: SimpleQueue[bytes | Exception] = SimpleQueue()
        self._lock = threading.Lock()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._threads: list[threading.Thread] = []
        self._ended = False

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Kill the processes: what they have not sent by now is not wanted."""
        with self._lock:
            self._ended = True
            for process in self._processes.values():
                process.kill()
        for _ in self._threads:
            self._shares.put(None)
        for thread in self._threads:
            thread.join()

    def begin(self, job: Job) -> None:
        """Send the job with the next share that each process gets."""
        self._job = pickle.dumps(job, protocol=pickle.HIGHEST_PROTOCOL)
        for number in range(len(self._threads), self.size):
            self._start(number)
            thread = threading.Thread(target=self._serve, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def give(self, share: Any) -> None:
        """Keep a share until a process has time for it."""
        self._shares.put(pickle.dumps(share, protocol=pickle.HIGHEST_PROTOCOL))

    def take(self) -> Any:
        """Wait for a result."""
        answer = self._results.get()
        if isinstance(answer, Exception):
            raise answer
        result = pickle.loads(answer)
        if isinstance(result, _Raised):
            raise result.error
        return result

    def _serve(self, number: int) -> None:
        """Give one process a share after the other, and start another one where it dies."""
        job = b""  # that it has
        while (share := self._shares.get()) is not None and not self._ended:
            for _ in range(_ATTEMPTS):
                process = self._processes[number]
                try:
                    message = (self._job if job is not self._job else None, share)
                    self._results.put(_ask(process, message))
                    job = self._job
                    break
                except (OSError, EOFError, pickle.UnpicklingError):
                    process.kill()
                    process.communicate()
                    job = b""
                    try:
                        if not self._start(number):
                            return
                    except OSError as error:
                        self._results.put(error)
                        return
            else:
                text = f"{_ATTEMPTS} worker processes died, one after the other, at the same share"
                self._results.put(WorkersDiedError(text))
        process = self._processes[number]
        process.communicate()

    def _start(self, number: int) -> bool:
        with self._lock:
            if self._ended:
                return False
            self._processes[number] = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, json.dumps([*map(str, sys.path)])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for this process alone
            )
        return True


class _Raised:
    """What a job raised instead of returning a result."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _ask(process: subprocess.Popen[bytes], message: tuple[bytes | None, bytes]) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    pickle.dump(message, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
    process.stdin.flush()
    answer: bytes = pickle.load(process.stdout)
    return answer


def main() -> None:
    """Do shares, as a process of a pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed must not be taken for an answer
    messages: SimpleQueue[tuple[bytes | None, bytes]] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, messages), daemon=True).start()
    job: Job | None = None
    while True:
        new, share = messages.get()
        try:
            if new is not None:
                job = pickle.loads(new)
            assert job is not None
            answer = pickle.dumps(job(pickle.loads(share)), protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            answer = _pickled(error)
        with contextlib.suppress(BrokenPipeError):
            pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _read(source: BinaryIO, messages: SimpleQueue[tuple[bytes | None, bytes]]) -> None:
    """Read what comes, and end this process at once where nobody waits for its answers."""
    while True:
        try:
            messages.put(pickle.load(source))
        except (OSError, EOFError, pickle.UnpicklingError):
            os._exit(0)


def _pickled(error: Exception) -> bytes:
    try:
        data = pickle.dumps(_Raised(error))
        pickle.loads(data)
    except Exception:  # its constructor takes something else
        return pickle.dumps(_Raised(RuntimeError(f"{type(error).__name__}: {error}")))
    return data
