"""``acache stats``."""

from __future__ import annotations

import time
from typing import Any

import click

from acache.cli.call_log import logged_calls, since_option
from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note, open_store, warning
from acache.cli.selection import look_up, selection_of, selection_options
from acache.cli.workers import opened_pool, worker_options
from acache.operations.stats import SORTS, stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Drift


@click.command(name="stats", cls=GroupedHelp)
@selection_options
@click.option(
    "--by",
    type=click.Choice(["level", "function", "module"]),
    help="Show only this table.  [default: by level and by function]",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    help="Show only the first N functions or modules.",
)
@click.option(
    "--sort",
    type=click.Choice(SORTS),
    default="disk",
    show_default=True,
    help="Order of the rows, the largest first; time is compute time.",
)
@click.option("--no-cost", is_flag=True, help="Do not read compute times: faster.")
@click.option("--calls", is_flag=True, help="Show logged calls, hits, and seconds saved, too.")
@since_option
@worker_options
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    by: str | None,
    top: int | None,
    sort: str,
    no_cost: bool,
    calls: bool,
    since: float | None,
    workers: int | None,
    scheduler: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what the cache holds, per level and function.

    \b
    Examples:
      acache stats
      acache stats --by function --top 10 --sort time
      acache stats --level 30 --unused-for 30d
      acache stats --calls --since 7d
      acache stats --json | jq .total.size_bytes
    """
    if sort == "time" and no_cost:
        raise click.UsageError("--sort time needs compute times, which --no-cost does not read")
    if since is not None and not calls:
        raise click.UsageError("--since needs --calls: entries are selected by --older-than")
    config = choices(ctx).config()
    selection = selection_of(**options)
    store = open_store(config)
    levels = Levels(store, InstalledSources(config.python.value))
    used = None
    if calls:
        from acache.operations.call_totals import call_rows

        moment = None if since is None else time.time() - since
        used = call_rows(logged_calls(store, moment), store, levels)
    selector = None
    if not selection.is_everything:
        selector = look_up(selection, store, levels)
    from acache.render.progress import scanning

    cost = not no_cost and (store.traits.durations or sort == "time")
    if store.exists and not (cost or no_cost):
        note("compute times would take a request for each entry; --sort time reads them")
    with opened_pool(workers, scheduler) as pool, scanning() as progress:
        report = stats(
            store,
            levels,
            selector,
            cost=cost,
            sort=sort,  # type: ignore[arg-type]  # click has checked it
            top=top,
            source_state=Drift(store, levels.installed),
            fork=True,
            progress=progress,
            pool=pool,
        )
    if as_json:
        from acache.render.json.stats import stats_document

        click.echo(stats_document(report, config, by_module=by == "module", calls=used))
        return
    from acache.render.tables.stats import print_stats

    print_stats(report, config, by=by, top=top, selected=selector is not None)
    if used is not None:
        from acache.render.tables.calls import print_calls

        print_calls(used)
    for text in (*config.warnings(), *report.warnings):
        warning(text)
