"""The fast engine for every `joblib.Memory` of a process, and of those that it starts."""

from __future__ import annotations

from multiprocessing import process
from types import TracebackType
from typing import Any

from joblib import memory

from acache.memory.engine.follow import Follow
from acache.memory.engine.methods import ASYNC_METHODS, METHODS

_CONFIG = "acache"


class Acceleration:
    """What `accelerate` did; a context manager that takes it back."""

    def __init__(self) -> None:
        self._active = True

    def undo(self) -> None:
        """Give the functions back to joblib's own code, unless others accelerate them too."""
        if self._active:
            self._active = False
            _active.remove(self)
            if not _active:
                _restore()

    def __enter__(self) -> Acceleration:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()


def accelerate() -> Acceleration:
    """Have the fast engine answer every `joblib.Memory`, from now on.

    It answers those of librosa, scikit-learn and nilearn, made before or after, in this process and
    in those that joblib.Parallel and multiprocessing start from now on. The stores stay joblib's.
    A `CacheManager` that was made with ``engine="joblib"`` stays with joblib.

    Returns
    -------
    acceleration : Acceleration
        A context manager; its ``undo()`` takes it back.

    Examples
    --------
    >>> import tempfile
    >>> import joblib
    >>> import acache
    >>> memory = joblib.Memory(tempfile.mkdtemp(), verbose=0)
    >>> @memory.cache
    ... def square(x):
    ...     return x * x
    >>> with acache.accelerate():
    ...     square(3), square(3)
    (9, 9)
    """
    if not _active:
        _install()
    acceleration = Acceleration()
    _active.append(acceleration)
    return acceleration


def _install() -> None:
    for kind, methods in _classes():
        for name, method in methods.items():
            _joblibs[kind, name] = vars(kind)[name]
            setattr(kind, name, method)
    # Every process object has a copy, and takes it into its process where that is a new Python.
    process.current_process()._config[_CONFIG] = Follow()  # type: ignore[attr-defined]


def _restore() -> None:
    process.current_process()._config.pop(_CONFIG, None)  # type: ignore[attr-defined]
    for kind, methods in _classes():
        for name, method in methods.items():
            if vars(kind)[name] is method:  # else another has wrapped it meanwhile
                setattr(kind, name, _joblibs[kind, name])


def _classes() -> list[tuple[Any, dict[str, Any]]]:
    kinds = [(memory.MemorizedFunc, METHODS)]
    if ASYNC_METHODS:
        kinds.append((memory.AsyncMemorizedFunc, ASYNC_METHODS))
    return kinds


_active: list[Acceleration] = []
_joblibs: dict[tuple[Any, str], Any] = {}
