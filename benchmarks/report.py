"""The report of a large store: its time and memory beside those of `stats` and `verify`, its size.

Run alone, ``python benchmarks/report.py`` prints these lines of ``make bench``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import Row, compare, measure, print_table
from stores import make_store

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' helpers

from tests.helpers.large_store import write_large_store

ACACHE = str(Path(sys.executable).with_name("acache"))
LARGEST_BYTES = 300_000


def reports(folder: Path, runs: int, entries: int) -> list[Row]:
    location, many = folder / f"store-{entries}", folder / "functions"
    make_store(location, entries)
    page = folder / "page.html"

    def acache(*words: str) -> list[str]:
        return [ACACHE, *words, "--cache-dir", str(location)]

    quick, counted, whole, verified = measure(
        acache("report", "--no-verify", "-o", str(page)),
        acache("stats", "--json"),
        acache("report", "-o", str(page)),
        acache("verify", "--json"),
        runs=runs,
    )
    if not many.exists():
        write_large_store(many, functions=200, each=10, calls=3000)
    measure([ACACHE, "report", "-o", str(page), "--cache-dir", str(many)], runs=1, warmup=0)
    size = page.stat().st_size
    more = quick.peak_bytes / counted.peak_bytes
    peaks = f"{quick.peak_bytes / 1e6:.0f} MB", f"{counted.peak_bytes / 1e6:.0f} MB"
    sizes = f"{size / 1e3:.0f} kB", f"{LARGEST_BYTES / 1e3:.0f} kB"
    return [
        compare(f"report --no-verify, {entries:,} / stats", quick, counted, 3.0),
        compare(f"report, {entries:,} / verify", whole, verified, 2.0),
        Row(f"report --no-verify, {entries:,} / stats: peak memory", *peaks, more, 2.0),
        Row("report of 200 functions: size of the page", *sizes, size / LARGEST_BYTES, 1.0),
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="acache-bench-") as temporary:
        print_table(reports(Path(temporary), runs=3, entries=100_000))
