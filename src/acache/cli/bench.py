"""``acache bench``."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note, silence, warning
from acache.cli.selection import AGE, Parsed
from acache.config.engine import Engine, check_engine
from acache.config.settings import Config
from acache.operations.bench.command import TIME_LIMIT_SECONDS, schedule
from acache.operations.bench.comparison import Comparison, differences, read_baseline
from acache.operations.bench.comparison import compare as compared
from acache.operations.bench.results import BenchReport
from acache.operations.bench.runner import FailedRunError, Schedule
from acache.render.durations import duration
from acache.render.plot.figure import plot_format
from acache.system.output_file import OutputFile
from acache.system.signals import signals_as_exceptions

EXIT_MISSED = 4


class _Levels(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # not before 8.2
    """Levels, separated by commas."""

    name = "levels"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        try:
            return tuple(sorted({int(part) for part in str(value).split(",")}))
        except ValueError:
            self.fail(f"{value!r} is not a list of levels; write it like 10,20,50", param, ctx)


class _Ratio(click.FloatRange):
    """A finite ratio above 0."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        ratio = float(super().convert(value, param, ctx))
        if not math.isfinite(ratio):
            self.fail(f"{value!r} is not a ratio; write it like 1.5", param, ctx)
        return ratio


class _Percent(click.FloatRange):
    """A finite percentage, 0 or more."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        percent = float(super().convert(value, param, ctx))
        if not math.isfinite(percent):
            self.fail(f"{value!r} is not a percentage; write it like 10", param, ctx)
        return percent


def _parse_engines(text: str) -> tuple[Engine, ...]:
    return tuple(dict.fromkeys(map(check_engine, text.split(","))))


@click.command(name="bench", cls=GroupedHelp, context_settings={"allow_interspersed_args": False})
@click.argument(
    "words",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    metavar="[--] SCRIPT|COMMAND [ARGS]...",
)
@click.option(
    "--levels",
    type=_Levels(),
    metavar="N,N...",
    help="Levels to compare.  [default: 10,20,30,40 and the configured one]",
)
@click.option(
    "--engine",
    "engines",
    type=Parsed("engines", _parse_engines),
    metavar="NAME,NAME...",
    help="What answers joblib's functions: fast,joblib compares both.  [default: joblib]",
)
@click.option(
    "--runs", type=click.IntRange(min=1), default=5, show_default=True, metavar="N", help="Rounds."
)
@click.option(
    "--warmup",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    metavar="N",
    help="Untimed runs with the cache off, before the first round.",
)
@click.option(
    "--time-limit",
    type=AGE,
    metavar="AGE",
    help="Start no round that would end later; at least one is run.  [default: 10m]",
)
@click.option(
    "--fail-under",
    type=_Ratio(),
    metavar="RATIO",
    help="Exit with 4 unless some level's speed-up is at least this.",
)
@click.option(
    "--compare", metavar="FILE", help="Compare with what --export-json wrote at an earlier time."
)
@click.option(
    "--fail-slower",
    type=_Percent(),
    metavar="PERCENT",
    help="Exit with 4 if it is slower than --compare by more, and by more than noise.",
)
@click.option("--export-json", metavar="FILE", help="Write the JSON document.")
@click.option("--export-markdown", metavar="FILE", help="Write the table as Markdown.")
@click.option(
    "--plot",
    metavar="FILE",
    help="Draw times and speed-ups: FILE.png, .svg or .pdf; needs acache[plot].",
)
@click.option("--show-output", is_flag=True, help="Print the output of each run on stderr.")
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    words: tuple[str, ...],
    levels: tuple[int, ...] | None,
    engines: tuple[Engine, ...] | None,
    runs: int,
    warmup: int,
    time_limit: float | None,
    fail_under: float | None,
    compare: str | None,
    fail_slower: float | None,
    export_json: str | None,
    export_markdown: str | None,
    plot: str | None,
    show_output: bool,
    as_json: bool,
) -> None:
    """Time a script with its cache off, cold and warm.

    A .py file runs under the Python of --python, with an empty stdin. Each cold run gets a private
    store beside the configured location, which is never opened. Options end at SCRIPT.

    \b
    Examples:
      acache bench analyse.py song.ogg
      acache bench --levels 20,50 --runs 10 analyse.py
      acache bench --engine fast,joblib --levels 50 analyse.py
      acache bench --compare baseline.json --fail-slower 10 analyse.py
      acache bench --fail-under 2 --export-markdown bench.md -- make features
    """
    if fail_slower is not None and compare is None:
        raise click.UsageError("--fail-slower needs --compare FILE")
    config = choices(ctx).config()
    baseline = None if compare is None else read_baseline(compare)
    planned = schedule(
        words,
        config,
        levels=levels,
        runs=runs,
        warmup=warmup,
        time_limit=TIME_LIMIT_SECONDS if time_limit is None else time_limit,
        engines=engines or (None,),
    )
    with ExitStack() as stack:
        stack.enter_context(signals_as_exceptions())
        exports = [
            (stack.enter_context(OutputFile(path, option=option)), form)
            for option, path, form in (
                ("--export-json", export_json, "json"),
                ("--export-markdown", export_markdown, "markdown"),
                ("--plot", plot, plot and plot_format(plot)),
            )
            if path is not None and form is not None
        ]
        report = _measure(words, planned, config, show_output=show_output)
        comparisons = None
        if baseline is not None:
            comparisons = compared(report, baseline)
            doubts = differences(report, baseline)
            report = report._replace(warnings=(*report.warnings, *doubts))
        try:
            for export, form in exports:
                export.write(_written(report, config, form, comparisons))
        finally:
            _print(report, config, comparisons, as_json=as_json)
    if fail_under is not None and (report.best_speedup or 0) < fail_under:
        best = f"{report.best_speedup:.2f}" if report.best_speedup else "there is none"
        note(f"the best speed-up ({best}) is below --fail-under {fail_under:g}")
        ctx.exit(EXIT_MISSED)
    slower = [one for one in comparisons or () if one.is_slower(fail_slower or 0)]
    if fail_slower is not None and slower:
        worst = max(slower, key=lambda one: one.ratio)
        name = "without cache" if worst.level is None else f"at level {worst.name}"
        note(f"{worst.ratio - 1:.0%} slower {name}, more than --fail-slower {fail_slower:g}")
        ctx.exit(EXIT_MISSED)


def _measure(
    command: tuple[str, ...], planned: Schedule, config: Config, *, show_output: bool
) -> BenchReport:
    from acache.operations.bench.benchmark import bench
    from acache.render.bench_progress import benching

    def expect(seconds: float) -> None:
        rounds = f"{planned.rounds} round{'s' if planned.rounds > 1 else ''}"
        note(f"{rounds} of {len(planned.round)} runs: about {duration(seconds)}")

    for text in config.warnings():  # the first run may fail because of them
        warning(text)
    echo = sys.stderr.buffer if show_output else None
    try:
        with benching(planned.rounds, expect, quiet=show_output) as progress:
            return bench(command, planned, config, progress=progress, echo=echo)
    except FailedRunError as failed:
        for line in failed.tail:
            click.echo(f"  {line}", err=True)
        raise


def _written(
    report: BenchReport, config: Config, form: str, comparisons: Sequence[Comparison] | None
) -> str | bytes:
    if form == "json":
        from acache.render.json.bench import bench_document

        return bench_document(report, comparisons)
    if form == "markdown":
        from acache.render.tables.bench import markdown

        return markdown(report, config, comparisons or ())
    from acache.render.plot.bench import draw_benchmark

    return draw_benchmark(report, form)


def _print(
    report: BenchReport,
    config: Config,
    comparisons: Sequence[Comparison] | None,
    *,
    as_json: bool,
) -> None:
    try:
        if as_json:
            click.echo(_written(report, config, "json", comparisons))
        else:
            from acache.render.tables.bench import print_benchmark

            print_benchmark(report, config, comparisons or ())
        sys.stdout.flush()
    except BrokenPipeError:  # the exit code may still be read
        silence(sys.stdout)
    if not as_json:
        printed = config.warnings()  # before the first run
        for text in report.warnings:
            if text not in printed:
                warning(text)
