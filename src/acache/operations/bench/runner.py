"""Rounds of runs: off, then cold and warm for each level, so that drift affects all alike."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from typing import IO, Literal, NamedTuple

from acache.config.child import child_environment_at
from acache.config.engine import Engine
from acache.config.settings import Config
from acache.operations.bench.results import (
    Calls,
    Held,
    LevelResult,
    Measurement,
    level_result,
    measurement,
)
from acache.operations.bench.store_location import folder_beside
from acache.operations.bench.timed_run import Run, timed_run
from acache.operations.run.session import Tracing, with_engine
from acache.store.model import Entry, Leftover
from acache.store.store import Store
from acache.store.totals import Tally
from acache.system.errors import AcacheError
from acache.system.tempdir import private_folder
from acache.system.text import printable

PREFIX = ".acache-bench-"
_TAIL_LINES = 15


class FailedRunError(AcacheError):
    """A run did not end with exit code 0; `tail` are the last lines of its stderr."""

    def __init__(self, message: str, tail: list[str]) -> None:
        super().__init__(message)
        self.tail = tail


class EngineMissingError(AcacheError):
    """The fast engine is to be measured in a Python that does not have it."""


class OwnCacheError(AcacheError):
    """A script has a cache that cannot be switched off, and no other one."""


class Step(NamedTuple):
    """A run of a benchmark: with the cache off, cold, warm, or traced, which is not timed."""

    kind: Literal["off", "cold", "warm", "traced"]
    level: int | None = None
    engine: Engine | None = None  # None: what the command does by itself

    def __str__(self) -> str:
        """Name it for people."""
        if self.kind == "off":
            return "with the cache off"
        engine = "" if self.engine is None else f", engine {self.engine}"
        return f"at level {self.level}{engine}, {self.kind}"


OFF = Step("off")


class Schedule(NamedTuple):
    """What is to be run."""

    arguments: tuple[str, ...]  # the program's path first
    levels: tuple[int, ...]
    rounds: int
    warmup: int  # runs with the cache off that do not count
    time_limit: float  # seconds; no round but the first is begun that would end later
    engines: tuple[Engine | None, ...] = (None,)  # see `Step`

    @property
    def stores(self) -> list[tuple[int, Engine | None]]:
        """Level and engine of each store that a round makes."""
        return [(level, engine) for level in self.levels for engine in self.engines]

    @property
    def round(self) -> list[Step]:
        """The runs of every round."""
        return [OFF, *(Step(kind, *of) for of in self.stores for kind in ("cold", "warm"))]

    @property
    def all(self) -> list[Step]:
        """All runs but the warm-up; only the first round has traced ones."""
        traced = [Step("traced", *of) for of in self.stores]
        return [*self.round, *traced, *self.round * (self.rounds - 1)]


class BenchProgress:
    """What is called while a benchmark runs; this one does nothing."""

    def expect(self, seconds: float) -> None:
        """Handle, once, the seconds that the rest is expected to take."""

    def begin(self, step: Step, round_: int | None, remaining: float | None) -> None:
        """Handle the start of a run.

        `round_` counts from 0 and is None for a warm-up. `remaining` are the seconds until the end,
        None while they are unknown.
        """


class Timings(NamedTuple):
    """The measurements of all rounds, and how many there were."""

    rounds: int
    off: Measurement
    levels: tuple[LevelResult, ...]
    folder: str  # of the private stores
    own_caches: tuple[str, ...] = ()  # other stores, which the script used in every run


def measure(
    schedule: Schedule,
    config: Config,
    *,
    progress: BenchProgress | None = None,
    echo: IO[bytes] | None = None,
) -> Timings:
    """Run a command with its cache off, cold and warm.

    Parameters
    ----------
    schedule : Schedule
    config : Config
        Its store is not opened: each cold run gets a new one on the same file system, which is
        removed after the warm run.
    progress : BenchProgress, optional
    echo : binary file, optional
        Gets what the runs print.

    Raises
    ------
    FailedRunError
        If a run fails: its exit code, and the end of its stderr.
    OwnCacheError
        If the script uses only a store that it has chosen itself.
    OSError
        If a store cannot be made, or the command cannot be started.
    """
    return _Bench(schedule, config, progress or BenchProgress(), echo).run()


class _Bench:
    def __init__(
        self, schedule: Schedule, config: Config, progress: BenchProgress, echo: IO[bytes] | None
    ) -> None:
        self._schedule = schedule
        self._config = config
        self._progress = progress
        self._echo = echo
        self._folder = folder_beside(config.location)
        self._todo = schedule.all
        self._runs: dict[Step, list[Run]] = {step: [] for step in schedule.round}
        self._held: dict[Step, Held] = {}  # by the cold step
        self._calls: dict[Step, Calls | None] = {}  # by the warm step
        self._own_caches: dict[str, Calls] = {}
        # Seconds of the last run of each kind and engine, at any level.
        self._took: dict[Step, float] = {}
        self._begun = time.monotonic()

    def run(self) -> Timings:
        without = child_environment_at(self._config, None)
        for _ in range(self._schedule.warmup):
            self._run(OFF, without, round_=None)
        if self._schedule.warmup:
            self._progress.expect(self._remaining(0))
        done = 0
        while done < self._schedule.rounds and (done == 0 or self._is_time_for_another()):
            self._time(OFF, without, round_=done)
            if done == 0 and not self._schedule.warmup:
                self._progress.expect(self._remaining(0))
            for level, engine in self._schedule.stores:
                self._round_of(level, engine, done)
            if done == 0:
                self._require_a_cache()
            done += 1
        off = measurement(self._runs[OFF])
        levels = tuple(self._result(off, *of) for of in self._schedule.stores)
        return Timings(done, off, levels, self._folder, tuple(self._own_caches))

    def _require_a_cache(self) -> None:
        """Refuse to time a script that caches nothing but in a store of its own."""
        if not self._own_caches or any(held.entries.entries for held in self._held.values()):
            return
        [(store, calls), *_] = self._own_caches.items()
        variable = self._config.cache_dir.variable
        raise OwnCacheError(
            f"the script caches only in {printable(store)} ({calls.hits} hits, {calls.misses}"
            " misses), a location of its own, so it cannot be timed without its cache; let it take"
            f" the location from {variable}, as in joblib.Memory(os.environ.get({variable!r}))"
        )

    def _round_of(self, level: int, engine: Engine | None, round_: int) -> None:
        cold, warm = Step("cold", level, engine), Step("warm", level, engine)
        with private_folder(PREFIX, parent=self._folder) as location:
            plain = child_environment_at(self._config, location, level=level)
            environment = with_engine(plain, engine)
            self._time(cold, environment, round_=round_)
            if round_ == 0:
                self._held[cold] = _held(location)
            self._time(warm, environment, round_=round_)
            if round_ == 0:
                self._calls[warm] = self._trace(warm._replace(kind="traced"), plain, location)

    def _trace(self, step: Step, environment: dict[str, str], location: str) -> Calls | None:
        from acache.store.call_writer import location_of

        with Tracing() as tracing:
            try:
                traced = tracing.environment(environment, engine=step.engine)
                self._run(step, traced, round_=0)
            except FailedRunError:  # only because it is traced: the times are valid
                return None
            finally:
                self._todo.remove(step)
            trace = tracing.read()
        if trace.without_engine:
            raise EngineMissingError(
                "the fast engine cannot be imported in the Python that runs the script; pip install"
                " acache there, or leave fast out of --engine"
            )
        if not trace.joblibs:
            return None
        private = os.path.realpath(location)
        for row in trace.functions:
            if location_of(os.path.realpath(row.store)) != private:
                self._own_caches[row.store] = Calls(*trace.hits_and_misses(row.store))
        return Calls(*trace.hits_and_misses(private))

    def _time(self, step: Step, environment: dict[str, str], *, round_: int) -> None:
        self._runs[step].append(self._run(step, environment, round_=round_))
        self._todo.remove(step)

    def _run(self, step: Step, environment: dict[str, str], *, round_: int | None) -> Run:
        remaining = None
        if round_ is not None and OFF in self._took:
            remaining = self._remaining(round_)
        self._progress.begin(step, round_, remaining)
        run = timed_run(self._schedule.arguments, environment, echo=self._echo)
        if run.exit_code != 0:
            raise _failure(self._schedule.arguments, step, run)
        self._took[step._replace(level=None)] = run.seconds
        return run

    def _is_time_for_another(self) -> bool:
        passed = time.monotonic() - self._begun
        return passed + self._expected(self._schedule.round) <= self._schedule.time_limit

    def _remaining(self, round_: int) -> float:
        """Estimate the seconds to the end; the time limit cuts whole rounds, but not this one."""
        later = len(self._schedule.round) * (self._schedule.rounds - round_ - 1)
        current = self._expected(self._todo[: len(self._todo) - later])
        left = self._schedule.time_limit - (time.monotonic() - self._begun)
        return max(current, min(self._expected(self._todo), left))

    def _expected(self, steps: Iterable[Step]) -> float:
        unknown = self._took[OFF]
        return sum(self._took.get(step._replace(level=None), unknown) for step in steps)

    def _result(self, off: Measurement, level: int, engine: Engine | None) -> LevelResult:
        cold, warm = Step("cold", level, engine), Step("warm", level, engine)
        return level_result(
            level,
            engine,
            off=off,
            cold=measurement(self._runs[cold]),
            warm=measurement(self._runs[warm]),
            held=self._held[cold],
            calls=self._calls[warm],
        )


def _held(location: str) -> Held:
    """Count what a store holds."""
    entries, leftovers = Tally(), 0
    for found in Store(location).scan():
        if isinstance(found, Entry):
            entries.add_entry(found)
        elif isinstance(found, Leftover):
            leftovers += 1
    return Held(entries.totals(cost=False), leftovers)


def _failure(arguments: Iterable[str], step: Step, run: Run) -> FailedRunError:
    """Describe how a run failed, and what may fix it."""
    ended = f"failed with exit code {run.exit_code}"
    if run.exit_code < 0:
        ended = f"was ended by {_signal_name(-run.exit_code)}"
    lines = [printable(line.expandtabs()) for line in run.stderr_tail.splitlines()]
    lines = [line for line in lines if line][-_TAIL_LINES:]
    message = f"{printable(' '.join(arguments))} {ended}, {step}"
    if lines and lines[-1].startswith(("ModuleNotFoundError:", "ImportError:")):
        message += "; name a Python that has the missing module with --python PATH"
    return FailedRunError(message, lines)


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
