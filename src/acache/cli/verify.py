"""``acache verify``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from acache.cli.confirm import Manner, carry_out, deletion_options
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
from acache.config.settings import Config
from acache.operations.doctor.check import command as command_line
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels

if TYPE_CHECKING:
    from acache.operations.verify.store import VerifyReport


@click.command(name="verify", cls=GroupedHelp)
@selection_options
@click.option("--delete", is_flag=True, help="Remove what is damaged or without result.")
@click.option("--delete-unsafe", is_flag=True, help="Remove what may run code when it is loaded.")
@click.option(
    "--allow",
    metavar="MODULE.NAME",
    multiple=True,
    help="Trust a class or function that entries name.",
)
@click.option("--strict", is_flag=True, help="Names of unknown packages are problems.")
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
    dry_run: bool,
    yes: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Check every entry: complete, readable, harmless to load.

    No pickle is loaded. What is harmless is an explicit list of classes and functions; --allow adds
    to it. Exits with 3 if there are problems that the same command does not remove.

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
    manner = Manner(dry_run, yes, quiet, as_json)
    store = open_store(config)
    levels = Levels(store, InstalledSources(config.python.value))
    selector = None
    if not selection.is_everything:
        selector = look_up(selection, store, levels, quiet=quiet)
    from acache.operations.verify.store import plan_removal, verify
    from acache.render.progress import checking

    with checking() as progress:
        report = verify(
            store,
            selector,
            allowed=allowed,
            strict=strict,
            fork=True,
            progress=progress,
            noticed=_noting_once(),
        )
    left = report.problems
    if delete or delete_unsafe:
        plan = plan_removal(report, broken=delete, unsafe=delete_unsafe)
        _show(report, config, manner, mend=None)
        from acache.render import json as machine

        warnings = (*config.warnings(), *report.warnings)
        carry_out(ctx, plan, manner, warnings=warnings, findings=machine.findings(report))
        if not dry_run:
            left -= len(plan.entries) + sum(one.kind == "folder" for one in plan.leftovers)
    else:
        given = [word for name in allow for word in ("--allow", name)]
        again = _again(config, given, whole=selection.is_everything)
        _show(report, config, manner, mend=again)
        _finish(report, config, manner)
    if left:
        ctx.exit(EXIT_PROBLEMS)


def _again(config: Config, options: Sequence[str], *, whole: bool) -> str:
    """Tell how a command is written that works on the same store, ``{}`` for what differs."""
    if not whole:
        return "the same command with {}"
    return f"{command_line(config, 'verify', *options).replace('{', '{{').replace('}', '}}')} {{}}"


def _show(report: VerifyReport, config: Config, manner: Manner, *, mend: str | None) -> None:
    if not (manner.as_json or manner.quiet):
        from acache.render.tables import verify as findings

        findings.verification(report, mend=mend, clear=command_line(config, "clear"))


def _finish(report: VerifyReport, config: Config, manner: Manner) -> None:
    """Print what nothing is deleted after."""
    if manner.as_json:
        from acache.render import json as machine

        click.echo(machine.verification(report, config))
    elif not manner.quiet:
        for text in (*config.warnings(), *report.warnings):
            warning(text)


def _noting_once() -> Callable[[], None]:
    """Note, from whichever process, that reading may change last accesses."""
    from mmap import mmap

    told = mmap(-1, 1)  # shared with the second process

    def tell() -> None:
        if not told[0]:
            told[0] = 1
            note("some entries are another user's: reading them may change their last access")

    return tell
