"""Two kinds of `joblib.Memory`: one whose functions the engine answers, one that only counts."""

from __future__ import annotations

import copy
import copyreg
from typing import Any

from joblib import memory
from joblib.memory import MemorizedFunc, Memory

from acache.memory.engine.callers import KINDS
from acache.memory.engine.controls import CacheControls
from acache.memory.engine.methods import ASYNC_COUNTING, ASYNC_METHODS, COUNTING, METHODS
from acache.memory.engine.options import ATTRIBUTE, Options

# joblib's hash pickles with this protocol, and nothing else does by default.
_HASHING = 3
_DEFAULT = Options()
_AsyncMemorizedFunc: Any = getattr(memory, "AsyncMemorizedFunc", MemorizedFunc)  # since joblib 1.4


class _HashedAsJoblibs:
    """Hashed as the class of joblib's that it derives from: as arguments both are the same."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what a pickler compares with the class that it is given
        return next(k for k in type(self).__mro__ if k.__module__ == "joblib.memory")

    def __reduce_ex__(self, protocol: Any) -> Any:
        state = self.__getstate__()  # type: ignore[attr-defined]
        if protocol == _HASHING:
            state.pop(ATTRIBUTE, None)
            return copyreg.__newobj__, (self.__class__,), state  # type: ignore[attr-defined]
        return _new, (type(self),), state


class CountedFunc(CacheControls, _HashedAsJoblibs, MemorizedFunc):  # type: ignore[misc]
    """A function that joblib caches, and whose calls are counted."""


class AsyncCountedFunc(CacheControls, _HashedAsJoblibs, _AsyncMemorizedFunc):  # type: ignore[misc]
    """The same of a coroutine function."""


class FastFunc(CacheControls, _HashedAsJoblibs, MemorizedFunc):  # type: ignore[misc]
    """A function whose stored results the fast engine returns."""


class AsyncFastFunc(CacheControls, _HashedAsJoblibs, _AsyncMemorizedFunc):  # type: ignore[misc]
    """The same of a coroutine function."""


def _new(kind: Any) -> Any:
    return kind.__new__(kind)


def _set(kind: type, methods: dict[str, Any]) -> None:
    for name, method in methods.items():
        setattr(kind, name, method)


_set(CountedFunc, COUNTING)
_set(AsyncCountedFunc, COUNTING | ASYNC_COUNTING)
_set(FastFunc, METHODS)
_set(AsyncFastFunc, METHODS | ASYNC_METHODS)
KINDS.update({FastFunc, AsyncFastFunc})


def counted(cached: Any) -> Any:
    """Have a function that joblib caches count its calls, and carry what shows them."""
    return _as(cached, ((MemorizedFunc, CountedFunc), (_AsyncMemorizedFunc, AsyncCountedFunc)))


def fast(cached: Any, options: Options = _DEFAULT) -> Any:
    """Have a function that joblib caches answered by the fast engine."""
    cached = _as(cached, ((MemorizedFunc, FastFunc), (_AsyncMemorizedFunc, AsyncFastFunc)))
    if isinstance(cached, FastFunc | AsyncFastFunc):
        backend = cached.store_backend
        if cached.mmap_mode != getattr(backend, "mmap_mode", cached.mmap_mode):
            # joblib asks the store, which all functions share, and so ignores a function's own.
            cached.store_backend = copy.copy(backend)
            cached.store_backend.mmap_mode = cached.mmap_mode
        if options != _DEFAULT:
            setattr(cached, ATTRIBUTE, options)
    return cached


def _as(cached: Any, kinds: tuple[tuple[Any, Any], ...]) -> Any:
    for joblibs, ours in kinds:
        if type(cached) is joblibs:
            cached.__class__ = ours
            break
    return cached


class JoblibMemory(_HashedAsJoblibs, Memory):  # type: ignore[misc]
    """A `joblib.Memory` whose functions count their calls, and are otherwise joblib's."""

    def cache(self, func: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Decorate a function, as `joblib.Memory.cache` does."""
        return counted(super().cache(func, *args, **kwargs))


class FastMemory(_HashedAsJoblibs, Memory):  # type: ignore[misc]
    """A `joblib.Memory` whose functions are answered by the fast engine."""

    def have(self, options: Options) -> None:
        """Have the functions that are cached from now on made with options."""
        if options != _DEFAULT:
            setattr(self, ATTRIBUTE, options)

    def cache(self, func: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Decorate a function, as `joblib.Memory.cache` does."""
        return fast(super().cache(func, *args, **kwargs), vars(self).get(ATTRIBUTE, _DEFAULT))
