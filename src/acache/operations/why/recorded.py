"""Entries that the call log does not know, as the calls that made them."""

from __future__ import annotations

from collections.abc import Container, Mapping

from acache.store.call_log import Argument, Call
from acache.store.call_writer import shorten
from acache.store.store import Store

_MOST = 1000  # entries of a function whose ``metadata.json`` is read, 0.1 ms each
_STORED = Call(0.0, "", "", "absent", 0.0, 0.0, 0.0, 0.0, 0, 1, "", (), 0, "")


def recorded_calls(store: Store, function: str, known: Container[str]) -> list[Call]:
    """Return what joblib recorded of the entries of a function, as calls.

    joblib's own code logs no calls, and the oldest lines of a log are removed.

    Parameters
    ----------
    store : Store
    function : str
        Function id, ``/`` between its parts.
    known : container of str
        Argument hashes of entries to leave out.

    Returns
    -------
    calls : list of Call
        In the order of time; at most 1000.
    """
    unknown = [one for one in store.hashes(function) if one not in known]
    calls = [_recorded(store, function, argument_hash) for argument_hash in unknown[:_MOST]]
    return sorted(calls, key=lambda call: call.time)


def call_with(
    texts: Mapping[str, str], fingerprints: Mapping[str, str], **fields: float | str
) -> Call:
    """Make a call of a function with arguments.

    Parameters
    ----------
    texts, fingerprints : mapping of str to str
        By the names of the arguments; a fingerprint may be missing.
    **fields
        Others of `acache.store.call_log.Call`.
    """
    arguments = tuple(
        Argument(shorten(name), fingerprints.get(name, ""), shorten(text))
        for name, text in texts.items()
    )
    return _STORED._replace(arguments=arguments, **fields)  # type: ignore[arg-type]


def _recorded(store: Store, function: str, argument_hash: str) -> Call:
    try:
        metadata = store.metadata(function, argument_hash)
    except (OSError, ValueError):
        metadata = None
    if metadata is None:
        return call_with({}, {}, function=function, hash=argument_hash)
    texts, began = metadata.input_args, metadata.time or 0.0
    return call_with(texts, {}, function=function, hash=argument_hash, time=began)
