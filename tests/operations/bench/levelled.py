"""A module with a cache like librosa's, and functions that take their time."""

from __future__ import annotations

import os
import time

from joblib import Memory

memory = Memory(os.environ.get("LIBROSA_CACHE_DIR"), verbose=0)
configured = int(os.environ.get("LIBROSA_CACHE_LEVEL", "10"))


def cache(level):
    """Cache as far as the configured level allows."""
    on = memory.location is not None and configured >= level
    return memory.cache if on else lambda function: function


@cache(level=20)
def slow(number):
    """Take 0.8 seconds, many times what a Python takes to start."""
    time.sleep(0.8)
    return list(range(number))


@cache(level=30)
def slower(number):
    """Take more than a second."""
    time.sleep(1.2)
    return bytes(number)
