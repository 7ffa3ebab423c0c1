"""Measure a tone at several tunings, with a cache that never helps: see docs/understanding.md."""

from __future__ import annotations

import math
import sys
import time

from joblib import Memory

memory = Memory(sys.argv[1], verbose=0)


@memory.cache
def loudness(tuning: float, started: float) -> float:
    """Return the mean power of a second of a tone, tuned by semitones."""
    frequency = 440 * 2 ** (tuning / 12)
    samples = (math.sin(2 * math.pi * frequency * n / 22050) for n in range(22050))
    return round(sum(sample * sample for sample in samples) / 22050, 2)


started = time.time()
tunings = [step * 0.1 for step in (1, 2, 3)]
print(*(f"{loudness(tuning, started):.6f}" for tuning in [*tunings, 0.3]))
