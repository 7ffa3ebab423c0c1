"""``acache run``."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, note, warning
from acache.config.engine import ENGINES, Engine
from acache.config.settings import Config
from acache.operations.run.command import traced_command
from acache.operations.run.session import Tracing
from acache.operations.run.trace_log import Trace
from acache.system.errors import AcacheError
from acache.system.foreground import Finished, Foreground
from acache.system.output_file import OutputFile


@click.command(name="run", cls=GroupedHelp, context_settings={"allow_interspersed_args": False})
@click.option("--level", type=int, metavar="N", help="Level to use instead of LIBROSA_CACHE_LEVEL.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="What answers joblib's functions.  [default: ACACHE_ENGINE, or else joblib]",
)
@click.option("--why", "explain", is_flag=True, help="Explain the misses of this run at its end.")
@click.option("--export-json", metavar="FILE", help="Write the report to FILE as JSON.")
@click.argument(
    "words",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    metavar="[--] SCRIPT|COMMAND [ARGS]...",
)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    level: int | None,
    engine: Engine | None,
    explain: bool,
    export_json: str | None,
    words: tuple[str, ...],
) -> None:
    """Run a script with the cache on; show what each function saves.

    A .py file runs under --python. The script keeps its own input, output, signals and exit code;
    the report follows on stderr. Calls of child processes are counted too, and those of caches that
    the script makes itself with joblib.Memory, for which no location needs to be configured.

    \b
    Examples:
      acache run analyse.py song.wav
      acache run --why analyse.py song.wav
      acache run --level 30 --export-json calls.json analyse.py song.wav
      acache run --engine fast analyse.py song.wav
      acache run -- python -m my_package --verbose
    """
    config = choices(ctx).config(level=level)
    traced = traced_command(words, config, engine=engine)
    if not traced.switched_on:
        note(
            f"{config.location} holds only results of plain joblib.Memory, so"
            f" {config.cached_library}'s cache is not switched on there;"
            f" set {config.cache_dir.variable} to do that"
        )
    with contextlib.ExitStack() as stack:
        # First, so that a signal ends nothing before temporary files are removed.
        foreground = stack.enter_context(Foreground())
        export = None
        if export_json is not None:
            export = stack.enter_context(OutputFile(export_json, option="--export-json"))
        tracing = stack.enter_context(Tracing())
        environment = tracing.environment(traced.environment, engine=traced.engine)
        began = time.time()
        finished = foreground.run(traced.arguments, environment)
        try:
            since = began if explain else None
            _report(words, finished, tracing.read(), config, export, explain_since=since)
        except (AcacheError, OSError) as problem:  # the script's exit code matters more
            with contextlib.suppress(OSError):
                warning(f"the report is incomplete: {problem}")
    ctx.exit(finished.exit_code)


def _report(
    words: Sequence[str],
    finished: Finished,
    trace: Trace,
    config: Config,
    export: OutputFile | None,
    *,
    explain_since: float | None,
) -> None:
    from acache.operations.run.savings import run_report
    from acache.render.tables.run import print_run

    report = run_report(words, finished, trace, config, explain_since=explain_since)
    print_run(report, config)
    for text in report.warnings:
        warning(text)
    if export is not None:
        from acache.render.json.run import run_document

        export.write(run_document(report))
