"""Processes that share work, here or on other machines: what all of them offer."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from acache.system.errors import AcacheError

Job = Callable[[Any], Any]  # what is done to each share; it, shares and results can be pickled


class WorkersDiedError(AcacheError):
    """The workers that were given a share died, one after the other."""


class Pool(Protocol):
    """Workers that are given shares of a job. One that dies loses nothing: its share is done again.

    Leaving its context ends all of it at once, whatever is being done.

    Attributes
    ----------
    size : int > 0
        How many shares can be done at the same time.
    """

    size: int

    def begin(self, job: Job, /) -> None:
        """Begin with a job; nothing of an earlier one is left to be taken."""

    def give(self, share: Any, /) -> None:
        """Give the workers one more share."""

    def take(self) -> Any:
        """Wait for the result of any share, and return it.

        Raises
        ------
        WorkersDiedError
            If each worker that was given a share died.
        Exception
            What the job raised.
        """

    def __enter__(self) -> Pool: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
