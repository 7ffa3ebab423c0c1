"""What the engine replaces in joblib's `MemorizedFunc`, so that hits are answered fast.

A call that joblib would answer from the store is answered here: fingerprint, key log, stat of the
stored source, result. Whatever else a call may be (a miss, a changed source, a damaged result, a
validation callback, something to print) is left to joblib's own code, in which only the steps that
take long are replaced. The names are those of ``joblib/memory.py``, 1.3 to 1.6.
"""

from __future__ import annotations

import contextlib
import threading
from time import perf_counter
from typing import Any, Final

from joblib import memory
from joblib.memory import MemorizedFunc

from acache.memory.engine.callers import caller_of
from acache.memory.engine.counts import counts_of
from acache.memory.engine.loading import load

_MISSING: Final = object()
# joblib prints of hits from 2 on.
_LAST_SILENT = 1

_local = threading.local()


def answer(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the stored result of a call; `_MISSING` where joblib's own code must go on."""
    started = perf_counter()
    caller = caller_of(self)
    if (
        caller is None
        or self._verbose > _LAST_SILENT
        or self.mmap_mode is not None
        or caller.backend.mmap_mode is not None
        or self.cache_validation_callback is not None
    ):
        return _MISSING
    function = caller.function
    state = function.verified
    if (
        state is None
        or state != function.source_state()
        or function.code is not getattr(self.func, "__code__", None)
    ):
        return _MISSING
    argument_hash = caller.argument_hash(self, args, kwargs, _joblib_hash)
    try:
        result = load(function.output_path(argument_hash))
    except Exception:  # what a damaged result raises can be anything; joblib warns of it
        _local.known = (self, argument_hash)
        return _MISSING
    caller.counts.hit(argument_hash, perf_counter() - started)
    return result


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = answer(self, args, kwargs)
    return _joblib_call(self, *args, **kwargs) if result is _MISSING else result


async def _async_call(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = answer(self, args, kwargs)
    return await _joblib_async_call(self, *args, **kwargs) if result is _MISSING else result


def _argument_hash(self: Any, *args: Any, **kwargs: Any) -> str:
    known = getattr(_local, "known", None)
    if known is not None:
        # Of this very call: joblib asks for it before it does anything else.
        _local.known = None
        if known[0] is self:
            return str(known[1])
    caller = caller_of(self)
    if caller is None:
        return str(_joblib_hash(self, *args, **kwargs))
    return caller.argument_hash(self, args, kwargs, _joblib_hash)


def _check_source(self: Any, stacklevel: int = 2) -> bool:
    caller = caller_of(self)
    if caller is None:
        return bool(_joblib_check_source(self, stacklevel=stacklevel + 1))
    function, code = caller.function, getattr(self.func, "__code__", None)
    state = function.source_state()
    if function.code is code and self._func_code_info is None:
        # The file that the function came from may have been edited since.
        self._func_code_info = function.code_info
    with contextlib.suppress(TypeError):  # some callables cannot be hashed
        # joblib trusts what this process once wrote, be it in another store, or written over by
        # another version of the function. Here the file is compared.
        memory._FUNCTION_HASHES.pop(self.func, None)
    found = bool(_joblib_check_source(self, stacklevel=stacklevel + 1))
    function.verify(code, self._func_code_info, state if found else None)
    return found


def _load_item(self: Any, call_id: Any, metadata: Any = None) -> Any:
    caller = caller_of(self)
    silent = self._verbose <= _LAST_SILENT and self.store_backend.mmap_mode is None
    started = perf_counter()
    if caller is not None and silent:
        result = load(caller.function.output_path(call_id[1]))
    else:
        result = _joblib_load_item(self, call_id, metadata)
    if metadata is None:  # else it was computed just now
        counts_of(self).hit(call_id[1], perf_counter() - started)
    return result


def _load_counted(self: Any, call_id: Any, metadata: Any = None) -> Any:
    started = perf_counter()
    result = _joblib_load_item(self, call_id, metadata)
    if metadata is None:
        counts_of(self).hit(call_id[1], perf_counter() - started)
    return result


def _memorized_result(self: Any, call_id: Any, metadata: Any = None) -> Any:
    if metadata is None:
        counts_of(self).hit(call_id[1], 0.0)
    return _joblib_memorized_result(self, call_id, metadata)


def _is_valid(self: Any, path: Any) -> bool:
    valid = bool(_joblib_is_valid(self, path))
    if valid:
        counts_of(self).hit(path[1], 0.0)
    return valid


def _compute(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = _joblib_compute(self, *args, **kwargs)
    counts_of(self).misses += 1
    return result


async def _async_compute(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = await _joblib_async_compute(self, *args, **kwargs)
    counts_of(self).misses += 1
    return result


def _methods(kind: Any, methods: dict[str, Any]) -> dict[str, Any]:
    """Return those methods that this joblib has."""
    return {name: method for name, method in methods.items() if name in vars(kind)}


_Async: Any = getattr(memory, "AsyncMemorizedFunc", None)  # since joblib 1.4
_COMPUTE = "_call" if hasattr(MemorizedFunc, "_call") else "call"
_HASH = "_get_args_id" if hasattr(MemorizedFunc, "_get_args_id") else "_get_argument_hash"
_joblib_call = MemorizedFunc.__call__
_joblib_hash = getattr(MemorizedFunc, _HASH)
_joblib_check_source = MemorizedFunc._check_previous_func_code
_joblib_compute = getattr(MemorizedFunc, _COMPUTE)
_joblib_load_item: Any = getattr(MemorizedFunc, "_load_item", None)
_joblib_memorized_result: Any = getattr(MemorizedFunc, "_get_memorized_result", None)
_joblib_is_valid = MemorizedFunc._is_in_cache_and_valid
_joblib_async_call: Any = vars(_Async or object).get("__call__")
_joblib_async_compute: Any = vars(_Async or object).get("_call")

COUNTING = _methods(
    MemorizedFunc,
    {
        _COMPUTE: _compute,
        "_load_item": _load_counted,
        "_get_memorized_result": _memorized_result,
    },
)
if _joblib_load_item is None:
    COUNTING["_is_in_cache_and_valid"] = _is_valid
# What the engine replaces, in joblib's own classes where all is accelerated.
METHODS = COUNTING | _methods(
    MemorizedFunc,
    {
        "__call__": _call,
        _HASH: _argument_hash,
        "_check_previous_func_code": _check_source,
        "_load_item": _load_item,
    },
)
ASYNC_METHODS = _methods(_Async or object, {"__call__": _async_call, "_call": _async_compute})
