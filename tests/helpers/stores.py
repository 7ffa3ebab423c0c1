"""Stores: entries written by hand, all that is in a folder, those that old joblibs wrote."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "recorded"
VERSIONS = ["0.17", "1.0", "1.2", "1.3", "1.4", "1.5", "1.6"]

# What fills a store with some 60 entries of librosa's.
LIBROSA_SCRIPT = """
import librosa
y = librosa.chirp(fmin=110, fmax=880, duration=3, sr=22050)
harmonic, percussive = librosa.effects.hpss(y)
print(librosa.estimate_tuning(y=harmonic))
librosa.feature.melspectrogram(y=y)
librosa.feature.chroma_cqt(y=y)
librosa.onset.onset_strength(y=percussive)
librosa.feature.delta(librosa.feature.mfcc(y=y))
"""

# Calls a function of its own with each factor that it is given.
SCALE_SCRIPT = """
import sys
from joblib import Memory

memory = Memory(sys.argv[1], verbose=0)

@memory.cache
def scale(x, factor=1.0):
    return x * factor

for factor in sys.argv[2:]:
    scale(2, factor=float(factor))
"""


def write_entry(
    folder: Path,
    argument_hash: str,
    *,
    output: bytes = b"result",
    duration: float | None = 1.5,
    metadata: bytes | None = None,
) -> Path:
    """Write an entry by hand, for shapes that joblib itself would never make."""
    entry = folder / argument_hash
    entry.mkdir(parents=True)
    (entry / "output.pkl").write_bytes(output)
    if metadata is None and duration is not None:
        metadata = json.dumps({"duration": duration, "input_args": {}, "time": 1.7e9}).encode()
    if metadata is not None:
        (entry / "metadata.json").write_bytes(metadata)
    return entry


def write_temporary(folder: Path, target: str, pid: int, *, modified: float, size: int = 4) -> Path:
    """Write a temporary file as joblib 1.6 does, last written at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{target}.{'0' * 32}-{pid}-1"
    file.write_bytes(b"x" * size)
    os.utime(file, (modified, modified))
    return file


def tree(folder: Path) -> dict[str, bytes | str | None]:
    """Read everything below a folder: the content of files, the target of links."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def unpack_recorded(version: str, folder: Path) -> None:
    """Unpack the stores that a version of joblib wrote, ``str`` and ``path``, into a folder."""
    with tarfile.open(RECORDED / f"joblib-{version}.tar.gz") as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
