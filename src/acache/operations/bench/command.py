"""A benchmark of a script or command, from what a user names."""

from __future__ import annotations

from collections.abc import Sequence

from acache.config.engine import Engine
from acache.config.settings import Config
from acache.operations.bench import benchmark
from acache.operations.bench.results import BenchReport
from acache.operations.bench.runner import Schedule
from acache.system.errors import UsageError
from acache.system.executable import NotExecutableError, NotFoundError, start_arguments

_LEVELS = (10, 20, 30, 40)  # librosa's
TIME_LIMIT_SECONDS = 600.0


def bench(
    command: Sequence[str],
    *,
    levels: Sequence[int] | None = None,
    runs: int = 5,
    warmup: int = 1,
    time_limit: float = TIME_LIMIT_SECONDS,
    engines: Sequence[Engine | None] = (None,),
    config: Config | None = None,
) -> BenchReport:
    """Time a script with its cache off, cold and warm, as ``acache bench`` does.

    Parameters
    ----------
    command : sequence of str
        A script or program, and its arguments. A ``.py`` file runs under the Python of `config`.
    levels : sequence of int, optional
        By default 10, 20, 30, 40 and the configured one.
    runs : int > 0
        Rounds.
    warmup : int >= 0
        Untimed runs with the cache off, before the first round.
    time_limit : float > 0
        Seconds; no round but the first is begun that would end later.
    engines : sequence of {"fast", "joblib"} or None
        What answers joblib's functions; None: what the script does by itself.
    config : Config, optional
        By default that of the environment.

    Returns
    -------
    report : BenchReport
        In a notebook it is shown as a table.

    Raises
    ------
    UsageError
        If there is no such script or program.
    AcacheError
        If a run fails.
    """
    config = Config.from_env() if config is None else config
    planned = schedule(
        command,
        config,
        levels=levels,
        runs=runs,
        warmup=warmup,
        time_limit=time_limit,
        engines=engines,
    )
    return benchmark.bench(command, planned, config)


def schedule(
    command: Sequence[str],
    config: Config,
    *,
    levels: Sequence[int] | None,
    runs: int,
    warmup: int,
    time_limit: float,
    engines: Sequence[Engine | None],
) -> Schedule:
    """Return what is to be run; see `bench`.

    Raises
    ------
    UsageError
        If there is no such script or program.
    """
    if levels is None:
        configured = () if config.level.value is None else (config.level.value,)
        levels = tuple(sorted({*_LEVELS, *configured}))
    try:
        arguments = tuple(start_arguments(tuple(command), python=config.require_python()))
    except (NotFoundError, NotExecutableError) as problem:
        raise UsageError(str(problem)) from problem
    return Schedule(arguments, tuple(levels), runs, warmup, time_limit, tuple(engines))
