"""``acache config``."""

from __future__ import annotations

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option


@click.command(name="config", cls=GroupedHelp)
@json_option
@common_options
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show every setting, its origin and its effect.

    \b
    Examples:
      acache config
      acache config --json | jq '.settings[] | select(.ok | not)'
    """
    config = choices(ctx).config()
    if as_json:
        from acache.render.json.config import config_document

        click.echo(config_document(config))
    else:
        from acache.render.tables.config import print_settings

        print_settings(config)
