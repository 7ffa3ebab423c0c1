"""What the engine replaces in joblib's `MemorizedFunc`, so that hits are answered fast.

A call that joblib would answer from the store is answered here: fingerprint, key log, stat of the
stored source, result. Whatever else a call may be (a miss, a changed source, a damaged result, a
validation callback, something to print) is left to joblib's own code, in which only the steps that
take long are replaced. The names are those of ``joblib/memory.py``, 1.3 to 1.6.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
from time import perf_counter, time
from types import FunctionType
from typing import Any, Final

import joblib
from joblib import memory
from joblib.memory import MemorizedFunc

from acache.memory.engine.callers import Caller, caller_of
from acache.memory.engine.counts import counts_of
from acache.memory.engine.loading import load, load_sized
from acache.memory.engine.misses import (
    Lookup,
    Miss,
    arguments_to_record,
    current_miss,
    explain,
    forget_lookup,
    looked_up,
)
from acache.memory.engine.source import CodeInfo, find_source

_MISSING: Final = object()
# joblib prints of hits from 2 on.
_LAST_SILENT = 1

_local = threading.local()


class _Absent:
    """What there is no entry for, of a call in which all else speaks for a hit."""

    __slots__ = ("argument_hash",)

    def __init__(self, argument_hash: str) -> None:
        self.argument_hash = argument_hash


def answer(self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the stored result of a call; `_MISSING` or `_Absent` where there is none."""
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
    hashed = perf_counter()
    try:
        result, size = load_sized(function.output_path(argument_hash))
    except FileNotFoundError:
        if not _COMPUTES_DIRECTLY:
            return _MISSING
        Lookup(self, argument_hash, started)
        return _Absent(argument_hash)
    except Exception:  # what a damaged result raises can be anything; joblib warns of it
        return _MISSING
    answered = perf_counter()
    caller.counts.hit(argument_hash, answered - started)
    log, _, limiter, _ = caller.services
    if log is not None or limiter is not None:
        at = time() - (answered - started)
        if log is not None:
            log.hit(
                at,
                function.name,
                argument_hash,
                hash_seconds=hashed - started,
                load_seconds=answered - hashed,
                bytes_loaded=size,
            )
        if limiter is not None and at >= limiter.due:
            limiter.used(at)
    return result


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = answer(self, args, kwargs)
    if result is _MISSING:
        return _joblib_call(self, *args, **kwargs)
    if type(result) is _Absent:
        return self._call((self.func_id, result.argument_hash), args, kwargs)[0]
    return result


async def _async_call(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = answer(self, args, kwargs)
    if result is _MISSING:
        return await _joblib_async_call(self, *args, **kwargs)
    if type(result) is _Absent:
        return (await self._call((self.func_id, result.argument_hash), args, kwargs))[0]
    return result


def _argument_hash(self: Any, *args: Any, **kwargs: Any) -> str:
    started = perf_counter()
    caller = caller_of(self)
    if caller is None:
        return str(_joblib_hash(self, *args, **kwargs))
    argument_hash = caller.argument_hash(self, args, kwargs, _joblib_hash)
    if current_miss(self) is None:  # joblib 1.3 asks again while it computes
        Lookup(self, argument_hash, started)
    return argument_hash


def _check_source(self: Any, stacklevel: int = 2) -> bool:
    caller = caller_of(self)
    if caller is None:
        return bool(_joblib_check_source(self, stacklevel=stacklevel + 1))
    function, code = caller.function, getattr(self.func, "__code__", None)
    state = function.source_state()
    if state is not None and state == function.verified and function.code is code:
        return True
    if self._func_code_info is None:
        # The file that the function came from may have been edited since.
        same = function.code is code
        self._func_code_info = function.code_info if same else _stored_source(self)
    with contextlib.suppress(TypeError):  # some callables cannot be hashed
        # joblib trusts what this process once wrote, be it in another store, or written over by
        # another version of the function. Here the file is compared.
        memory._FUNCTION_HASHES.pop(self.func, None)
    found = bool(_joblib_check_source(self, stacklevel=stacklevel + 1))
    if not found and state is not None:
        explain(self, "source-changed")
    function.verify(code, self._func_code_info, state if found else None)
    return found


def _stored_source(self: Any) -> CodeInfo | None:
    try:
        stored = self.store_backend.get_cached_func_code([memory._build_func_identifier(self.func)])
        return find_source(self.func, memory.extract_first_line(stored)[0])
    except (OSError, ValueError):
        return None


def _load_item(self: Any, call_id: Any, metadata: Any = None) -> Any:
    caller = caller_of(self)
    silent = self._verbose <= _LAST_SILENT and self.store_backend.mmap_mode is None
    started = perf_counter()
    try:
        if caller is not None and silent:
            result = load(caller.function.output_path(call_id[1]))
        else:
            result = _joblib_load_item(self, call_id, metadata)
    except Exception:
        miss = current_miss(self)
        if metadata is not None and miss is not None and miss.output:
            return miss.output[0]  # computed just now, and evicted since it was stored
        raise
    if metadata is None:  # else it was computed just now
        _hit(self, caller, call_id[1], perf_counter() - started)
    return result


def _hit(self: Any, caller: Any, argument_hash: str, load_seconds: float) -> None:
    """Count and log a hit that joblib's own code found."""
    counts_of(self).hit(argument_hash, load_seconds)
    if caller is None:
        return
    log, _, limiter, _ = caller.services
    now = time()
    if limiter is not None and now >= limiter.due:
        limiter.used(now)
    if log is None:
        return
    lookup = looked_up(self)
    hash_seconds = 0.0 if lookup is None else lookup.hash_seconds
    size = 0
    with contextlib.suppress(OSError):
        size = os.stat(caller.function.output_path(argument_hash)).st_size
    log.hit(
        now - load_seconds - hash_seconds,
        caller.function.name,
        argument_hash,
        hash_seconds=hash_seconds,
        load_seconds=load_seconds,
        bytes_loaded=size,
    )


def _load_counted(self: Any, call_id: Any, metadata: Any = None) -> Any:
    started = perf_counter()
    result = _joblib_load_item(self, call_id, metadata)
    if metadata is None:
        counts_of(self).hit(call_id[1], perf_counter() - started)
    return result


def _memorized_counted(self: Any, call_id: Any, metadata: Any = None) -> Any:
    if metadata is None:
        counts_of(self).hit(call_id[1], 0.0)
    return _joblib_memorized_result(self, call_id, metadata)


def _memorized_result(self: Any, call_id: Any, metadata: Any = None) -> Any:
    if metadata is None:
        _hit(self, caller_of(self), call_id[1], 0.0)
    return _joblib_memorized_result(self, call_id, metadata)


def _is_valid_counted(self: Any, path: Any) -> bool:
    valid = bool(_joblib_is_valid(self, path))
    if valid:
        counts_of(self).hit(path[1], 0.0)
    return valid


def _is_valid(self: Any, call_id: Any) -> bool:
    has_callback = self.cache_validation_callback is not None
    existed = has_callback and self.store_backend.contains_item(call_id)
    valid = bool(_joblib_is_valid(self, call_id))
    lookup = looked_up(self)
    if lookup is not None and valid:
        lookup.reason = "unreadable"  # if it is computed all the same
    elif lookup is not None and existed and lookup.reason == "absent":
        lookup.reason = "expired"
    return valid


def _compute_counted(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = _joblib_compute(self, *args, **kwargs)
    counts_of(self).misses += 1
    return result


async def _async_compute_counted(self: Any, *args: Any, **kwargs: Any) -> Any:
    result = await _joblib_async_compute(self, *args, **kwargs)
    counts_of(self).misses += 1
    return result


def _compute(self: Any, call_id: Any, args: Any, kwargs: Any, shelving: bool = False) -> Any:
    caller = caller_of(self)
    if caller is None:
        return _compute_counted(self, call_id, args, kwargs, shelving)
    miss = _miss(self, caller, call_id[1], shelving=shelving)
    if miss.take() and (miss.output or self._is_in_cache_and_valid(call_id)):
        return _arrived(self, caller, miss, call_id, shelving), {}
    with miss:
        return _compute_counted(self, call_id, args, kwargs, shelving)


async def _async_compute(
    self: Any, call_id: Any, args: Any, kwargs: Any, shelving: bool = False
) -> Any:
    caller = caller_of(self)
    if caller is None:
        return await _async_compute_counted(self, call_id, args, kwargs, shelving)
    miss = _miss(self, caller, call_id[1], shelving=shelving)
    if await miss.take_async() and (miss.output or self._is_in_cache_and_valid(call_id)):
        return _arrived(self, caller, miss, call_id, shelving), {}
    with miss:
        return await _async_compute_counted(self, call_id, args, kwargs, shelving)


def _compute_1_3(self: Any, *args: Any, **kwargs: Any) -> Any:
    """Do as `_compute` does, for the ``call`` of joblib 1.3, which does all of it."""
    caller = caller_of(self)
    if caller is None:
        return _compute_counted(self, *args, **kwargs)
    lookup = looked_up(self)
    _local.forced = lookup is None
    argument_hash = (
        self._get_argument_hash(*args, **kwargs) if lookup is None else lookup.argument_hash
    )
    shelving, _local.shelving = getattr(_local, "shelving", False), False
    miss = _miss(self, caller, argument_hash, shelving=shelving)
    call_id = [memory._build_func_identifier(self.func), argument_hash]
    if miss.take() and (miss.output or self._is_in_cache_and_valid(call_id)):
        started = perf_counter()
        path = caller.function.output_path(argument_hash)
        result = None if shelving else (miss.output or [load(path)])[0]
        _hit(self, caller, argument_hash, perf_counter() - started)
        return result, {}
    with miss:
        return _compute_counted(self, *args, **kwargs)


def _cached_call_1_3(self: Any, args: Any, kwargs: Any, shelving: bool = False) -> Any:
    _local.shelving = shelving
    result = _joblib_cached_call(self, args, kwargs, shelving=shelving)
    lookup = looked_up(self)
    if lookup is not None:  # else it was computed
        _hit(self, caller_of(self), lookup.argument_hash, perf_counter() - lookup.hashed)
        forget_lookup()
    return result


def _miss(self: Any, caller: Any, argument_hash: str, *, shelving: bool) -> Miss:
    forced, _local.forced = getattr(_local, "forced", False), False
    must_store = shelving or self.mmap_mode is not None
    limiter, now = caller.services.limiter, time()
    if limiter is not None and now >= limiter.due:
        limiter.used(now)
    return Miss(caller, self, argument_hash, forced=forced, must_store=must_store)


def _arrived(self: Any, caller: Any, miss: Miss, call_id: Any, shelving: bool) -> Any:
    """Return a result that came from elsewhere; see `Miss.take`."""
    if miss.output:
        _hit(self, caller, call_id[1], 0.0)
        return miss.output[0]
    return self._get_memorized_result(call_id) if shelving else self._load_item(call_id)


def _forced(self: Any, *args: Any, **kwargs: Any) -> Any:
    _local.forced = True
    try:
        return _joblib_forced(self, *args, **kwargs)
    finally:
        if not _is_coroutine(self):
            _local.forced = False


def _is_coroutine(self: Any) -> bool:
    return _Async is not None and isinstance(self, _Async)


def _after_call(self: Any, *args: Any, **kwargs: Any) -> Any:
    miss = current_miss(self)
    if miss is not None:
        miss.storing(args[4])
    return _joblib_after_call(self, *args, **kwargs)


def _persist_input(self: Any, *args: Any, **kwargs: Any) -> Any:
    metadata = _joblib_persist_input(self, *args, **kwargs)
    miss = current_miss(self)
    if miss is not None:
        miss.recorded(args[-2], args[-1], metadata["input_args"])
    return metadata


def _filter_args(func: Any, ignore: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Put arguments to parameters, as joblib's function of this name does."""
    named = arguments_to_record(func, ignore, args, kwargs)
    return memory.filter_args(func, ignore, args, kwargs or {}) if named is None else named


def _with_own_filter(function: Any) -> Any:
    """Return a method of joblib's that puts arguments to parameters by `_filter_args`."""
    code = getattr(function, "__code__", None)
    if code is None or "filter_args" not in code.co_names:
        return function  # another joblib, or replaced by what traces a run
    names = {**vars(memory), "filter_args": _filter_args}
    made = FunctionType(code, names, code.co_name, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _methods(kind: Any, methods: dict[str, Any]) -> dict[str, Any]:
    """Return those methods that this joblib has."""
    return {name: method for name, method in methods.items() if name in vars(kind)}


def _version() -> tuple[int, ...]:
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", joblib.__version__)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


_Async: Any = getattr(memory, "AsyncMemorizedFunc", None)  # since joblib 1.4
# Since joblib 1.4.2 one method computes and stores what was looked up, and returns metadata too.
_COMPUTES_DIRECTLY = _version() >= (1, 4, 2)
_IS_1_3 = not hasattr(MemorizedFunc, "_call")
_COMPUTE = "call" if _IS_1_3 else "_call"
_HASH = "_get_args_id" if hasattr(MemorizedFunc, "_get_args_id") else "_get_argument_hash"
_joblib_call = MemorizedFunc.__call__
_joblib_hash = getattr(MemorizedFunc, _HASH)
_joblib_check_source = MemorizedFunc._check_previous_func_code
_joblib_compute = getattr(MemorizedFunc, _COMPUTE)
_joblib_forced = MemorizedFunc.call
_joblib_cached_call = MemorizedFunc._cached_call
_joblib_after_call: Any = getattr(MemorizedFunc, "_after_call", None)
_joblib_persist_input = _with_own_filter(MemorizedFunc._persist_input)
_joblib_load_item: Any = getattr(MemorizedFunc, "_load_item", None)
_joblib_memorized_result: Any = getattr(MemorizedFunc, "_get_memorized_result", None)
_joblib_is_valid = MemorizedFunc._is_in_cache_and_valid
_joblib_async_call: Any = vars(_Async or object).get("__call__")
_joblib_async_compute: Any = vars(_Async or object).get("_call")

COUNTING = _methods(
    MemorizedFunc,
    {
        _COMPUTE: _compute_counted,
        "_load_item": _load_counted,
        "_get_memorized_result": _memorized_counted,
    },
)
if _joblib_load_item is None:
    COUNTING["_is_in_cache_and_valid"] = _is_valid_counted
ASYNC_COUNTING = _methods(_Async or object, {"_call": _async_compute_counted})
# What the engine replaces, in joblib's own classes where all is accelerated.
METHODS = _methods(
    MemorizedFunc,
    {
        "__call__": _call,
        _HASH: _argument_hash,
        "_check_previous_func_code": _check_source,
        "_is_in_cache_and_valid": _is_valid,
        "_load_item": _load_item,
        "_get_memorized_result": _memorized_result,
        "call": _forced,
        _COMPUTE: _compute_1_3 if _IS_1_3 else _compute,
        "_after_call": _after_call,
        "_persist_input": _persist_input,
    },
)
if _IS_1_3:
    METHODS["_cached_call"] = _cached_call_1_3
ASYNC_METHODS = _methods(_Async or object, {"__call__": _async_call, "_call": _async_compute})
_recorder: Any = sys.modules.get("acache_recorder")  # of a process that `acache run` traces
if _recorder is not None:
    _recorder.install_engine(METHODS, ASYNC_METHODS, Caller, _recorder.finished)
