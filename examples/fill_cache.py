"""Fill one cache for a data set by a cluster, and print a mean of each file: see docs/sharing.md.

Run as ``python fill_cache.py SCHEDULER FILE...``, beside workers whose ``LIBROSA_CACHE_DIR`` is a
bucket.
"""

from __future__ import annotations

import sys

import joblib
from distributed import Client


def brightness(path: str) -> float:
    """Return the mean spectral centroid of a file in Hz."""
    import acache

    acache.accelerate()  # before librosa is imported
    import librosa

    samples, rate = librosa.load(path)
    return float(librosa.feature.spectral_centroid(y=samples, sr=rate).mean())


if __name__ == "__main__":
    scheduler, *paths = sys.argv[1:]
    with Client(scheduler), joblib.parallel_config(backend="dask"):
        means = joblib.Parallel()(joblib.delayed(brightness)(path) for path in paths)
    for path, mean in zip(paths, means, strict=True):
        print(f"{mean:.0f} Hz  {path}")
