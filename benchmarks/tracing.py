"""What tracing costs: the example with a warm cache, plain and traced, and a call at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from measure import Row, Side, compare, measure

from acache.operations.run.session import Tracing

EXAMPLE = Path(__file__).parents[1] / "examples" / "estimate_tuning.py"
CALLS = 5_000
HITS = (
    "import sys, joblib\n"
    "f = joblib.Memory(sys.argv[1], verbose=0).cache(abs)\n"
    "for _ in range(int(sys.argv[2])): f(-1)\n"
)


def tracing(folder: Path, runs: int) -> list[Row]:
    """Compare the example, and calls of next to nothing, with themselves while they are traced."""
    location = str(folder / "traced")
    example = [sys.executable, str(EXAMPLE)]
    hits = [sys.executable, "-c", HITS, location, str(CALLS)]
    start = [sys.executable, "-c", "pass"]
    settings = {"LIBROSA_CACHE_DIR": location, "LIBROSA_CACHE_LEVEL": "50"}
    plain = {"PYTHONPATH": os.environ.get("PYTHONPATH", ""), **settings}
    with Tracing() as trace:
        traced = trace.environment(plain)
        sides = measure(
            *(
                ["env", *(f"{name}={value}" for name, value in environ.items()), *command]
                for command in (example, hits, start)
                for environ in (traced, plain)
            ),
            runs=runs,
            warmup=2,  # the first one fills the cache
        )
    return [
        compare("estimate_tuning.py, warm: traced / plain", *sides[:2], 1.03),
        _per_call(*sides[2:4]),
        compare("python -c pass: traced / plain", *sides[4:], 1.2),
    ]


def _per_call(traced: Side, plain: Side) -> Row:
    microseconds = (traced.seconds - plain.seconds) / CALLS * 1e6
    what = "tracing a call, microseconds"
    return Row(what, f"{microseconds:.0f} us", "100 us", microseconds / 100, 1.0)


if __name__ == "__main__":
    import tempfile

    from measure import print_table

    with tempfile.TemporaryDirectory(prefix="acache-bench-") as temporary:
        print_table(tracing(Path(temporary), 9))
