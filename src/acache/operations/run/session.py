"""A trace: the environment in which child processes are traced, and their calls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType

from acache.config.engine import ENGINE_VARIABLE, Engine
from acache.operations.run.trace_log import Trace, add_up
from acache.system.tempdir import private_folder

TRACE_VARIABLE = "ACACHE_TRACE"
ACCELERATE_VARIABLE = "ACACHE_ACCELERATE"
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

    def environment(
        self, environ: Mapping[str, str], *, engine: Engine | None = None
    ) -> dict[str, str]:
        """Return an environment in which Pythons are traced.

        Parameters
        ----------
        environ : mapping of str to str
            The environment without tracing.
        engine : {"joblib", "fast"}, optional
            See `with_engine`.
        """
        return _with_child({**with_engine(environ, engine), TRACE_VARIABLE: self._file})

    def read(self) -> Trace:
        """Add up the calls that have ended so far."""
        with open(self._file, "rb") as lines:
            return add_up(lines)


def with_engine(environ: Mapping[str, str], engine: Engine | None) -> dict[str, str]:
    """Return an environment in which an engine answers every cached function.

    Parameters
    ----------
    environ : mapping of str to str
    engine : {"joblib", "fast"} or None
        ``fast`` answers each `joblib.Memory`, too, in Pythons in which acache is installed; None
        changes nothing.
    """
    if engine is None:
        return dict(environ)
    chosen = {**environ, ENGINE_VARIABLE: engine}  # for what acache's own cache answers
    return _with_child({**chosen, ACCELERATE_VARIABLE: "1"}) if engine == "fast" else chosen


def _with_child(environ: Mapping[str, str]) -> dict[str, str]:
    """Have each Python load ``sitecustomize.py`` of the folder ``child`` when it starts."""
    folders = [folder for folder in environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    others = [folder for folder in folders if folder != _CHILD]
    return {**environ, "PYTHONPATH": os.pathsep.join([_CHILD, *others])}
