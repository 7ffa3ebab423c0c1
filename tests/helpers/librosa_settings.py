"""Settings of librosa's cache, read, and what real librosa makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from acache.config.settings import Config


def config(**environ: str) -> Config:
    """Read settings as their variables have them, without the prefix."""
    return Config.from_env({f"LIBROSA_CACHE_{name}": value for name, value in environ.items()})


PROBE = """
import pathlib, warnings
warnings.simplefilter("ignore")
try:
    import librosa
    for _ in range(2):
        librosa.filters.get_window("hann", 16)
except ValueError:
    print("raises ValueError")
else:
    store = pathlib.Path(librosa.cache.memory.location, "joblib")
    names = [f.name for f in store.rglob("output.pkl*")]
    if "output.pkl" in names:
        window = librosa.filters.get_window("hann", 16)
        if window.flags.writeable and hasattr(window, "mode"):
            window[:] = 7
        spoilt = librosa.filters.get_window("hann", 16)[0] == 7
        print("overwrite" if spoilt else "stored")
    else:
        print("every write fails" if names else "nothing is cached")
"""


def probe(folder: Path, python: str = sys.executable, **environ: str) -> str:
    """Return what real librosa does with settings."""
    variables = {f"LIBROSA_CACHE_{name}": value for name, value in environ.items()}
    return subprocess.check_output(
        [python, "-c", PROBE],
        cwd=folder,
        env={**os.environ, "LIBROSA_CACHE_DIR": str(folder), **variables},
        text=True,
    ).strip()
