"""Why a call would be computed: by the logged calls of its function, and its entries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import memory

from acache.memory.engine.callers import caller_of
from acache.operations.why.explanation import Miss, why
from acache.operations.why.recorded import call_with
from acache.store.call_log import Call, read_calls
from acache.store.call_writer import location_of
from acache.store.store import Store


def explain_call(
    cached: Any,
    argument_hash: str,
    reason: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Miss:
    """Explain a call that is about to be computed, as `acache why` explains one that was.

    Parameters
    ----------
    cached : MemorizedFunc
    argument_hash : str
    reason : str
        See `acache.store.call_log.Call`.
    args : tuple
    kwargs : dict
    """
    function = str(memory._build_func_identifier(cached.func)).replace(os.sep, "/")
    path = os.path.abspath(os.fsdecode(cached.store_backend.location))
    store = Store(location_of(path))
    earlier = [call for call in _logged(cached, path) if call.function == function]
    is_known = any(call.hash == argument_hash for call in earlier)
    if not is_known and store.hashes(function, argument_hash):  # what is left of its entry
        earlier.append(call_with({}, {}, function=function, hash=argument_hash))
    values = memory.filter_args(cached.func, cached.ignore, args, kwargs)
    call = call_with(
        {name: repr(value) for name, value in values.items()},
        _fingerprints(cached, values, earlier, args, kwargs),
        time=time.time(),
        function=function,
        hash=argument_hash,
        reason=reason,
    )
    return why([*earlier, call], limit=1, store=store).misses[0]


def _logged(cached: Any, path: str) -> Iterator[Call]:
    caller = caller_of(cached)
    if caller is not None and caller.services.log is not None:
        caller.services.log.flush()
    return read_calls(path)


def _fingerprints(
    cached: Any,
    values: dict[str, Any],
    earlier: Iterable[Call],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> dict[str, str]:
    """Make fingerprints of arguments in the way in which those of the latest miss were made."""
    latest = ""
    for call in earlier:
        latest = next((one.fingerprint for one in call.arguments if one.fingerprint), latest)
    if latest[:1] == "m":  # by `acache run` of joblib's own code
        return {name: f"m{memory.hashing.hash(value)}" for name, value in values.items()}
    caller = caller_of(cached)
    return {} if caller is None else caller.argument_fingerprints(cached, args, kwargs)
