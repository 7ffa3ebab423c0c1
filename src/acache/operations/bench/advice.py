"""What a benchmark's user should know beside its figures. Each warning ends with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from acache.config.settings import Config
from acache.operations.bench.results import LevelResult, Measurement
from acache.operations.bench.runner import Finding, Plan
from acache.operations.bench.statistics import LEAST_RUNS, outliers
from acache.operations.bench.store_location import is_other_disk

_SHORT_SECONDS = 0.1  # starting Python and importing a library is most of that
_MOST_NAMED = 3
_FAR = 0.05  # of the median: where all else agrees to a thousandth, less is no outlier


def warnings(plan: Plan, finding: Finding, config: Config) -> list[str]:
    """Tell what makes the figures doubtful, and what keeps the cache from working."""
    return [
        *config.warnings(),
        *_elsewhere(finding, config),
        *_too_few(plan, finding),
        *_noise(plan, finding),
        *_nothing_cached(finding.levels, config),
        *(text for row in finding.levels if row.is_cached for text in _odd_level(row)),
        *_output(finding),
    ]


def _elsewhere(finding: Finding, config: Config) -> Iterator[str]:
    if is_other_disk(finding.folder, config.location):
        yield (
            f"the stores lay in {finding.folder}, on another disk than {config.location};"
            " make the folder that holds it writable to measure that disk"
        )


def _too_few(plan: Plan, finding: Finding) -> Iterator[str]:
    if finding.rounds < plan.rounds:
        rounds = "1 round" if finding.rounds == 1 else f"{finding.rounds} rounds"
        yield f"the time limit left {rounds} of {plan.rounds}; give a longer --time-limit"
    elif finding.rounds < LEAST_RUNS:
        yield f"fewer than {LEAST_RUNS} runs tell nothing of noise; give --runs {LEAST_RUNS}"
    if finding.off.summary.median < _SHORT_SECONDS:
        taken = finding.off.summary.median * 1000
        yield f"a run takes {taken:.0f} ms, most of it to start; give the script more to do"


def _noise(plan: Plan, finding: Finding) -> Iterator[str]:
    far = {name: _far(measured) for name, measured in _all(finding)}
    if far["off"] == [0] and not plan.warmup:
        yield "the first run was slow, as nothing was in the system's caches; give --warmup 1"
        far["off"] = []
    noisy = [f"{name} ({len(runs)} of {finding.rounds})" for name, runs in far.items() if runs]
    if noisy:
        more = [f"{len(noisy) - _MOST_NAMED} more"] if len(noisy) > _MOST_NAMED else []
        yield (
            f"some runs lie far from the others: {', '.join(noisy[:_MOST_NAMED] + more)};"
            " let nothing else run, or give more --runs"
        )


def _far(measured: Measurement) -> list[int]:
    middle = measured.summary.median
    times = measured.times
    return [n for n in outliers(times) if abs(times[n] - middle) > _FAR * middle]


def _all(finding: Finding) -> Iterator[tuple[str, Measurement]]:
    yield "off", finding.off
    for row in finding.levels:
        yield f"level {row.level} cold", row.cold
        yield f"level {row.level} warm", row.warm


def _nothing_cached(levels: Sequence[LevelResult], config: Config) -> Iterator[str]:
    failing = [row for row in levels if not row.is_cached and row.held.leftovers]
    if failing:
        doubtful = (config.compress, config.mmap)
        settings = [f"{s.variable}={s.raw}" for s in doubtful if s.raw is not None and not s.ok]
        remedy = f"unset {' and '.join(settings)}" if settings else "see what it prints on stderr"
        yield f"{_named(failing)}: every write to the cache fails, nothing is cached; {remedy}"
    empty = [row for row in levels if not row.is_cached and not row.held.leftovers]
    if empty and len(empty) == len(levels):
        yield (
            f"nothing is cached at any level: what {config.prefix}_CACHE_DIR caches is not called,"
            " or deleted by the script; try a higher level, or another --env-prefix"
        )
    elif empty:
        yield f"{_named(empty)}: nothing is cached, so leave it out of --levels"


def _named(rows: Sequence[LevelResult]) -> str:
    numbers = ", ".join(str(row.level) for row in rows)
    return f"level{'s' if len(rows) > 1 else ''} {numbers}"


def _odd_level(row: LevelResult) -> Iterator[str]:
    if row.held.leftovers:
        yield f"level {row.level}: some writes to the cache fail; see what it prints on stderr"
    if row.calls is None:
        yield (f"level {row.level}: cached calls could not be counted; acache run tells more")
    elif not row.calls.hits:
        yield (
            f"level {row.level}: a warm run finds nothing it can use, as arguments differ on each"
            " run; make them equal, or leave random ones out with ignore="
        )


def _output(finding: Finding) -> Iterator[str]:
    if len({run.output for run in finding.off.runs}) > 1:
        yield (
            "without cache, too, each run prints something else, so that outputs cannot be"
            " compared; fix random seeds, and print no times"
        )
        return
    other = [row for row in finding.levels if not row.same_output]
    if other:
        yield (
            f"{_named(other)}: prints something else than without cache;"
            " compare the results before you use it"
        )
