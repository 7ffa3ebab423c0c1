"""``acache compress``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from acache.cli.confirm import open_existing, stoppable
from acache.cli.help import GroupedHelp
from acache.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    choices,
    common_options,
    error,
    json_option,
    print_errors,
    warning,
)
from acache.cli.selection import look_up, selection_of, selection_options
from acache.cli.workers import opened_pool, worker_options
from acache.config.settings import Config
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.system.errors import ConfigurationError
from acache.system.signals import signals_as_exceptions

if TYPE_CHECKING:
    from acache.operations.compress import CompressReport

_METHODS = ("zlib", "gzip", "bz2", "lzma", "xz", "lz4", "none")  # those of joblib, and none


@click.command(name="compress", cls=GroupedHelp)
@selection_options
@click.option("--all", "everything", is_flag=True, help="Compress every entry.")
@click.option(
    "--method", type=click.Choice(_METHODS), required=True, help="Method; none uncompresses."
)
@click.option(
    "--compression-level",
    "effort",
    type=click.IntRange(1, 9),
    metavar="N",
    help="Level of the method, 1 to 9.  [default: joblib's]",
)
@worker_options
@click.option("-n", "--dry-run", is_flag=True, help="Compress and count; change nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing unless something fails.")
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    everything: bool,
    method: str,
    effort: int | None,
    workers: int | None,
    scheduler: str | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compress results in place, or uncompress them.

    The pickle inside and the times of the files stay as they are, and joblib reads one form as the
    other. Entries that have that form already, or would not become smaller, are kept. Compressed
    results cannot be mapped into memory.

    \b
    Examples:
      acache compress --method zlib --larger-than 1MB
      acache compress --method lz4 --unused-for 30d --dry-run
      acache compress --method none --function stft
      acache compress --method xz --compression-level 9 --all
    """
    config = choices(ctx).config()
    selection = selection_of(**options)
    if everything and not selection.is_everything:
        raise click.UsageError("give either --all or a selection, not both")
    if selection.is_everything and not everything:
        raise click.UsageError("nothing is selected; name entries, give a selection, or --all")
    installed = InstalledSources(config.python.value)
    _require_readable(method, config, installed)
    store = open_existing(config, quiet=quiet)
    levels = Levels(store, installed)
    selector = look_up(selection, store, levels, quiet=quiet)
    from contextlib import ExitStack

    from acache.operations.compress import compress
    from acache.render.progress import compressing

    with ExitStack() as stack:
        stack.enter_context(signals_as_exceptions())
        pool = stack.enter_context(opened_pool(workers, scheduler))
        stopped = stack.enter_context(stoppable())
        report = compress(
            store,
            selector,
            method=method,  # type: ignore[arg-type]  # click has checked it
            level=effort,
            dry_run=dry_run,
            fork=True,
            progress=lambda total: stack.enter_context(compressing(total)),
            stopped=stopped,
            pool=pool,
        )
    warnings = [*config.warnings(), *levels.warnings]
    _print(report, warnings, dry_run=dry_run, quiet=quiet, as_json=as_json)
    if report.interrupted:
        done = report.total.entries
        error(f"interrupted: compressed {done:,} entries; run it again for the rest")
        ctx.exit(EXIT_INTERRUPTED)
    if report.failed:
        ctx.exit(EXIT_FAILED)


def _require_readable(method: str, config: Config, installed: InstalledSources) -> None:
    """Refuse what the library with the cache could not read afterwards.

    Raises
    ------
    ConfigurationError
        If it has no lz4; or if it maps results into memory: joblib opens a file twice for that, and
        could map the second one as if it was the first.
    """
    if method == "lz4" and installed.search_path and not installed.has_module("lz4"):
        raise ConfigurationError(
            f"{config.python.value} has no package lz4, so that joblib could not read the results;"
            " install it there, or choose another --method"
        )
    mode = config.mmap.value
    if mode is not None and method != "none":
        raise ConfigurationError(
            f"{config.mmap.variable}={mode} maps results into memory, which compressed ones cannot"
            " be; unset it, or give --method none"
        )


def _print(
    report: CompressReport, warnings: list[str], *, dry_run: bool, quiet: bool, as_json: bool
) -> None:
    if as_json:
        from acache.render.json.compress import compress_document

        click.echo(compress_document(report, dry_run=dry_run, warnings=warnings))
    elif not quiet:
        from acache.render.tables.compress import print_compress

        print_compress(report, dry_run=dry_run)
        for text in warnings:
            warning(text)
    print_errors(f"{one.id}: {one.reason}" for one in report.failed)
