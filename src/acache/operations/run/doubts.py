"""What a user should know about a traced run: each warning says what to do."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from acache.config.buckets import local_copy
from acache.config.settings import Config
from acache.operations.run.trace_log import FunctionCalls, Trace
from acache.store.call_writer import location_of
from acache.store.format import dotted
from acache.store.store import Store
from acache.system.text import counted, printable, size_text

_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b", re.IGNORECASE)
# What is written with the middle left out, or without its values, though joblib hashes all of it.
_SHORTENED = re.compile(
    r"(?:\w+\.)*(?:\w*array|memmap|matrix)\(.*\.\.\.|<.*sparse", re.DOTALL | re.I
)
_MOST_COMPARED = 200  # entries of a function
_MOST_NAMED = 3


class Doubt(NamedTuple):
    """Why no later run will reuse the results of a function."""

    text: str
    is_dropped: bool = False  # joblib removes its entries in every process


_WITHOUT_ENGINE = (
    "the fast engine cannot be imported in that Python, so joblib's own code ran; pip install"
    " acache there"
)


def warnings(
    trace: Trace, doubts: Sequence[tuple[FunctionCalls, Doubt]], config: Config, *, exit_code: int
) -> list[str]:
    """Return why nothing was cached, what failed, and what no later run will reuse.

    Parameters
    ----------
    trace : Trace
    doubts : sequence of (FunctionCalls, Doubt)
        See `unrepeatable`.
    config : Config
    exit_code : int
    """
    rows = trace.functions
    missing = [_WITHOUT_ENGINE] if trace.without_engine else []
    if not rows:
        return [*missing, _nothing_called(trace, config, exit_code)]
    expected = [calls for calls, doubt in doubts if doubt.is_dropped]
    return [
        *missing,
        *_failures(rows),
        *_drops([row for row in rows if row not in expected]),
        *(doubt.text for _, doubt in doubts),
        *_other_caches(rows, config),
    ]


def _nothing_called(trace: Trace, config: Config, exit_code: int) -> str:
    if not trace.pythons:
        return (
            "no Python was traced: none was started, or it ignores its environment, as python -I,"
            " -E and -S do; start it without these options"
        )
    if not trace.joblibs:
        return "joblib was not imported, so nothing was cached"
    if exit_code:
        return "no cached function was called before the command failed"
    if config.location is None:
        variable = config.cache_dir.variable
        return f"no cached function was called, and no cache is configured; set {variable}"
    level = config.level.value
    if level is None or not trace.packages & {"librosa", "acache", config.prefix.lower()}:
        return "no cached function was called"
    return f"no cached function was called at level {level}; a higher --level caches more functions"


def _failures(rows: Sequence[FunctionCalls]) -> Iterator[str]:
    """Name the functions whose results joblib could not store, and its own words about it."""
    tried = any(row.store_seconds for row in rows)
    if tried and not any(row.bytes_stored for row in rows):
        yield "no result could be stored: see acache config, the disk, and permissions"
    messages: dict[str, list[FunctionCalls]] = {}
    for row in rows:
        if row.failures:
            messages.setdefault(row.failure, []).append(row)
    for message, failing in messages.items():
        results = counted(sum(row.failures for row in failing), "result")
        words = f": {message}" if message else ""
        yield f"{_named(failing)}: joblib could not store {results}{words}"


def _drops(rows: Sequence[FunctionCalls]) -> Iterator[str]:
    for row in rows:
        entries = counted(row.dropped_entries, "entry", "entries")
        size = size_text(row.dropped_bytes)
        if row.drops > 1:
            yield (
                f"{_named([row])}: its source changed {row.drops} times during the run, and each"
                f" time joblib removed its entries ({entries}, {size}): two functions share this"
                " name; rename one of them"
            )
        elif row.drops:
            yield f"{_named([row])}: its source has changed, so joblib removed {entries}, {size}"


def _other_caches(rows: Sequence[FunctionCalls], config: Config) -> Iterator[str]:
    """Name the stores of a script's own, which the configuration does not choose."""
    location = local_copy(config.location)
    if location is None:
        return
    own = os.path.realpath(location)
    stores: dict[str, list[FunctionCalls]] = {}
    for row in rows:
        if location_of(os.path.realpath(row.store)) != own:
            stores.setdefault(row.store, []).append(row)
    for store, calls in stores.items():
        yield f"{_named(calls)}: cached in {printable(store)}, which is not the configured location"


def _named(rows: Sequence[FunctionCalls]) -> str:
    names = [printable(dotted(row.function)) for row in rows[:_MOST_NAMED]]
    more = [f"{len(rows) - _MOST_NAMED} more"] if len(rows) > _MOST_NAMED else []
    return ", ".join(names + more)


def unrepeatable(calls: FunctionCalls, store: Store) -> Doubt | None:
    """Explain why no later run will reuse the results of a function, if anything suggests that.

    Parameters
    ----------
    calls : FunctionCalls
    store : Store
        After the run.
    """
    if not calls.misses or not calls.bytes_stored:
        return None
    name = _named([calls])
    try:
        source = (store.source(calls.function) or "").strip()
    except OSError:
        source = ""
    if "\n" not in source and _ADDRESS.search(source):
        text = (
            f"{name}: no other process reuses its results, as joblib knows it only as"
            f" {printable(source[:80])}, with an address in memory; cache a function that calls it"
        )
        return Doubt(text, is_dropped=True)
    return _same_arguments(calls, store, name)


def _same_arguments(calls: FunctionCalls, store: Store, name: str) -> Doubt | None:
    """Compare the recorded arguments of the misses with each other and with older entries."""
    missed = [h for h in store.hashes(calls.function) if h in calls.missed_entries]
    others = [h for h in store.hashes(calls.function) if h not in calls.missed_entries]
    ours = [_arguments(store, calls.function, h) for h in missed[:_MOST_COMPARED]]
    older = {_arguments(store, calls.function, h) for h in others[:_MOST_COMPARED]} - {None}
    known = [one for one in ours if one is not None]
    again = sum(one in older for one in known)
    twice = len(known) - len(set(known))
    if not (again or twice):
        return None
    same = [f"{again} as older entries"] if again else []
    same += [f"{twice} as other calls of this run"] if twice else []
    odd = sorted({key for one in known for key, text in one if not _is_literal(text)})
    names = f" ({', '.join(map(printable, odd[:_MOST_NAMED]))})" if odd else ""
    return Doubt(
        f"{name}: of {counted(calls.misses, 'miss', 'misses')}, {' and '.join(same)} had the same"
        f" recorded arguments{names}; if these are the same calls, they will never be hits, as"
        " joblib hashes tensors and some other objects differently each time: pass arrays and"
        " numbers instead, or leave them out with ignore="
    )


_Arguments = tuple[tuple[str, str], ...]


def _arguments(store: Store, function: str, argument_hash: str) -> _Arguments | None:
    """Return what is recorded of a call; None if other calls may have the same record."""
    try:
        metadata = store.metadata(function, argument_hash)
    except (OSError, ValueError):
        return None
    if metadata is None or not metadata.input_args:
        return None
    texts = metadata.input_args.items()
    if any(_SHORTENED.match(text) for _, text in texts):
        return None
    return tuple(sorted((name, _ADDRESS.sub("0x", text)) for name, text in texts))


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
