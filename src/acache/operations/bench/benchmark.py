"""The whole benchmark: rounds, comparison, recommendation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from acache.config.settings import Config
from acache.operations.bench.advice import warnings
from acache.operations.bench.environment import describe
from acache.operations.bench.results import BenchReport, recommend
from acache.operations.bench.runner import Plan, Watcher, measure


def bench(
    command: Sequence[str],
    plan: Plan,
    config: Config,
    *,
    watcher: Watcher | None = None,
    echo: IO[bytes] | None = None,
) -> BenchReport:
    """Time a command with its cache off, cold and warm.

    Parameters
    ----------
    command : sequence of str
        As it was given.
    plan, config, watcher, echo
        See `acache.operations.bench.runner.measure`.

    Returns
    -------
    report : BenchReport

    Raises
    ------
    FailedRunError
        If a run fails.
    OSError
        If a store cannot be made, or the command not be started.
    """
    environment = describe(config)
    finding = measure(plan, config, watcher=watcher, echo=echo)
    return BenchReport(
        tuple(command),
        finding.rounds,
        environment,
        finding.off,
        finding.levels,
        recommend(finding.off, finding.levels),
        tuple(warnings(plan, finding, config)),
    )
