"""``acache show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note, open_store, warning
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

    For an entry: its arguments, its times, and what its value is, read without loading it. For a
    function: its level, its totals, its stored source, and how the installed one differs.

    \b
    Examples:
      acache show librosa.core.spectrum.stft
      acache show stft/57f8c984
      acache show stft/57f8 --json | jq '.value.arrays[].shape'
    """
    from acache.operations.show import describe_entry, describe_function, find_named
    from acache.sources.installed import InstalledSources

    config = choices(ctx).config()
    store = open_store(config)
    if not store.exists:
        raise UsageError(f"cannot show {printable(name)!r}: there is no cache")
    installed = InstalledSources(config.python.value)
    function, argument_hash = find_named(store, name)
    details: EntryDetails | FunctionDetails
    if argument_hash is None:
        details = describe_function(store, function, installed)
    else:
        if store.reading_changes_access(function, argument_hash):
            note("this entry belongs to another user: reading it may change its last access")
        details = describe_entry(store, function, argument_hash, installed)
    if as_json:
        from acache.render.json.show import show_document

        click.echo(show_document(details, config))
    else:
        from acache.render.tables.show import print_details

        print_details(details)
        for text in (*config.warnings(), *details.warnings):
            warning(text)
