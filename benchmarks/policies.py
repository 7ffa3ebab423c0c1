"""Eviction policies on calls that real librosa made: ``python benchmarks/policies.py [FOLDER]``.

Three traces at level 50, logged by `acache run` with the cache unlimited: the guide's example over
songs of which some are asked for often, a sweep over parameters, and a data set that grows. A trace
has sessions, which count as a day each. Beside the policies of `acache prune` stands GDSF
(L. Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy",
HP Laboratories 1998): frequency times seconds per byte, once with its own ageing, once with the
half-life of ``cost``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import log2
from pathlib import Path

from acache.config.limits import POLICIES
from acache.operations.prune import HALF_LIFE_SECONDS
from acache.operations.simulate.logged import trace_of
from acache.operations.simulate.passes import BOUND
from acache.operations.simulate.simulation import simulate
from acache.operations.simulate.trace import Trace
from acache.store.call_log import read_calls

ACACHE = str(Path(sys.executable).with_name("acache"))
DAY = 86_400.0
BEGIN = """
import json, random, sys, time
import librosa, numpy as np

SR = 11025
chance = random.Random(1)
begun = []

def song(number, seconds=3):
    noise = np.random.default_rng(number).standard_normal(SR * seconds) * 0.01
    return librosa.chirp(fmin=110 + number, fmax=880, duration=seconds, sr=SR) + noise

def tuning(y):
    harmonic, _ = librosa.effects.hpss(y)
    librosa.estimate_tuning(y=harmonic, sr=SR)
    librosa.feature.chroma_stft(y=harmonic, sr=SR, tuning=0.0)

def timbre(y, n_fft=1024, hop=256, n_mels=64, n_mfcc=13):
    mel = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
    mfcc = librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=n_mfcc)
    librosa.feature.delta(mfcc)
"""
END = "\njson.dump(begun, open(sys.argv[1], 'w'))\n"
SCRIPTS = {
    # Each day eight of 40 songs, the first ones often.
    "songs": """
weights = [1 / (rank + 1) for rank in range(40)]
for day in range(40):
    begun.append(time.time())
    for number in chance.choices(range(40), weights, k=8):
        tuning(song(number))
        timbre(song(number))
""",
    # Each day some points of a grid, for the same four songs.
    "sweep": """
grid = [
    (n_fft, hop, n_mels, n_mfcc)
    for n_fft in (512, 1024, 2048) for hop in (128, 256) for n_mels in (32, 64, 96)
    for n_mfcc in (13, 20)
]
for day in range(25):
    begun.append(time.time())
    centre = chance.randrange(len(grid))
    for point in [grid[(centre + step) % len(grid)] for step in range(8)]:
        for number in range(4):
            timbre(song(number), *point)
""",
    # Each day one song more, and everything is done again; every tenth day with other parameters.
    "growing": """
for day in range(30):
    begun.append(time.time())
    for number in range(day + 1):
        tuning(song(number))
        timbre(song(number), n_mels=64 + day // 10 * 16)
""",
}


def logged(folder: Path, name: str) -> Trace:
    """Run a script under `acache run`, unless it was before, and read its calls as a trace."""
    location, days = folder / name, folder / f"{name}.json"
    if not days.exists():
        script = folder / f"{name}.py"
        script.write_text(BEGIN + SCRIPTS[name] + END)
        run = [ACACHE, "run", "--cache-dir", str(location), "--level", "50", str(script), str(days)]
        subprocess.run(run, check=True, stderr=subprocess.DEVNULL)
    begun = json.loads(days.read_text())
    trace = trace_of(read_calls(str(location / "joblib"))).trace
    for place, moment in enumerate(trace.times):
        day = max(bisect_right(begun, moment) - 1, 0)
        trace.times[place] = day * DAY + moment - begun[day]
    return trace


def gdsf(trace: Trace, size_bytes: int, *, half_life: float | None) -> float:
    """Replay calls under GDSF; return the seconds saved. Without a half-life it ages by itself."""
    uses = [0] * len(trace.sizes)
    worth = [0.0] * len(trace.sizes)
    cached: set[int] = set()
    heap: list[tuple[float, int]] = []
    held, saved, age = 0, 0.0, 0.0
    for time, entry in zip(trace.times, trace.entries, strict=True):
        size, seconds = trace.sizes[entry], max(trace.seconds[entry], 1e-6)
        if half_life is None and entry not in cached:
            uses[entry] = 0  # its own ageing counts uses while an entry is there
        uses[entry] += 1
        gain = uses[entry] * seconds / size
        worth[entry] = age + gain if half_life is None else log2(gain) + time / half_life
        heappush(heap, (worth[entry], entry))
        if entry in cached:
            saved += trace.seconds[entry]
            continue
        cached.add(entry)
        held += size
        while held > size_bytes:
            known, lowest = heappop(heap)
            if lowest not in cached or known != worth[lowest]:
                continue
            cached.remove(lowest)
            held -= trace.sizes[lowest]
            age = known
    return saved


CANDIDATES: dict[str, Callable[[Trace, int], float]] = {
    "gdsf": lambda trace, size: gdsf(trace, size, half_life=None),
    "gdsf, decayed": lambda trace, size: gdsf(trace, size, half_life=HALF_LIFE_SECONDS),
}


def shares(trace: Trace) -> tuple[list[int], dict[str, list[float]]]:
    """Return sizes, and the share of the savings that each policy keeps at them."""
    report = simulate(trace)
    found = {
        policy: [point.share for point in report.policies[policy]] for policy in (*POLICIES, BOUND)
    }
    sizes = [point.size_bytes for point in report.policies[BOUND]]
    most = report.unlimited.saved_seconds
    for name, replay in CANDIDATES.items():
        found[name] = [replay(trace, size) / most for size in sizes]
    return sizes, found


def print_shares(
    name: str, trace: Trace, sizes: Sequence[int], rows: dict[str, list[float]]
) -> None:
    """Print the share of the savings in per cent, a column for each size."""
    print(f"\n{name}: {len(trace):,} calls, {len(trace.sizes):,} entries")
    print(f"{'MB':<14}" + "".join(f"{size / 1e6:>7.2f}" for size in sizes))
    for policy, row in rows.items():
        print(f"{policy:<14}" + "".join(f"{share:>7.1%}" for share in row))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="acache-policies-") as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for name in SCRIPTS:
            trace = logged(folder, name)
            print_shares(name, trace, *shares(trace))


if __name__ == "__main__":
    main()
