"""``acache clear``."""

from __future__ import annotations

from typing import Any

import click

from acache.cli.confirm import Manner, carry_out, deletion_options, open_for_deletion
from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note
from acache.cli.selection import AGE, look_up, selection_of, selection_options
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels


@click.command(name="clear", cls=GroupedHelp)
@selection_options
@click.option("--all", "everything", is_flag=True, help="Every entry, and all leftovers.")
@click.option(
    "--leftovers",
    is_flag=True,
    help="Of the selected functions, or of all, what interrupted writes left.",
)
@click.option(
    "--grace",
    type=AGE,
    metavar="AGE",
    default="1h",
    show_default=True,
    help="Spare temporary files that are younger.",
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

    Shows what would go, then asks. Sources and functions' folders stay: with them joblib knows
    which results are stale. With --leftovers, files of interrupted writes go as well, if they are
    older than --grace and their process is no more.

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
        raise click.UsageError("--all and a selection contradict each other; give one of them")
    if selection.is_everything and not (everything or leftovers):
        raise click.UsageError(
            "nothing is selected; name entries, or give --level, --function, --older-than,"
            " --unused-for, --larger-than, --smaller-than, --arg, --stale, --leftovers, or --all"
        )
    manner = Manner(dry_run, yes, quiet, as_json)
    store = open_for_deletion(config, manner)
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
            durations=manner.tells_cost,
            fork=True,
            progress=progress,
        )
    if selection.stale and not (plan.is_empty or quiet or as_json):
        note(f"stale is what {config.python.value} would not use; --python PATH names another one")
    carry_out(ctx, plan, manner, warnings=(*config.warnings(), *levels.warnings))
