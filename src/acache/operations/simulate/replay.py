"""Replaying a trace under a policy of `acache prune` at one size."""

from __future__ import annotations

from array import array
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from acache.operations.prune import score
from acache.operations.simulate.trace import Trace


class Outcome(NamedTuple):
    """What a replay answered from the cache.

    Attributes
    ----------
    hits : int >= 0
    saved_seconds : float >= 0
        The seconds that computing the hits would have taken.
    """

    hits: int
    saved_seconds: float


def replay(trace: Trace, size_bytes: int, policy: str, *, half_life: float) -> Outcome:
    """Replay the calls through a cache that is pruned whenever it is larger than allowed.

    Parameters
    ----------
    trace : Trace
    size_bytes : int >= 0
        Largest size of the cache.
    policy : {"lru", "oldest", "largest", "cost"}
        See `acache.operations.prune.plan_prune`.
    half_life : float > 0
        Of the score of ``"cost"``, seconds.

    Returns
    -------
    outcome : Outcome
    """
    sizes, seconds = trace.sizes, trace.seconds
    base, per_second = _worth(trace, policy, half_life)
    grows = policy in ("lru", "cost")  # with each use
    last_use = array("d", [0.0]) * len(sizes)
    cached = bytearray(len(sizes))
    # The worth of an entry only grows while it is cached. So a hit needs no change of the heap: an
    # entry whose worth has grown is put back when it reaches the top.
    heap: list[tuple[float, int]] = []
    held = hits = 0
    saved = 0.0
    for time, entry in zip(trace.times, trace.entries, strict=True):
        last_use[entry] = time
        if cached[entry]:
            hits += 1
            saved += seconds[entry]
            continue
        cached[entry] = 1
        held += sizes[entry]
        heappush(heap, (base[entry] + time * per_second, entry))
        while held > size_bytes:
            known, lowest = heap[0]
            if grows:
                now = base[lowest] + last_use[lowest] * per_second
                if now > known:
                    heapreplace(heap, (now, lowest))
                    continue
            heappop(heap)
            cached[lowest] = 0
            held -= sizes[lowest]
    return Outcome(hits, saved)


def _worth(trace: Trace, policy: str, half_life: float) -> tuple[array[float], float]:
    """Return what entries are worth, and what each second adds: the lowest is evicted first."""
    if policy == "largest":
        return array("d", (-size for size in trace.sizes)), 0.0
    if policy == "cost":
        pairs = zip(trace.seconds, trace.sizes, strict=True)
        base = array("d", (score(*pair, 0.0, half_life=half_life) for pair in pairs))
        return base, 1 / half_life
    return array("d", [0.0]) * len(trace.sizes), 1.0
