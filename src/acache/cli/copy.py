"""``acache copy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from acache.cli.confirm import stoppable
from acache.cli.help import GroupedHelp
from acache.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    choices,
    common_options,
    error,
    json_option,
    note,
    print_errors,
    warning,
)
from acache.cli.selection import look_up, selection_of, selection_options
from acache.cli.workers import opened_pool, worker_options
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.system.signals import signals_as_exceptions

if TYPE_CHECKING:
    from acache.operations.copy import CopyReport


@click.command(name="copy", cls=GroupedHelp)
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@selection_options
@click.option("--overwrite", is_flag=True, help="Replace entries that DST has.")
@click.option(
    "--allow",
    metavar="MODULE.NAME",
    multiple=True,
    help="Trust a class or function that entries of an archive name.",
)
@click.option(
    "--allow-unsafe", is_flag=True, help="Copy entries of an archive that may run code when loaded."
)
@click.option(
    "--layout",
    type=click.Choice(["flat", "split"]),
    help="Layout of new entries: FUNCTION/HASH, or FUNCTION/abc/... of joblib to come."
    "  [default: that of the function in DST, or flat]",
)
@worker_options
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be copied; copy nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing unless something fails.")
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    source: str,
    target: str,
    overwrite: bool,
    allow: tuple[str, ...],
    allow_unsafe: bool,
    layout: str | None,
    workers: int | None,
    scheduler: str | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Copy entries to another cache or an archive, or from there.

    SRC and DST are locations, or archives: .tar, .tar.gz or .tar.zst. What DST has stays, so that
    copying can be interrupted and repeated. A function whose source differs in DST is left out.
    Entries of an archive are judged as acache verify judges them, and refused if they may run
    code when loaded.

    \b
    Examples:
      acache copy ~/.cache/librosa backup.tar.zst
      acache copy backup.tar.zst ~/.cache/librosa
      acache copy /shared/cache ~/.cache/librosa --function stft --larger-than 1MB
      acache copy old-cache new-cache --layout split
    """
    from acache.pickles.safety import parse_allowed

    allowed = [parse_allowed(text) for text in allow]
    config = choices(ctx).config()
    selection = selection_of(**options)
    from contextlib import ExitStack

    from acache.operations.copy import copy, open_source, open_target
    from acache.render.progress import copying

    origin, destination = open_source(source), open_target(target)
    levels = Levels(origin, InstalledSources(config.python.value))
    selector = None
    if not selection.is_everything:
        selector = look_up(selection, origin, levels, quiet=quiet)
    with ExitStack() as stack:
        stack.enter_context(signals_as_exceptions())
        pool = stack.enter_context(opened_pool(workers, scheduler))
        stopped = stack.enter_context(stoppable())
        progress = stack.enter_context(copying())
        report = copy(
            origin,
            destination,
            selector,
            overwrite=overwrite,
            allow_unsafe=allow_unsafe,
            allowed=allowed,
            split=None if layout is None else layout == "split",
            dry_run=dry_run,
            progress=progress,
            stopped=stopped,
            before_access=_note_access,
            pool=pool,
        )
    _print(report, levels.warnings, dry_run=dry_run, quiet=quiet, as_json=as_json)
    if report.interrupted:
        error(f"interrupted: copied {report.copied:,} entries; run it again for the rest")
        ctx.exit(EXIT_INTERRUPTED)
    if not report.is_complete:
        ctx.exit(EXIT_FAILED)


def _note_access() -> None:
    note("some entries belong to another user: reading them may change their last access")


def _print(
    report: CopyReport, warnings: list[str], *, dry_run: bool, quiet: bool, as_json: bool
) -> None:
    if as_json:
        from acache.render.json.copy import copy_document

        click.echo(copy_document(report, dry_run=dry_run, warnings=warnings))
    elif not quiet:
        from acache.render.tables.copy import print_copy

        print_copy(report, dry_run=dry_run)
        for text in warnings:
            warning(text)
    print_errors(f"left out: {one.id}: {one.reason}" for one in report.left_out)
    print_errors(f"refused: {one.id}: {one.reason}" for one in report.refused)
    print_errors(f"{one.id}: {one.reason}" for one in report.failed)
