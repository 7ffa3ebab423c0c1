"""What a cached function carries: its counts, its entries, and why a call would be computed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from joblib import memory

from acache.memory.engine.callers import caller_of, function_id_of
from acache.memory.engine.counts import CacheInfo, counts_of
from acache.memory.engine.loading import load
from acache.store.format import dotted

if TYPE_CHECKING:
    from acache.operations.why.comparison import ArgumentChange


class CacheWhy(NamedTuple):
    """Whether a call would be answered from the store, and if not, why.

    Attributes
    ----------
    hit : bool
    reason : str or None
        Of a call that would be computed: ``first-call`` (the function has no entry yet),
        ``argument`` (none with these arguments), ``source-changed``, ``removed`` (the entry is
        gone), ``not-stored`` (its result was computed before, and not stored), ``unreadable``,
        ``expired`` (the validation callback says so); None of a hit.
    entry : str
        Entry id, ``FUNCTION/HASH``.
    nearest : str or None
        Where an argument differs, the id of the entry with the most arguments alike; of several the
        latest.
    arguments : tuple of ArgumentChange
        The arguments, beside those of the nearest entry; empty of a hit.
    message : str
        The reason as a sentence.
    fix : str or None
        What to do about it.
    """

    hit: bool
    reason: str | None
    entry: str
    nearest: str | None = None
    arguments: tuple[ArgumentChange, ...] = ()
    message: str = ""
    fix: str | None = None


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

        Nothing is computed or removed. The result is loaded, to see that it can be. Earlier calls
        are those of the call log, and the entries that there are.
        """
        argument_hash = _argument_hash(self, args, kwargs)
        entry = _entry(self, argument_hash)
        reason = _reason(self, [_function_id(self), argument_hash])
        if reason is None:
            return CacheWhy(True, None, entry, message="its entry answers it")
        from acache.memory.engine.explanation import explain_call

        miss = explain_call(self, argument_hash, reason, args, kwargs)
        return CacheWhy(
            False, miss.reason, entry, miss.nearest, miss.arguments, miss.message, miss.fix
        )


def _reason(cached: Any, call_id: list[str]) -> str | None:
    """Return why a call would be computed in the words of the call log; None if it would not."""
    backend = cached.store_backend
    folder = os.path.join(backend.location, call_id[0])
    stored = _stored_source(cached, call_id[0])
    if stored not in (None, cached.func_code_info[0]):
        return "source-changed"
    if not backend.contains_item(call_id):
        return "absent"
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


def _argument_hash(cached: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    hashed = getattr(cached, "_get_args_id", None) or cached._get_argument_hash
    return str(hashed(*args, **kwargs))


def _function_id(cached: Any) -> str:
    return function_id_of(cached)


def _entry(cached: Any, argument_hash: str) -> str:
    return f"{dotted(_function_id(cached).replace(os.sep, '/'))}/{argument_hash}"
