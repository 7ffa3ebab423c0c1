"""``acache ls``."""

from __future__ import annotations

from typing import Any

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import (
    EXIT_FAILED,
    choices,
    common_options,
    json_option,
    open_store,
    warning,
)
from acache.cli.selection import look_up, selection_of, selection_options
from acache.operations.ls import LIST_SORTS, Listing
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels


@click.command(name="ls", cls=GroupedHelp)
@selection_options
@click.option(
    "--sort",
    type=click.Choice(LIST_SORTS),
    help="Largest, latest, longest first, or by name.  [default: name; --jsonl, --csv, -q: none]",
)
@click.option("-r", "--reverse", is_flag=True, help="Reverse the order.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="List the first N.")
@click.option("--args", "arguments", is_flag=True, help="Show the arguments of each call.")
@click.option("-q", "--quiet", is_flag=True, help="Print only the ids, in full.")
@json_option
@click.option(
    "--jsonl",
    "as_jsonl",
    is_flag=True,
    help="Print one JSON document per line, as entries are found.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    sort: str | None,
    reverse: bool,
    limit: int | None,
    arguments: bool,
    quiet: bool,
    as_json: bool,
    as_jsonl: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """List entries: the cached calls, one by one.

    \b
    Examples:
      acache ls --sort size --limit 20
      acache ls --function stft --arg n_fft=2048 --args
      acache ls -q --unused-for 30d | acache clear - --dry-run
    """
    forms = {"json": as_json, "jsonl": as_jsonl, "csv": as_csv, "ids": quiet}
    asked = [name for name, wanted in forms.items() if wanted]
    if len(asked) > 1:
        raise click.UsageError("give only one of -q, --json, --jsonl and --csv")
    form = asked[0] if asked else "table"
    if quiet and arguments:
        raise click.UsageError("-q prints only ids, so it cannot be combined with --args")
    if sort is None and (reverse or form in ("table", "json")):
        sort = "name"
    config = choices(ctx).config()
    selection = selection_of(**options)
    store = open_store(config)
    levels = Levels(store, InstalledSources(config.python.value))
    selector = look_up(selection, store, levels)
    from acache.render.progress import scanning

    whole = as_json or sort == "time" or limit is None
    with scanning() as progress:
        listing = Listing(
            store,
            selector,
            levels,
            sort=sort,  # type: ignore[arg-type]  # click has checked it
            reverse=reverse,
            limit=limit,
            cost="none" if quiet else "all" if whole else "listed",
            arguments=arguments,
            fork=True,
            progress=progress,
        )

    def warnings() -> list[str]:
        return [*config.warnings(), *listing.warnings, *levels.warnings]

    if form == "table":
        from acache.render.tables.ls import print_listing

        print_listing(listing, sort=sort, arguments=arguments)
    else:
        from acache.render.json.ls import write_listing

        write_listing(listing, form, arguments=arguments, warnings=warnings)
    if form != "json":
        for text in warnings():
            warning(text)
    if listing.incomplete:
        ctx.exit(EXIT_FAILED)
