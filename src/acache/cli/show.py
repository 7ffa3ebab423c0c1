"""``acache show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note, open_store, warning
from acache.config.settings import Config
from acache.system.errors import UsageError
from acache.system.text import printable

if TYPE_CHECKING:
    from acache.operations.show import EntryDetails, FunctionDetails


@click.command(name="show", cls=GroupedHelp)
@click.argument("name", metavar="ENTRY|FUNCTION")
@json_option
@common_options
@click.pass_context
def command(ctx: click.Context, /, *, name: str, as_json: bool) -> None:
    """Show one entry, or one function.

    Of an entry its arguments, its times, and what its value is, read without loading it; of a
    function its level, totals and stored source; where another one is installed, what differs.

    \b
    Examples:
      acache show librosa.core.spectrum.stft
      acache show stft/57f8c984
      acache show stft/57f8 --json | jq '.value.arrays[].shape'
    """
    from acache.operations.show import entry_details, find, function_details
    from acache.sources.installed import InstalledSources

    config = choices(ctx).config()
    store = open_store(config)
    if not store.exists:
        raise UsageError(f"{printable(name)!r} cannot be shown: there is no cache")
    installed = InstalledSources(config.python.value)
    function, argument_hash = find(store, name)
    if argument_hash is not None and store.is_noticed(function, argument_hash):
        note("this entry is another user's: reading it may change its last access")
    if argument_hash is None:
        _print_function(function_details(store, function, installed), config, as_json=as_json)
    else:
        entry = entry_details(store, function, argument_hash, installed)
        _print_entry(entry, config, as_json=as_json)


def _print_function(details: FunctionDetails, config: Config, *, as_json: bool) -> None:
    if as_json:
        from acache.render import json as machine

        click.echo(machine.function_details(details, config))
    else:
        from acache.render.tables import ls as entries

        entries.function_details(details)
        _warn(details.warnings, config)


def _print_entry(details: EntryDetails, config: Config, *, as_json: bool) -> None:
    if as_json:
        from acache.render import json as machine

        click.echo(machine.entry_details(details, config))
    else:
        from acache.render.tables import ls as entries

        entries.entry_details(details)
        _warn(details.warnings, config)


def _warn(warnings: tuple[str, ...], config: Config) -> None:
    for text in (*config.warnings(), *warnings):
        warning(text)
