"""What a cached function carries: its counts, its entries, and why a call would be computed."""

from __future__ import annotations

import os
from typing import Any, Literal, NamedTuple

from joblib import memory

from acache.memory.engine.callers import caller_of, function_id_of
from acache.memory.engine.counts import CacheInfo, counts_of
from acache.memory.engine.loading import load
from acache.store.format import dotted

Reason = Literal["first-call", "argument", "source-changed", "removed", "unreadable", "expired"]


class CacheWhy(NamedTuple):
    """Whether a call would be answered from the store, and if not, why.

    Attributes
    ----------
    hit : bool
    reason : str or None
        Of a call that would be computed: ``first-call`` (the function has no entry yet),
        ``argument`` (none with these arguments), ``source-changed``, ``removed`` (the entry is
        gone), ``unreadable``, ``expired`` (the validation callback says so); None of a hit.
    entry : str
        Entry id, ``FUNCTION/HASH``.
    """

    hit: bool
    reason: Reason | None
    entry: str


class CacheControls:
    """Methods of a cached function, for classes derived from joblib's `MemorizedFunc`."""

    func: Any
    store_backend: Any

    def cache_info(self) -> CacheInfo:
        """Return what the calls of this process did: hits, misses, seconds saved."""

        def duration(argument_hash: str) -> float | None:
            metadata = self.store_backend.get_metadata([_function_id(self), argument_hash])
            seconds = metadata.get("duration")
            return seconds if isinstance(seconds, float) else None

        return counts_of(self).info(duration)

    def cache_clear(self) -> None:
        """Remove all entries of the function."""
        self.clear(warn=False)  # type: ignore[attr-defined]

    def cache_key(self, *args: Any, **kwargs: Any) -> str:
        """Return the id of the entry that answers a call with these arguments."""
        return _entry(self, _argument_hash(self, args, kwargs))

    def cache_forget(self, *args: Any, **kwargs: Any) -> bool:
        """Remove the entry for these arguments; return whether there was one."""
        call_id = [_function_id(self), _argument_hash(self, args, kwargs)]
        found = bool(self.store_backend.contains_item(call_id))
        self.store_backend.clear_item(call_id)
        return found

    def cache_why(self, *args: Any, **kwargs: Any) -> CacheWhy:
        """Return whether a call with these arguments would be a hit, and if not, why.

        Nothing is computed or removed. The result is loaded, to see that it can be.
        """
        was_known = _is_known(self, args, kwargs)
        argument_hash = _argument_hash(self, args, kwargs)
        reason = _reason(self, [_function_id(self), argument_hash], was_known=was_known)
        return CacheWhy(reason is None, reason, _entry(self, argument_hash))


def _reason(cached: Any, call_id: list[str], *, was_known: bool) -> Reason | None:
    backend = cached.store_backend
    folder = os.path.join(backend.location, call_id[0])
    stored = _stored_source(cached, call_id[0])
    if stored not in (None, cached.func_code_info[0]):
        return "source-changed"
    if not backend.contains_item(call_id):
        if was_known or os.path.isdir(os.path.join(folder, call_id[1])):
            return "removed"
        return "argument" if _has_entries(folder) else "first-call"
    if stored is None:
        return "source-changed"  # for all that anybody knows
    callback = cached.cache_validation_callback
    if callback is not None and not callback(backend.get_metadata(call_id)):
        return "expired"
    try:
        load(os.path.join(folder, call_id[1], "output.pkl"))
    except Exception:  # whatever a damaged file raises
        return "unreadable"
    return None


def _stored_source(cached: Any, function_id: str) -> str | None:
    """Return the source that the results are of; None where there is none."""
    if caller_of(cached) is None and cached.func in memory._FUNCTION_HASHES:
        return str(cached.func_code_info[0])  # joblib itself trusts what this process once wrote
    try:
        text = cached.store_backend.get_cached_func_code([function_id])
    except OSError:
        return None
    return str(memory.extract_first_line(text)[0])


def _has_entries(folder: str) -> bool:
    try:
        with os.scandir(folder) as found:
            return any(os.path.exists(os.path.join(item.path, "output.pkl")) for item in found)
    except OSError:
        return False


def _is_known(cached: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether a call with these arguments was made before, as far as the key log knows."""
    caller = caller_of(cached)
    if caller is None:
        return False
    fingerprint = caller.fingerprint(cached, args, kwargs)
    return fingerprint is not None and bool(caller.function.keys.find(fingerprint))


def _argument_hash(cached: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    hashed = getattr(cached, "_get_args_id", None) or cached._get_argument_hash
    return str(hashed(*args, **kwargs))


def _function_id(cached: Any) -> str:
    return function_id_of(cached)


def _entry(cached: Any, argument_hash: str) -> str:
    return f"{dotted(_function_id(cached).replace(os.sep, '/'))}/{argument_hash}"
