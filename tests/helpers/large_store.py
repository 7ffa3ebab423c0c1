"""A store of many functions with names, arguments, sizes and calls as real ones have them."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
from pathlib import Path

from acache.store.call_writer import CallWriter
from tests.helpers.stores import write_entry

_WORDS = ("spectrum", "tempo", "filters", "decompose", "features", "alignment", "segment")
_MODULES = ("librosa.core", "librosa.feature", "my_project.analysis.pipeline", "sklearn.cluster")


def write_large_store(location: Path, *, functions: int, each: int, calls: int = 0) -> Path:
    """Write a store of functions of levels 10 to 40, with valid results; one in 50 is damaged.

    Parameters
    ----------
    location : Path
    functions : int
    each : int
        Entries of each function.
    calls : int
        Calls in its log, beside the first one of each entry; 0: there is no log.

    Returns
    -------
    location : Path
    """
    store = location / "joblib"
    chance = random.Random(0)
    writer = CallWriter(str(store))
    entries = []
    for number in range(functions):
        module = f"{_MODULES[number % 4]}.{_WORDS[number % 7]}"
        function = f"{module}.compute_{_WORDS[number % 5]}_{number}".replace(".", "/")
        folder = store / function
        for call in range(each):
            digits = hashlib.md5(f"{number} {call}".encode()).hexdigest()
            seconds = chance.lognormvariate(-3, 2)
            arguments = {
                "y": "array([ 1.0342e-03, -2.3011e-02, ..., 0.0000e+00], dtype=float32)",
                "sr": "22050",
                "n_fft": str(1 << call % 12),
                "window": "'hann'",
            }
            metadata = {"duration": seconds, "input_args": arguments, "time": 1.7e9}
            output = pickle.dumps(bytes(int(chance.lognormvariate(8.5, 1))))
            if call == 3 and number % 4 == 0:
                output = output[:-2]
            encoded = json.dumps(metadata).encode()
            write_entry(folder, digits, output=output, metadata=encoded)
            entries.append((function, digits, seconds, len(output)))
        source = (
            f"# first line: 1\n@cache(level={10 * (number % 4 + 1)})\ndef f(y, sr):\n    pass\n"
        )
        (folder / "func_code.py").write_text(source)
    if calls:
        at = 1.7e9
        for function, digits, seconds, size in entries:
            at += 1
            phases = (0.001, 0.0, seconds, 0.002)
            writer.miss(at, function, digits, "absent", phases, bytes_stored=size)
        for function, digits, _, size in chance.choices(entries, k=calls):
            at += 1
            writer.hit(
                at, function, digits, hash_seconds=0.001, load_seconds=0.001, bytes_loaded=size
            )
        writer.flush()
    return location
