"""``acache clear``."""

from __future__ import annotations

from typing import Any

import click

from acache.cli.confirm import DeletionMode, carry_out, deletion_options, open_existing
from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note
from acache.cli.selection import AGE, look_up, selection_of, selection_options
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels


@click.command(name="clear", cls=GroupedHelp)
@selection_options
@click.option("--all", "everything", is_flag=True, help="Remove every entry and all leftovers.")
@click.option(
    "--leftovers",
    is_flag=True,
    help="Remove what interrupted writes left: of the selected functions, or of all.",
)
@click.option(
    "--grace",
    type=AGE,
    metavar="AGE",
    default="1h",
    show_default=True,
    help="Keep temporary files that are younger.",
)
@deletion_options
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    everything: bool,
    leftovers: bool,
    grace: float,
    dry_run: bool,
    yes: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Remove every entry of a selection.

    Shows what would be removed, then asks. Sources and functions' folders stay: joblib needs them
    to detect stale results. --leftovers also removes the files of interrupted writes that are older
    than --grace and whose process has ended.

    \b
    Examples:
      acache clear --level 30
      acache clear --function stft --older-than 30d --dry-run
      acache clear --stale
      acache clear --leftovers -y
    """
    config = choices(ctx).config()
    selection = selection_of(**options)
    if everything and not selection.is_everything:
        raise click.UsageError("give either --all or a selection, not both")
    if selection.is_everything and not (everything or leftovers):
        raise click.UsageError(
            "nothing is selected; name entries, or give --level, --function, --older-than,"
            " --unused-for, --larger-than, --smaller-than, --arg, --stale, --leftovers or --all"
        )
    mode = DeletionMode(dry_run, yes, quiet, as_json)
    store = open_existing(config, quiet=quiet)
    levels = Levels(store, InstalledSources(config.python.value))
    selector = None
    if everything or not selection.is_everything:
        selector = look_up(selection, store, levels, quiet=quiet)
    from acache.operations.clear import plan_clear
    from acache.render.progress import scanning

    with scanning() as progress:
        plan = plan_clear(
            store,
            selector,
            leftovers=leftovers or everything,
            grace=grace,
            durations=mode.needs_cost and store.traits.durations,
            fork=True,
            progress=progress,
        )
    if selection.stale and not (plan.is_empty or quiet or as_json):
        note(f"stale means not used by {config.python.value}; --python PATH names another Python")
    carry_out(ctx, plan, mode, warnings=(*config.warnings(), *levels.warnings))
