"""Benchmarks of acache against du, joblib and bare imports: ``make bench``.

Every line is a ratio of two sides that were timed in turns in this very run. The exit code is 1
if a target was missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from browsing import browsing
from buckets import buckets
from engine import engine
from finding import finding
from measure import Row, Side, compare, measure, print_table
from report import reports
from sharing import sharing
from simulation import simulation
from stores import copy_store, make_arrays, make_store
from timing import against_hyperfine, beside_the_runs
from tracing import tracing
from workers import workers

ACACHE = str(Path(sys.executable).with_name("acache"))
REDUCE = (
    "import sys, joblib;"
    "joblib.Memory(sys.argv[1], verbose=0).reduce_size(items_limit=int(sys.argv[2]))"
)
GET_ITEMS = "import sys, joblib; joblib.Memory(sys.argv[1], verbose=0).store_backend.get_items()"


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def stats(location: Path, *options: str) -> list[str]:
    return [ACACHE, "stats", "--cache-dir", str(location), *options]


def start(folder: Path, runs: int) -> list[Row]:
    empty = folder / "empty"
    (empty / "joblib").mkdir(parents=True, exist_ok=True)
    bare, package, click, rich, as_json, table = measure(
        python("pass"),
        python("import acache"),
        python("import click"),
        python("import click, rich.console, rich.table"),
        stats(empty, "--json"),
        stats(empty),
        runs=4 * runs,
    )
    return [
        compare("import acache / python", package, bare, 1.3),
        compare("stats --json, empty / import click", as_json, click, 1.5),
        compare("stats, empty / import click, rich", table, rich, 1.5),
    ]


def scan(folder: Path, runs: int, entries: int) -> list[Row]:
    location = folder / f"store-{entries}"
    store = make_store(location, entries)
    fast, full, du, items = measure(
        stats(location, "--json", "--no-cost"),
        stats(location, "--json"),
        ["du", "-s", "-B1", f"{store}/"],
        python(GET_ITEMS, str(location)),
        runs=runs,
    )
    return [
        compare(f"stats --json --no-cost, {entries:,} / du", fast, du, 0.8),
        compare(f"stats --json --no-cost, {entries:,} / joblib get_items", fast, items, 0.4),
        compare(f"stats --json, {entries:,} / du", full, du, 1.5),
    ]


def verification(folder: Path, runs: int, entries: int) -> list[Row]:
    location, arrays = folder / f"store-{entries}", folder / "arrays"
    make_store(location, entries)
    files = [str(path) for path in make_arrays(arrays).rglob("output.pkl")]
    checked, counted, large, read = measure(
        [ACACHE, "verify", "--json", "--cache-dir", str(location)],
        stats(location, "--json"),
        [ACACHE, "verify", "--json", "--cache-dir", str(arrays)],
        ["cat", *files],
        runs=runs,
    )
    return [
        compare(f"verify, {entries:,} / stats", checked, counted, 3.0),
        compare(f"verify, {len(files)} arrays of 25 MB / cat", large, read, 3.0),
    ]


def listing(folder: Path, runs: int, entries: int) -> list[Row]:
    location = folder / f"store-{entries}"
    make_store(location, entries)
    options = ["--cache-dir", str(location)]
    largest, counted = measure(
        [ACACHE, "ls", "--sort", "size", "--limit", "20", *options],
        stats(location, "--no-cost"),
        runs=runs,
    )
    return [compare(f"ls --sort size --limit 20, {entries:,} / stats", largest, counted, 1.3)]


def completion(folder: Path, runs: int, entries: int) -> list[Row]:
    """Press TAB: what a script does by itself, and what it asks of a store."""
    location = folder / f"store-{entries}"
    make_store(location, entries)
    script = folder / "acache.bash"
    script.write_bytes(subprocess.check_output([ACACHE, "completion", "bash"]))

    def tab(*words: str) -> list[str]:
        press = (
            'source "$1"; shift; COMP_WORDS=("$@") COMP_LINE="$*" COMP_CWORD=$(($# - 1));'
            "COMP_POINT=${#COMP_LINE}; _acache; ((${#COMPREPLY[@]}))"
        )
        return ["bash", "-c", press, "bash", str(script), ACACHE, *words]

    chosen = ("--cache-dir", str(location))
    commands, options, functions, hashes, click = measure(
        tab("s"),
        tab("stats", "--"),
        tab("show", *chosen, "func"),
        tab("show", *chosen, "function1/0"),
        python("import click"),
        runs=2 * runs,
    )
    return [
        compare("TAB, commands / import click", commands, click, 1.3),
        compare("TAB, options / import click", options, click, 1.3),
        compare(f"TAB, functions, {entries:,} / import click", functions, click, 1.6),
        compare(f"TAB, an entry, {entries:,} / import click", hashes, click, 1.6),
    ]


def deletion(folder: Path, runs: int, entries: int) -> list[Row]:
    """Delete from fresh copies of one store; all of them lie in memory when the clock starts."""
    location = folder / f"store-{entries}"
    make_store(location, entries)
    copies = [folder / f"copy-{number}" for number in range(4)]
    half = entries // 2

    def prepare(index: int) -> None:
        copy_store(location, copies[index])
        os.sync()
        subprocess.run(["du", "-s", str(copies[index])], check=True, stdout=subprocess.DEVNULL)

    clear, remove, prune, reduce = measure(
        [ACACHE, "clear", "--all", "-y", "--cache-dir", str(copies[0])],
        ["rm", "-rf", str(copies[1])],
        [ACACHE, "prune", "--max-items", str(half), "-y", "--cache-dir", str(copies[2])],
        python(REDUCE, str(copies[3]), str(half)),
        runs=runs,
        warmup=0,
        prepare=prepare,
    )
    for copy in copies:
        shutil.rmtree(copy, ignore_errors=True)
    return [
        compare(f"clear --all, {entries:,} / rm -rf", clear, remove, 1.2),
        compare(f"prune to {half:,} of {entries:,} / joblib reduce_size", prune, reduce, 0.6),
    ]


def large(folder: Path, runs: int, few: int, many: int) -> list[Row]:
    small, big = folder / f"store-{few}", folder / f"store-{many}"
    make_store(small, few)
    make_store(big, many)
    ours, theirs = measure(
        stats(big, "--json", "--no-cost"), stats(small, "--json", "--no-cost"), runs=runs
    )
    each = Side(ours.seconds / many * few, ours.peak_bytes)
    peak = ours.peak_bytes / 1e6
    return [
        compare(f"stats --no-cost: {many:,} / {few:,}, each entry", each, theirs, 1.2),
        Row(f"stats --no-cost, {many:,}: peak memory", f"{peak:.0f} MB", "150 MB", peak / 150, 1.0),
        *pruning_peak(big, many),
    ]


def pruning_peak(location: Path, entries: int) -> list[Row]:
    """Plan to evict half of the entries, by the policy that needs most; nothing is deleted."""
    options = ["--max-items", str(entries // 2), "--policy", "cost", "-n"]
    [planned] = measure([ACACHE, "prune", *options, "--cache-dir", str(location)], runs=1, warmup=0)
    peak = planned.peak_bytes / 1e6
    return [Row(f"prune, {entries:,}: peak memory", f"{peak:.0f} MB", "400 MB", peak / 400, 1.0)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the stores are made, and kept")
    parser.add_argument("--runs", type=int, default=7, help="rounds (default: 7)")
    parser.add_argument(
        "--deleted", type=int, default=100_000, help="entries to delete (default: 100,000)"
    )
    parser.add_argument("--large", action="store_true", help="also 1,000,000 entries, and calls")
    options = parser.parse_args()
    os.environ.pop("COLUMNS", None)
    with tempfile.TemporaryDirectory(
        prefix="acache-bench-",
        ignore_cleanup_errors=True,  # a keeper of limits may be at work
    ) as temporary:
        folder = options.folder or Path(temporary)
        rows = start(folder, options.runs) + scan(folder, options.runs, 100_000)
        rows += listing(folder, options.runs, 100_000)
        rows += completion(folder, options.runs, 100_000)
        rows += finding(folder, options.runs)
        rows += against_hyperfine(folder, 3 * options.runs) + beside_the_runs(folder, options.runs)
        rows += verification(folder, options.runs, 100_000)
        rows += reports(folder, max(1, options.runs // 3), 100_000)
        rows += deletion(folder, max(1, options.runs // 3), options.deleted)
        rows += tracing(folder, options.runs) + engine(folder, options.runs)
        rows += sharing(folder, options.runs)
        rows += workers(folder, options.runs, 100_000)
        rows += buckets(folder / "buckets", options.runs)
        if options.large:
            rows += large(folder, max(2, options.runs // 2), 100_000, 1_000_000)
            rows += browsing(folder, 1_000_000)
            rows += simulation(folder, 1_000_000)
    print_table(rows)
    sys.exit(any(row.ratio > row.target for row in rows))


if __name__ == "__main__":
    main()
