"""Which entries to evict so that limits hold: the policies of `acache prune`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from acache.config.limits import Policy, check_policy
from acache.config.settings import Config
from acache.operations.clear import Plan, find_candidates, make_plan
from acache.operations.selection import Selection
from acache.store.leftovers import GRACE_SECONDS
from acache.store.store import Progress, ScanOptions, Store
from acache.store.table import EntryTable
from acache.system.errors import ConfigurationError, UsageError

HALF_LIFE_SECONDS = 7 * 86_400.0


class Limits(NamedTuple):
    """Limits of a store. Only entries count; None is no limit.

    Attributes
    ----------
    max_size : int >= 0 or None
        Bytes that all entries together may take; see `plan_prune` for which bytes.
    max_items : int >= 0 or None
        Number of entries.
    max_age : float >= 0 or None
        Seconds since the last access, as joblib's ``age_limit``.
    min_free : int >= 0 or None
        Bytes to be free on the file system.
    """

    max_size: int | None = None
    max_items: int | None = None
    max_age: float | None = None
    min_free: int | None = None


def configured_limits(config: Config) -> Limits:
    """Return the limits that the environment sets.

    Raises
    ------
    ConfigurationError
        If one of them is not valid.
    """
    for setting in config.limits:
        if not setting.ok:
            raise ConfigurationError(setting.summary)
    return Limits(*(setting.value for setting in config.limits))


def configured_policy(config: Config) -> Policy:
    """Return the policy that the environment sets, or ``"lru"``.

    Raises
    ------
    ConfigurationError
        If it is not valid.
    """
    if not config.policy.ok:
        raise ConfigurationError(config.policy.summary)
    policy: Policy = config.policy.value
    return policy


def plan_prune(
    store: Store,
    limits: Limits,
    *,
    policy: Policy = "lru",
    half_life: float = HALF_LIFE_SECONDS,
    apparent_size: bool = False,
    now: float | None = None,
    durations: bool = True,
    fork: bool = False,
    progress: Progress | None = None,
) -> Plan:
    """Plan to evict entries until limits hold, and no more than that.

    Entries beyond the age limit are evicted first; then, in the order of the policy, as many as the
    other limits require. The remains of interrupted deletions are removed too; they count for no
    limit, and neither do temporary files, which joblib's ``reduce_size`` counts as entries or parts
    of them.

    Parameters
    ----------
    store : Store
    limits : Limits
    policy : {"lru", "oldest", "largest", "cost"}
        Eviction order: least recently used first, as in joblib's ``Memory.reduce_size``; oldest
        first; largest first; or lowest `score` first, entries without a recorded time before all
        others.
    half_life : float > 0
        Of the score, seconds.
    apparent_size : bool
        Whether sizes are `size_bytes`, as joblib counts, rather than `disk_bytes`. Where the system
        does not report the latter they always are.
    now : float, optional
        Unix seconds that ages count from.
    durations : bool
        Whether to read what joblib recorded of each entry's compute time; the policy ``"cost"``
        always does.
    fork, progress
        See `acache.store.store.ScanOptions`.

    Returns
    -------
    plan : Plan
        Of equal entries those with the lower ids are evicted: two plans of one store are the same.

    Raises
    ------
    UsageError
        If no limit is given, or one is not valid.
    """
    _validate(limits, policy, half_life)
    now = time.time() if now is None else now
    options = ScanOptions(
        durations=durations or policy == "cost", now=now, fork=fork, progress=progress
    )
    everything = Selection().resolve(store, now=now)
    found = find_candidates(store, everything, options, leftovers=False)
    entries = found.entries
    aged = _aged(entries, limits, now)
    order = _ordered(entries, policy, half_life=half_life, apparent=apparent_size)
    order.sort(key=lambda index: not aged[index])
    evicted, short = _evicted(
        entries, order, limits, sum(aged), free=_free(store, limits), apparent=apparent_size
    )
    unmet = []
    if short and store.exists:
        unmet.append(f"{short:,} bytes too few would be free even without any entry")
    # In the order in which the scan found them: by last use, for instance, deletion takes half as
    # long again on ext4, whose inodes then lie anywhere.
    return make_plan(
        store, found, sorted(evicted), leftovers=False, grace=GRACE_SECONDS, unmet=unmet
    )


def score(
    compute_seconds: float | None, room_bytes: int, last_access: float, *, half_life: float
) -> float:
    """Return how much an entry is worth keeping: the logarithm of its seconds per byte, decayed.

    That is ``log2(compute_seconds / room_bytes) + last_access / half_life``: what computing it
    again costs for each byte that it takes, halved with each half-life since it was last used. The
    time that has passed until now would add the same to every entry's score.

    The value of an entry as its cost per byte is that of GreedyDual-Size (P. Cao and S. Irani,
    "Cost-Aware WWW Proxy Caching Algorithms", USITS 1997); its exponential decay since the last use
    that of the scorer of the Python package cachey.

    Parameters
    ----------
    compute_seconds : float >= 0 or None
    room_bytes : int >= 0
    last_access : float
        Unix seconds.
    half_life : float > 0
        Seconds.

    Returns
    -------
    score : float
        Minus infinity without a recorded time, or for one of 0 seconds.

    Examples
    --------
    >>> day = 86_400.0
    >>> score(8.0, 4, 0.0, half_life=day), score(8.0, 4, day, half_life=day)
    (1.0, 2.0)
    """
    if not compute_seconds:
        return -math.inf
    return math.log2(compute_seconds / max(room_bytes, 1)) + last_access / half_life


def _validate(limits: Limits, policy: Policy, half_life: float) -> None:
    if limits == Limits():
        raise UsageError("no limit was given: size, number of entries, age or free space")
    check_policy(policy)
    for name, value in limits._asdict().items():
        if value is not None and not (isinstance(value, int | float) and 0 <= value < math.inf):
            raise UsageError(f"{name}={value!r} is not valid; give 0 or more")
    if not 0 < half_life < math.inf:
        raise UsageError(f"half-life of {half_life!r} seconds is not valid; give more than 0")


def _aged(entries: EntryTable, limits: Limits, now: float) -> list[bool]:
    if limits.max_age is None:
        return [False] * len(entries)
    deadline = now - limits.max_age
    return [last_access <= deadline for last_access in entries.used]


def _ordered(entries: EntryTable, policy: Policy, *, half_life: float, apparent: bool) -> list[int]:
    """Return the indices of all entries in eviction order."""
    room = entries.room(apparent=apparent)

    def worth(index: int) -> tuple[bool, float]:
        seconds = entries.compute_seconds[index]
        recorded = not math.isnan(seconds)
        value = score(
            seconds if recorded else None,
            room[index],
            entries.used[index],
            half_life=half_life,
        )
        return recorded, value

    keys: dict[Policy, Callable[[int], Any]] = {
        "lru": entries.used.__getitem__,
        "oldest": entries.created.__getitem__,
        "largest": lambda index: -room[index],
        "cost": worth,
    }
    return entries.order(keys[policy])


def _evicted(
    entries: EntryTable,
    order: list[int],
    limits: Limits,
    aged: int,
    *,
    free: int,
    apparent: bool,
) -> tuple[list[int], int]:
    """Return the indices of the evicted entries, and how many bytes are missing even so.

    `aged` is how many at the beginning of the order are evicted in any case.
    """
    room = entries.room(apparent=apparent)
    on_disk = entries.room(apparent=False)
    size = sum(room)
    count = len(order)
    position = 0
    for index in order:
        if (
            position >= aged
            and (limits.max_size is None or size <= limits.max_size)
            and (limits.max_items is None or count <= limits.max_items)
            and (limits.min_free is None or free >= limits.min_free)
        ):
            break
        position += 1
        count -= 1
        size -= room[index]
        free += on_disk[index]
    short = 0 if limits.min_free is None else max(0, limits.min_free - free)
    return order[:position], short


def _free(store: Store, limits: Limits) -> int:
    """Return how many bytes are free on the store's file system, where that matters."""
    if limits.min_free is None or not store.exists:
        return 0
    return store.free_bytes()
