"""A traced run of a script or command, from what a user names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from acache.config.buckets import is_bucket
from acache.config.child import child_environment
from acache.config.engine import Engine, engine_from_env
from acache.config.settings import Config
from acache.operations.run.own_cache import is_of_a_script
from acache.operations.run.savings import RunReport, run_report
from acache.operations.run.session import Tracing
from acache.system.errors import UsageError
from acache.system.executable import start_arguments
from acache.system.foreground import Foreground


class TracedCommand(NamedTuple):
    """What is to be run.

    Attributes
    ----------
    arguments : tuple of str
        The program's path first.
    environment : dict of str to str
        Without tracing.
    engine : {"fast", "joblib"} or None
        See `acache.operations.run.session.with_engine`.
    switched_on : bool
        Whether the library's cache is switched on.
    """

    arguments: tuple[str, ...]
    environment: dict[str, str]
    engine: Engine | None
    switched_on: bool


def traced_command(
    command: Sequence[str], config: Config, *, engine: Engine | None = None
) -> TracedCommand:
    """Return what is to be run; see `run`."""
    switched_on = not is_of_a_script(config)
    arguments = start_arguments(tuple(command), python=config.require_python())
    engine = engine or engine_from_env()
    if config.location is not None and is_bucket(config.location) and engine != "fast":
        raise UsageError(f"{config.location} is used by the fast engine alone: --engine fast")
    environment = child_environment(config, switch_on=switched_on)
    return TracedCommand(tuple(arguments), environment, engine, switched_on)


def run(
    command: Sequence[str], *, engine: Engine | None = None, config: Config | None = None
) -> RunReport:
    """Run a script with the cache on, and report what each function saved, as ``acache run`` does.

    Only for the main thread, as signals are passed on to the script.

    Parameters
    ----------
    command : sequence of str
        A script or program, and its arguments. A ``.py`` file runs under the Python of `config`.
    engine : {"fast", "joblib"}, optional
        What answers joblib's functions; by default ``ACACHE_ENGINE``, or else joblib.
    config : Config, optional
        By default that of the environment; ``Config.from_env(level=30)`` chooses a level.

    Returns
    -------
    report : RunReport
        In a notebook it is shown as a table.

    Raises
    ------
    AcacheError
        If there is no such script or program, or it cannot be executed.
    """
    config = Config.from_env() if config is None else config
    traced = traced_command(command, config, engine=engine)
    with Foreground() as foreground, Tracing() as tracing:
        environment = tracing.environment(traced.environment, engine=traced.engine)
        finished = foreground.run(traced.arguments, environment)
        return run_report(command, finished, tracing.read(), config)
