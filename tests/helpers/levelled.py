"""A module with a cache like librosa's, and functions that take their time.

It is the time of a clock that the tests have: the size of a file, in milliseconds.
"""

from __future__ import annotations

import os

from joblib import Memory

memory = Memory(os.environ.get("LIBROSA_CACHE_DIR"), verbose=0)
configured = int(os.environ.get("LIBROSA_CACHE_LEVEL", "10"))


def cache(level):
    """Cache as far as the configured level allows."""
    on = memory.location is not None and configured >= level
    return memory.cache if on else lambda function: function


def take(seconds):
    with open(os.environ["CLOCK"], "ab") as clock:
        clock.write(bytes(round(seconds * 1000)))


@cache(level=20)
def slow(number):
    """Take 0.8 seconds."""
    take(0.8)
    return list(range(number))


@cache(level=30)
def slower(number):
    """Take 1.2 seconds."""
    take(1.2)
    return bytes(number)
