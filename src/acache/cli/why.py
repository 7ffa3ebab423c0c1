"""``acache why``."""

from __future__ import annotations

import time

import click

from acache.cli.call_log import WantedCalls, logged_calls, since_option
from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, open_store
from acache.operations.why.explanation import why


@click.command(name="why", cls=GroupedHelp)
@click.argument("names", nargs=-1, metavar="[FUNCTION|ENTRY]...")
@since_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Explain the latest N.",
)
@click.option("--all", "everything", is_flag=True, help="Explain all, whatever --limit is.")
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    since: float | None,
    limit: int,
    everything: bool,
    as_json: bool,
) -> None:
    """Explain why calls missed the cache, and how to avoid it.

    It reads the call log, which the fast engine and acache run write.

    \b
    Examples:
      acache why
      acache why stft --since 1h
      acache why librosa.feature.mfcc/4c41 --json | jq -r '.misses[].message'
    """
    store = open_store(choices(ctx).config())
    wanted = WantedCalls(names)
    report = why(
        logged_calls(store),
        wanted=wanted,
        since=None if since is None else time.time() - since,
        limit=None if everything else limit,
        store=store,
    )
    wanted.require_found()
    if as_json:
        from acache.render.json.why import why_document

        click.echo(why_document(report))
        return
    from acache.render.tables.why import print_misses

    print_misses(report)
