"""Why a call would be computed: by the logged calls of its function, and its entries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import memory

from acache.memory.engine.callers import caller_of
from acache.operations.why.explanation import Miss, why
from acache.store.call_log import Argument, Call, read_calls
from acache.store.call_writer import location_of, shorten
from acache.store.store import Store

_MOST_RECORDED = 1000  # entries whose ``metadata.json`` is read, 0.1 ms each
_STORED = Call(0.0, "", "", "absent", 0.0, 0.0, 0.0, 0.0, 0, 1, "", (), 0, "")


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
    earlier = _earlier_calls(cached, function)
    values = memory.filter_args(cached.func, cached.ignore, args, kwargs)
    fingerprints = _fingerprints(cached, values, earlier, args, kwargs)
    texts = {name: repr(value) for name, value in values.items()}
    call = _STORED._replace(
        time=time.time(),
        function=function,
        hash=argument_hash,
        reason=reason,
        arguments=_arguments(texts, fingerprints),
    )
    return why([*earlier, call], limit=1).misses[0]


def _earlier_calls(cached: Any, function: str) -> list[Call]:
    """List the calls of a function so far, in the order of time.

    An entry that the log does not know stands for a call: joblib's own code logs none, and the
    oldest lines of a log are removed.
    """
    caller = caller_of(cached)
    if caller is not None and caller.services.log is not None:
        caller.services.log.flush()
    path = os.path.abspath(os.fsdecode(cached.store_backend.location))
    logged = [call for call in read_calls(path) if call.function == function]
    known = {call.hash for call in logged}
    found = [*logged, *_recorded(Store(location_of(path)), function, known)]
    return sorted(found, key=lambda call: call.time)


def _recorded(store: Store, function: str, known: set[str]) -> Iterator[Call]:
    unknown = [one for one in store.hashes(function) if one not in known]
    for argument_hash in unknown[:_MOST_RECORDED]:
        try:
            metadata = store.metadata(function, argument_hash)
        except (OSError, ValueError):
            metadata = None
        call = _STORED._replace(function=function, hash=argument_hash)
        if metadata is not None:
            arguments = _arguments(metadata.input_args, {})
            call = call._replace(time=metadata.time or 0.0, arguments=arguments)
        yield call


def _arguments(texts: dict[str, str], fingerprints: dict[str, str]) -> tuple[Argument, ...]:
    return tuple(
        Argument(shorten(name), fingerprints.get(name, ""), shorten(text))
        for name, text in texts.items()
    )


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
