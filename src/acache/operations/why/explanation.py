"""Why calls were computed: each miss of the call log with its reason, and what to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from typing import NamedTuple

from acache.operations.why.comparison import ArgumentChange, compare, likeness
from acache.operations.why.hints import hint
from acache.operations.why.recorded import recorded_calls
from acache.store.call_log import Argument, Call
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.store.store import Store

REASONS = (
    "first-call",
    "argument",
    "source-changed",
    "removed",
    "unreadable",
    "expired",
    "not-stored",
    "concurrent",
    "forced",
)
_MOST_COMPARED = 1000  # earlier calls of a function, the latest ones: 2 ms
_CLOCK_SECONDS = 0.01  # by which the clocks of two processes, or of two phases, may disagree
_MAIN = "__main__"
_SIMPLE: dict[str, tuple[str, str | None]] = {
    "source-changed": (
        "the source of the function is not the one that is stored: joblib removes its entries",
        None,
    ),
    "unreadable": (
        "its entry could not be loaded",
        "acache verify finds damaged entries, acache verify --delete removes them",
    ),
    "expired": ("cache_validation_callback returned False for its entry", None),
    "forced": ("its method call() computes without looking at the entry", None),
}


class Miss(NamedTuple):
    """A call that was computed.

    Attributes
    ----------
    time : float
        When it began, Unix seconds.
    function : str
        Dotted.
    hash : str
        Argument hash.
    reason : str
        One of `REASONS`.
    nearest : str or None
        Id of the entry with the most arguments alike; of several the latest.
    arguments : tuple of ArgumentChange
        Its arguments, beside those of the nearest entry.
    message : str
        The reason as a sentence.
    fix : str or None
        What to do about it.
    """

    time: float
    function: str
    hash: str
    reason: str
    nearest: str | None
    arguments: tuple[ArgumentChange, ...]
    message: str
    fix: str | None


class WhyReport(NamedTuple):
    """The misses of a call log, the latest first.

    Attributes
    ----------
    calls : int >= 0
        Of the selected functions, hits included.
    misses : tuple of Miss
    left_out : int >= 0
        Earlier misses that are not explained.
    """

    calls: int
    misses: tuple[Miss, ...]
    left_out: int


@dataclass(slots=True)
class _Past:
    """A function's calls so far."""

    last: dict[str, Call] = field(default_factory=dict)  # by hash
    computed: list[Call] = field(default_factory=list)
    source_changed: float | None = None


class _Question(NamedTuple):
    """A miss, and what was known of its function before."""

    call: Call
    same_hash: Call | None
    past: _Past
    computed: int  # calls in `past.computed` at that time
    source_changed: float | None


def why(
    calls: Iterable[Call],
    *,
    wanted: Callable[[str, str], bool] | None = None,
    since: float | None = None,
    limit: int | None = None,
    store: Store | None = None,
) -> WhyReport:
    """Explain the misses of a call log.

    Parameters
    ----------
    calls : iterable of Call
        All that are known, in the order of time, also those before `since`: they show which entries
        there were.
    wanted : callable, optional
        Returns whether the misses of a function id and argument hash are asked for.
    since : float, optional
        Unix seconds: earlier misses are not explained.
    limit : int > 0, optional
        How many misses to explain, the latest ones.
    store : Store, optional
        Where the nearest entry may be one that is not in the log.

    Returns
    -------
    report : WhyReport
    """
    functions: dict[str, _Past] = {}
    questions: deque[_Question] = deque(maxlen=limit)
    count = missed = 0
    for call in calls:
        past = functions.setdefault(call.function, _Past())
        before = past.last.get(call.hash)
        # `wanted` is asked about every call, as it may note which ones there are.
        if (wanted is None or wanted(call.function, call.hash)) and (
            since is None or call.time >= since
        ):
            count += 1
            if not call.hit:
                missed += 1
                questions.append(
                    _Question(call, before, past, len(past.computed), past.source_changed)
                )
        if call.reason == "source-changed":
            past.source_changed = call.time
        if not call.hit:
            past.computed.append(call)
        past.last[call.hash] = call

    @cache
    def recorded(function: str) -> list[Call]:
        known = {call.hash for call in functions[function].computed}
        return [] if store is None else recorded_calls(store, function, known)

    misses = tuple(_explain(question, recorded) for question in reversed(questions))
    return WhyReport(count, misses, missed - len(misses))


def _explain(question: _Question, recorded: Callable[[str], list[Call]]) -> Miss:
    call, before = question.call, question.same_hash
    function = dotted(call.function)
    nearest = None
    changes = tuple(ArgumentChange(one.name, True, one.text, None) for one in call.arguments)
    fix: str | None = None
    if call.reason in _SIMPLE:
        reason = call.reason
        message, fix = _SIMPLE[reason]
    elif before is not None:
        reason, message, fix = _of_known(question, before)
    elif not (earlier := _earlier(question, recorded)):
        reason = "first-call"
        message = f"the first call of {function} in the log"
    else:
        reason = "argument"
        other = _nearest(call.arguments, earlier)
        nearest = entry_id(other.function, other.hash)
        changes = compare(call.arguments, other.arguments)
        message, fix = _about(changes)
    if reason == "first-call" and _MAIN in call.function:
        fix = "move the function into a module: those of __main__ are cached for each script apart"
    return Miss(call.time, function, call.hash, reason, nearest, changes, message, fix)


def _of_known(question: _Question, before: Call) -> tuple[str, str, str | None]:
    """Return why an entry was computed that a call had asked for before."""
    if _end(before) > question.call.time + _CLOCK_SECONDS:
        return (
            "concurrent",
            "another thread or process was at the same call, and had not stored its result",
            "the fast engine with ACACHE_SINGLE_FLIGHT=1 computes it once for all that wait",
        )
    if before.error:
        return (
            "not-stored",
            f"its result could not be stored when it was computed before: {before.error}",
            "return a result that can be pickled, and see that the store has room",
        )
    if not (before.hit or before.bytes_stored):
        message = "it raised an exception when it was computed before, so nothing was stored"
        return "not-stored", message, None
    if _was_dropped(question, before):
        message = "the source of the function changed since, which removed its entries"
        return "source-changed", message, None
    return (
        "removed",
        f"its entry was cleared, pruned or lost after {_when(before.time)}",
        "raise the limits of the cache if they removed it: acache simulate shows which",
    )


def _end(call: Call) -> float:
    phases = (call.hash_seconds, call.load_seconds, call.compute_seconds, call.store_seconds)
    return call.time + sum(phases)


def _was_dropped(question: _Question, before: Call) -> bool:
    changed = question.source_changed
    return changed is not None and changed > before.time


def _earlier(question: _Question, recorded: Callable[[str], list[Call]]) -> list[Call]:
    """Return the latest calls of the function that were computed before, in the order of time."""
    call = question.call
    logged = question.past.computed[max(0, question.computed - _MOST_COMPARED) : question.computed]
    entries = [entry for entry in recorded(call.function) if entry.time < call.time]
    return sorted([*entries, *logged], key=lambda one: one.time) if entries else logged


def _nearest(arguments: Sequence[Argument], earlier: Sequence[Call]) -> Call:
    """Return the earlier call with the most arguments alike; of several the latest."""
    # Where the content of all arguments is known, one of them differs.
    most = len(arguments) - all(argument.fingerprint for argument in arguments)
    found, found_alike = earlier[-1], -1
    for call in reversed(earlier):
        alike = likeness(arguments, call.arguments)
        if alike > found_alike:
            found, found_alike = call, alike
            if alike >= most:
                break
    return found


def _about(changes: tuple[ArgumentChange, ...]) -> tuple[str, str | None]:
    differing = [change for change in changes if not change.same]
    if not differing:
        return "arguments that the log does not hold differ", None
    parts = [
        f"{change.name} has the same text, other content"
        if change.looks_same
        else f"{change.name} is {change.now}"
        + ("" if change.then is None else f", in the nearest entry {change.then}")
        for change in differing
    ]
    fixes = [fix for change in differing if (fix := hint(change)) is not None]
    return "; ".join(parts), "; ".join(fixes) or None


def _when(time: float) -> str:
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
