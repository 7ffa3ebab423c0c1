"""``acache verify``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from acache.cli.confirm import DeletionMode, carry_out, deletion_options
from acache.cli.help import GroupedHelp
from acache.cli.options import (
    EXIT_PROBLEMS,
    choices,
    common_options,
    json_option,
    note,
    open_store,
    warning,
)
from acache.cli.selection import look_up, selection_of, selection_options
from acache.cli.workers import opened_pool, worker_options
from acache.config.settings import Config
from acache.operations.doctor.check import command as command_line
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels

if TYPE_CHECKING:
    from acache.operations.verify.store import VerifyReport


@click.command(name="verify", cls=GroupedHelp)
@selection_options
@click.option("--delete", is_flag=True, help="Remove entries that are damaged or have no result.")
@click.option("--delete-unsafe", is_flag=True, help="Remove entries that may run code when loaded.")
@click.option(
    "--allow",
    metavar="MODULE.NAME",
    multiple=True,
    help="Trust a class or function that entries name.",
)
@click.option("--strict", is_flag=True, help="Names that are not listed as harmless are problems.")
@worker_options
@deletion_options
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    delete: bool,
    delete_unsafe: bool,
    allow: tuple[str, ...],
    strict: bool,
    workers: int | None,
    scheduler: str | None,
    dry_run: bool,
    yes: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Check that entries are complete, readable, harmless to load.

    Pickles are read, never loaded. Only classes and functions on an explicit list count as
    harmless; --allow adds to it. The exit code is 3 if problems remain.

    \b
    Examples:
      acache verify
      acache verify --function stft --json | jq '.problems[].kind'
      acache verify --delete --dry-run
      acache verify --allow pandas.DataFrame --strict
    """
    from acache.pickles.safety import parse_allowed

    if (dry_run or yes) and not (delete or delete_unsafe):
        raise click.UsageError("--dry-run and --yes need --delete or --delete-unsafe")
    allowed = [parse_allowed(text) for text in allow]
    config = choices(ctx).config()
    selection = selection_of(**options)
    mode = DeletionMode(dry_run, yes, quiet, as_json)
    store = open_store(config)
    levels = Levels(store, InstalledSources(config.python.value))
    selector = None
    if not selection.is_everything:
        selector = look_up(selection, store, levels, quiet=quiet)
    from acache.operations.verify.store import plan_removal, verify
    from acache.render.progress import checking

    with opened_pool(workers, scheduler) as pool, checking() as progress:
        report = verify(
            store,
            selector,
            allowed=allowed,
            strict=strict,
            fork=True,
            progress=progress,
            before_access=noting_once(),
            command_line=partial(command_line, config),
            pool=pool,
        )
    left = report.problems
    warnings = (*config.warnings(), *report.warnings)
    if not (as_json or quiet):
        from acache.render.tables.verify import print_findings

        print_findings(report, fixes=not (delete or delete_unsafe))
    if delete or delete_unsafe:
        from acache.render.json.verify import findings

        plan = plan_removal(report, broken=delete, unsafe=delete_unsafe)
        carry_out(ctx, plan, mode, warnings=warnings, findings=findings(report))
        if not dry_run:
            left = report.problems_after(plan)
    else:
        _finish(report, config, warnings, mode)
    if left:
        ctx.exit(EXIT_PROBLEMS)


def _finish(
    report: VerifyReport, config: Config, warnings: tuple[str, ...], mode: DeletionMode
) -> None:
    """Print the rest of a report after which nothing is deleted."""
    if mode.as_json:
        from acache.render.json.verify import verify_document

        click.echo(verify_document(report, config))
    elif not mode.quiet:
        for text in warnings:
            warning(text)


def noting_once() -> Callable[[], None]:
    """Return what notes, once in all processes, that reading may change last accesses."""
    from mmap import mmap

    noted = mmap(-1, 1)  # shared with the second process

    def note_once() -> None:
        if not noted[0]:
            noted[0] = 1
            note("some entries belong to another user: reading them may change their last access")

    return note_once
