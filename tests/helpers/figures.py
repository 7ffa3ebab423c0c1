"""Reports to be drawn: of any number of levels, with long names, fast and slow."""

from __future__ import annotations

import random

from acache.operations.bench.results import BenchReport, Held, level_result, measurement
from acache.operations.bench.timed_run import Run
from acache.operations.simulate.simulation import SimulateReport, simulate
from acache.operations.simulate.trace import make_trace
from acache.store.totals import Totals


def bench_report(
    levels: list[int],
    *,
    command: str = "examples/estimate_tuning.py",
    seconds: float = 5.0,
    gain: float = 1.6,
    rounds: int = 5,
    recommended: int | None = None,
    entries: int = 9,
) -> BenchReport:
    """Make a report of a benchmark whose warm runs are the faster, the higher the level."""
    chance = random.Random(1)

    def runs(mean: float) -> list[Run]:
        times = [mean * chance.lognormvariate(0, 0.04) for _ in range(rounds)]
        return [Run(time, time, 0.1, 10**8, 0, b"", "") for time in times]

    off = measurement(runs(seconds))
    results = [
        level_result(
            level,
            None,
            off=off,
            cold=measurement(runs(1.1 * seconds)),
            warm=measurement(runs(seconds / gain ** (number + 0.5))),
            held=Held(Totals(entries, 10**6, 10**6, 20), 0),
            calls=None,
        )
        for number, level in enumerate(levels)
    ]
    best = next((one for one in results if one.level == recommended), None)
    return BenchReport(tuple(command.split()), rounds, {}, off, tuple(results), best, ())


def simulate_report(
    *, calls: int = 400, entries: int = 60, scale: int = 1, sizes: tuple[int, ...] = ()
) -> SimulateReport:
    """Make a report of a simulation of calls that ask for few entries often."""
    chance = random.Random(2)
    rooms = [scale * int(chance.lognormvariate(8, 1.5)) + 1 for _ in range(entries)]
    seconds = [chance.lognormvariate(-2, 1) for _ in range(entries)]
    asked = [
        (float(at), min(int(chance.expovariate(6 / entries)), entries - 1)) for at in range(calls)
    ]
    return simulate(make_trace(asked, list(zip(rooms, seconds, strict=True))), sizes=sizes)
