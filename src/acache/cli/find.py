"""``acache find``."""

from __future__ import annotations

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import common_options, json_option, warning
from acache.operations.find import find, locations


@click.command(name="find", cls=GroupedHelp)
@click.argument("folders", nargs=-1, metavar="[FOLDER]...")
@click.option("--no-size", is_flag=True, help="Print only paths, as they are found: faster.")
@click.option("--cross", is_flag=True, help="Search other file systems mounted below, too.")
@json_option
@common_options
def command(folders: tuple[str, ...], no_size: bool, cross: bool, as_json: bool) -> None:
    """Find all joblib caches below your home, or other folders.

    Links are not followed. Each line ends in the location that --cache-dir takes.

    \b
    Examples:
      acache find
      acache find ~/projects /scratch/me
      acache find --no-size | xargs -n 1 acache stats --cache-dir
    """
    if no_size and as_json:
        raise click.UsageError("--no-size prints paths only, so it cannot be combined with --json")
    searched = folders or ("~",)
    if no_size:
        warnings: list[str] = []
        for location in locations(searched, cross=cross, warnings=warnings):
            click.echo(location)
    else:
        from acache.render.progress import scanning

        with scanning() as progress:
            report = find(searched, cross=cross, fork=True, progress=progress)
        warnings = [*report.warnings]
        if as_json:
            from acache.render.json.find import find_document

            click.echo(find_document(report))
            return
        from acache.render.tables.find import print_stores

        print_stores(report)
    for text in warnings:
        warning(text)
