"""``acache report``."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, note, open_store, warning
from acache.cli.selection import look_up, selection_of, selection_options
from acache.cli.verify import noting_once
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.system.errors import UsageError
from acache.system.output_file import OutputFile
from acache.system.text import quoted, size_text

_DEFAULT = "acache-report.html"
_STDOUT = "-"


@click.command(name="report", cls=GroupedHelp)
@selection_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help=f"Write to FILE; - is stdout.  [default: {_DEFAULT}]",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@click.option(
    "--no-verify", is_flag=True, help="Do not check entries, which reads all of them: faster."
)
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    output: str | None,
    opens: bool,
    no_verify: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write one HTML page about the cache.

    The page is one file, which fetches nothing. It shows paths, functions and the arguments of the
    largest entries.

    \b
    Examples:
      acache report --open
      acache report -o cache.html --level 30
      acache report --no-verify --json | jq -r .file
    """
    if output == _STDOUT and (opens or as_json):
        raise click.UsageError(f"-o - cannot be combined with {'--open' if opens else '--json'}")
    config = choices(ctx).config()
    selection = selection_of(**options)
    store = open_store(config)
    levels = Levels(store, InstalledSources(config.python.value))
    selector = None
    if not selection.is_everything:
        selector = look_up(selection, store, levels)
    from acache.operations.report import report
    from acache.render import progress
    from acache.render.html.report import report_page

    with ExitStack() as stack:
        file = None
        if output != _STDOUT:
            path = _default() if output is None else output
            file = stack.enter_context(OutputFile(path, option="-o"))
        found = report(
            config,
            store,
            levels,
            selector,
            check_entries=not no_verify,
            before_access=noting_once(),
            progress=progress,
        )
        page = report_page(found, " ".join(map(quoted, ["acache", *sys.argv[1:]])))
        if file is None:
            click.echo(page)
            return
        file.write(page)
    size = len(page.encode()) + 1
    if as_json:
        from acache.render.json.report import report_document

        click.echo(report_document(found, os.path.abspath(path), size))
    else:
        note(f"wrote {path}, {size_text(size)}")
        for text in found.warnings:
            warning(text)
    if opens and not webbrowser.open(Path(path).absolute().as_uri()):
        warning(f"no browser could be started; open {path}")


def _default() -> str:
    """Return the file's usual name, unless that is the name of something else.

    Raises
    ------
    UsageError
        If it is.
    """
    from acache.render.html.page import is_report

    if os.path.lexists(_DEFAULT) and not is_report(_DEFAULT):
        raise UsageError(f"{_DEFAULT} is not a report of acache's; give another name with -o")
    return _DEFAULT
