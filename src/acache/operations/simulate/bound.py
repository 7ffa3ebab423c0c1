"""An upper bound of what any cache could have saved that knows all calls to come.

The relaxation PFOO-U of D. S. Berger, N. Beckmann, M. Harchol-Balter: "Practical Bounds on Optimal
Caching with Variable Object Sizes", Proc. ACM Meas. Anal. Comput. Syst. 2 (2018). For a hit, an
entry has to be kept from one call for it to the next, which takes its bytes for as many calls. A
cache has its size times the number of all calls to give away. The best use of that is the hits with
the most seconds for what they take, and no cache can do better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acache.operations.simulate.replay import Outcome
from acache.operations.simulate.trace import Trace

Hit = tuple[float, int, int]  # seconds, bytes, bytes times calls


def upper_bounds(trace: Trace, sizes: Sequence[int]) -> list[Outcome]:
    """Return the most that a cache of each size could have saved, and the most hits.

    Parameters
    ----------
    trace : Trace
    sizes : sequence of int >= 0
        Bytes.

    Returns
    -------
    bounds : list of Outcome
        The hits and the seconds are bounds apart from each other: no cache may reach both.
    """
    kept = [
        (trace.seconds[entry], trace.sizes[entry], trace.sizes[entry] * (place - before))
        for place, entry, before in trace.repeats()
    ]
    kept.sort(key=lambda hit: hit[0] / hit[2], reverse=True)
    saved = [sum(hit[0] * part for hit, part in _taken(kept, trace, size)) for size in sizes]
    kept.sort(key=lambda hit: hit[2])
    hits = [sum(part for _, part in _taken(kept, trace, size)) for size in sizes]
    return [Outcome(int(count), seconds) for count, seconds in zip(hits, saved, strict=True)]


def _taken(kept: list[Hit], trace: Trace, size_bytes: int) -> Iterator[tuple[Hit, float]]:
    """Yield the first hits that a cache has room for, and how much of each."""
    room = size_bytes * len(trace)
    for hit in kept:
        if hit[1] > size_bytes:
            continue
        if hit[2] > room:
            yield hit, room / hit[2]
            return
        room -= hit[2]
        yield hit, 1.0
