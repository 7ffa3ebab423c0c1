"""The whole benchmark: rounds, comparison, recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from acache.config.settings import Config
from acache.operations.bench.advice import warnings
from acache.operations.bench.environment import describe
from acache.operations.bench.results import BenchReport, recommend
from acache.operations.bench.runner import BenchProgress, Schedule, measure


def bench(
    command: Sequence[str],
    schedule: Schedule,
    config: Config,
    *,
    progress: BenchProgress | None = None,
    echo: IO[bytes] | None = None,
) -> BenchReport:
    """Time a command with its cache off, cold and warm.

    Parameters
    ----------
    command : sequence of str
        As it was given.
    schedule, config, progress, echo
        See `acache.operations.bench.runner.measure`.

    Returns
    -------
    report : BenchReport

    Raises
    ------
    FailedRunError
        If a run fails.
    OSError
        If a store cannot be made, or the command cannot be started.
    """
    environment = describe(config)
    timings = measure(schedule, config, progress=progress, echo=echo)
    return BenchReport(
        tuple(command),
        timings.rounds,
        environment,
        timings.off,
        timings.levels,
        recommend(timings.off, timings.levels),
        tuple(warnings(schedule, timings, config)),
    )
