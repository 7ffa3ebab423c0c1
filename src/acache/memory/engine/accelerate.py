"""The fast engine for every `joblib.Memory` of a process, and of those that it starts.

This module imports joblib when it is told to accelerate: a child process imports the module first,
and may need no joblib at all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from multiprocessing import process
from types import ModuleType, TracebackType
from typing import Any

_CONFIG = "acache"
_TARGET = "joblib.memory"


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
    process.current_process()._config[_CONFIG] = _Follow()  # type: ignore[attr-defined]


def _restore() -> None:
    process.current_process()._config.pop(_CONFIG, None)  # type: ignore[attr-defined]
    for kind, methods in _classes():
        for name, method in methods.items():
            if vars(kind)[name] is method:  # else another has wrapped it meanwhile
                setattr(kind, name, _joblibs[kind, name])


def _classes() -> list[tuple[Any, dict[str, Any]]]:
    from joblib import memory

    from acache.memory.engine.locations import MEMORY_METHODS
    from acache.memory.engine.methods import ASYNC_METHODS, METHODS

    kinds = [(memory.MemorizedFunc, METHODS), (memory.Memory, MEMORY_METHODS)]
    if ASYNC_METHODS:
        kinds.append((memory.AsyncMemorizedFunc, ASYNC_METHODS))
    return kinds


class _Follow:
    """Accelerates the process in which it is unpickled."""

    def __reduce__(self) -> Any:
        return _follow, ()


def _follow() -> _Follow:
    """Accelerate this process: now, or as soon as it imports joblib."""
    if _TARGET in sys.modules:
        accelerate()
    else:
        sys.meta_path.insert(0, _Finder())
    return _Follow()


class _Finder(MetaPathFinder):
    """Waits for joblib to be imported, and is gone then."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _TARGET:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _AcceleratingLoader(spec.loader)
                return spec
        return None


class _AcceleratingLoader(Loader):
    """Loads a module as its own loader does, and accelerates it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        accelerate()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


_active: list[Acceleration] = []
_joblibs: dict[tuple[Any, str], Any] = {}
