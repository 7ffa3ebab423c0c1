"""Warnings about a benchmark: what makes it doubtful, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acache.config.settings import Config
from acache.operations.bench.results import LevelResult, Measurement
from acache.operations.bench.runner import Schedule, Timings
from acache.operations.bench.statistics import LEAST_RUNS, outliers
from acache.operations.bench.store_location import is_other_disk
from acache.system.text import printable

_SHORT_SECONDS = 0.1  # starting Python and importing a library is most of that
_MOST_NAMED = 3
_FAR = 0.05  # of the median: where all others agree to a thousandth, less is not an outlier


def warnings(schedule: Schedule, timings: Timings, config: Config) -> list[str]:
    """Return what makes the times doubtful, and what keeps the cache from working."""
    return [
        *config.warnings(),
        *_other_disk(timings, config),
        *_own_caches(timings, config),
        *_too_few(schedule, timings),
        *_noise(schedule, timings),
        *_nothing_cached(timings.levels, config),
        *(text for row in timings.levels if row.is_cached for text in _level(row)),
        *_output(timings),
    ]


def _other_disk(timings: Timings, config: Config) -> Iterator[str]:
    if is_other_disk(timings.folder, config.location):
        yield (
            f"the private stores were in {timings.folder}, on another disk than {config.location};"
            " make the folder that contains it writable to measure that disk"
        )


def _own_caches(timings: Timings, config: Config) -> Iterator[str]:
    for store in timings.own_caches:
        yield (
            f"the script also caches in {printable(store)}, a location of its own, which was on in"
            f" all runs; let it take the location from {config.cache_dir.variable} to time that too"
        )


def _too_few(schedule: Schedule, timings: Timings) -> Iterator[str]:
    if timings.rounds < schedule.rounds:
        rounds = "1 round" if timings.rounds == 1 else f"{timings.rounds} rounds"
        yield (
            f"only {rounds} of {schedule.rounds} fit into the time limit; give a longer"
            " --time-limit"
        )
    elif timings.rounds < LEAST_RUNS:
        yield f"fewer than {LEAST_RUNS} runs do not show the noise; give --runs {LEAST_RUNS}"
    if timings.off.summary.median < _SHORT_SECONDS:
        taken = timings.off.summary.median * 1000
        yield (
            f"a run takes {taken:.0f} ms, most of which is Python's start; give the script more to"
            " do"
        )


def _noise(schedule: Schedule, timings: Timings) -> Iterator[str]:
    far = {name: _far(measured) for name, measured in _all(timings)}
    if far["off"] == [0] and not schedule.warmup:
        yield "the first run was slow, as the system's caches were empty; give --warmup 1"
        far["off"] = []
    noisy = [f"{name} ({len(runs)} of {timings.rounds})" for name, runs in far.items() if runs]
    if noisy:
        more = [f"{len(noisy) - _MOST_NAMED} more"] if len(noisy) > _MOST_NAMED else []
        yield (
            f"some runs took far more or less time than the others:"
            f" {', '.join(noisy[:_MOST_NAMED] + more)}; close other programs, or give more --runs"
        )


def _far(measured: Measurement) -> list[int]:
    middle = measured.summary.median
    times = measured.times
    return [n for n in outliers(times) if abs(times[n] - middle) > _FAR * middle]


def _all(timings: Timings) -> Iterator[tuple[str, Measurement]]:
    yield "off", timings.off
    for row in timings.levels:
        yield f"level {row.name} cold", row.cold
        yield f"level {row.name} warm", row.warm


def _nothing_cached(levels: Sequence[LevelResult], config: Config) -> Iterator[str]:
    failing = [row for row in levels if not row.is_cached and row.held.leftovers]
    if failing:
        doubtful = (config.compress, config.mmap)
        settings = [f"{s.variable}={s.raw}" for s in doubtful if s.raw is not None and not s.ok]
        fix = f"unset {' and '.join(settings)}" if settings else "--show-output shows why"
        yield f"{_named(failing)}: every write to the cache fails, so nothing is cached; {fix}"
    empty = [row for row in levels if not row.is_cached and not row.held.leftovers]
    if empty and len(empty) == len(levels):
        yield (
            "nothing is cached at any level: the script calls nothing that"
            f" {config.prefix}_CACHE_DIR caches, or deletes it; try a higher level, or another"
            " --env-prefix"
        )
    elif empty:
        yield f"{_named(empty)}: nothing is cached; leave it out of --levels"


def _named(rows: Sequence[LevelResult]) -> str:
    names = ", ".join(row.name for row in rows)
    return f"level{'s' if len(rows) > 1 else ''} {names}"


def _level(row: LevelResult) -> Iterator[str]:
    if row.held.leftovers:
        yield f"level {row.name}: some writes to the cache fail; --show-output shows why"
    if row.calls is None:
        engine = ", so perhaps the fast engine did not run" if row.engine == "fast" else ""
        yield f"level {row.name}: cached calls could not be counted{engine}; acache run says why"
    elif not row.calls.hits:
        yield (
            f"level {row.name}: a warm run has no hits, as its arguments differ on each run; make"
            " them equal, or exclude random ones with ignore="
        )


def _output(timings: Timings) -> Iterator[str]:
    if len({run.output for run in timings.off.runs}) > 1:
        yield (
            "each run prints something else even without the cache, so outputs cannot be compared;"
            " fix random seeds, and do not print times"
        )
        return
    other = [row for row in timings.levels if not row.same_output]
    if other:
        yield (
            f"{_named(other)}: the output differs from the one without the cache; compare the"
            " results before you use it"
        )
