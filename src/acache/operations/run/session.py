"""A trace: the environment in which child processes are traced, and their calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType

from acache.operations.run.trace_log import Trace, add_up
from acache.system.tempdir import private_folder

TRACE_VARIABLE = "ACACHE_TRACE"
ENGINE_VARIABLE = "ACACHE_TRACE_ENGINE"
_CHILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child")


class Tracing:
    """Traces the cached calls of processes that are given its environment, and of their children.

    A context manager, which removes its files at the end.

    Examples
    --------
    >>> with Tracing() as tracing:
    ...     environment = tracing.environment({"PATH": "/usr/bin"})
    ...     tracing.read().functions
    ()
    """

    def __enter__(self) -> Tracing:
        with ExitStack() as stack:
            self._file = os.path.join(stack.enter_context(private_folder("acache-trace-")), "calls")
            with open(self._file, "xb"):
                self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def environment(self, environ: Mapping[str, str], *, engine: str = "joblib") -> dict[str, str]:
        """Return an environment in which Pythons are traced.

        Parameters
        ----------
        environ : mapping of str to str
            The environment without tracing.
        engine : {"joblib", "fast"}
            What answers the functions of each `joblib.Memory`.
        """
        path = environ.get("PYTHONPATH")
        folders = f"{_CHILD}{os.pathsep}{path}" if path else _CHILD
        traced = {**environ, "PYTHONPATH": folders, TRACE_VARIABLE: self._file}
        if engine == "fast":
            traced[ENGINE_VARIABLE] = engine
        return traced

    def read(self) -> Trace:
        """Add up the calls that have ended so far."""
        with open(self._file, "rb") as lines:
            return add_up(lines)
