"""The way to a bucket, and what is done while it does not work."""

from __future__ import annotations

import threading
import time
import warnings
from typing import TYPE_CHECKING

from acache.system.errors import AcacheWarning, ConfigurationError

if TYPE_CHECKING:
    from acache.store.objects import Objects

_TIMEOUT_SECONDS = 20.0  # of one request
_FIRST_PAUSE_SECONDS = 5.0  # after a failure nothing is asked for this long, then twice as long
_LONGEST_PAUSE_SECONDS = 600.0


class Link:
    """The way to a bucket, for as long as it works.

    Parameters
    ----------
    url : str
    read_only : bool
        Whether nothing is to be uploaded.
    """

    def __init__(self, url: str, *, read_only: bool) -> None:
        self.url = url
        self.read_only = read_only
        self._objects: Objects | None = None
        self._lock = threading.Lock()
        self._resumes = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._told: set[str] = set()

    def open(self) -> Objects | None:
        """Return the objects of the bucket; None while they cannot be asked for."""
        if time.monotonic() < self._resumes:
            return None
        try:
            from acache.store.objects import Objects, is_usable

            with self._lock:
                if not is_usable():  # in a process that was forked
                    return None
                if self._objects is None:
                    self._objects = Objects(self.url, timeout=_TIMEOUT_SECONDS, retries=0)
                return self._objects
        except ConfigurationError as error:
            self._resumes = float("inf")
            self.warn(f"{error}; results are kept on this machine alone")
            return None

    def failed(self, error: OSError) -> None:
        """Note that a request failed: for a while there will be no other."""
        self._resumes = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        reason = error.strerror or str(error)
        self.warn(f"{self.url}: {reason}; results are kept on this machine meanwhile", "failed")

    def refused(self, error: OSError) -> None:
        """Note that nothing may be uploaded."""
        self.read_only = True
        self.warn(f"{self.url}: {error.strerror}; nothing is uploaded", "failed")

    def worked(self) -> None:
        """Note that a request was answered."""
        self._pause = _FIRST_PAUSE_SECONDS

    def retry(self) -> None:
        """Allow the next request at once."""
        if self._resumes != float("inf"):
            self._resumes = 0.0

    def warn(self, text: str, kind: str = "") -> None:
        """Warn of something once, or once of each kind."""
        if (kind or text) not in self._told:
            self._told.add(kind or text)
            # No line of code is at fault, and whose call came first would be a matter of chance.
            warnings.warn_explicit(text, AcacheWarning, "<cache>", 1)
