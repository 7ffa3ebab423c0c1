"""``acache browse``."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import click

from acache.cli.help import GroupedHelp
from acache.cli.options import Choices, choices, common_options, open_store
from acache.cli.selection import look_up, selection_of, selection_options
from acache.operations.selection import Selection
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.ids import parse_entry_id
from acache.system.errors import ConfigurationError, UsageError

_WILDCARDS = frozenset("*?[")


@click.command(name="browse", cls=GroupedHelp)
@selection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Browse the cache on the whole screen.

    Enter opens what is under the cursor, ? shows all keys. Needs textual: pip install 'acache[tui]'

    \b
    Examples:
      acache browse
      acache browse --level 30 --unused-for 30d
    """
    if find_spec("textual") is None:
        raise ConfigurationError(
            "acache browse needs the package textual; pip install 'acache[tui]' installs it"
        )
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "acache browse needs a terminal; acache stats and acache ls print the same"
        )
    chosen = choices(ctx)
    config = chosen.config()
    selection = selection_of(**options)
    store = open_store(config)
    if not store.exists:
        return
    installed = InstalledSources(config.python.value)
    look_up(selection, store, Levels(store, installed))
    from acache.tui.browse import browse
    from acache.tui.reading import Source

    code = browse(Source(store, installed, _words(chosen), parse_filter), selection)
    ctx.exit(code)


def _words(chosen: Choices) -> tuple[str, ...]:
    """Return the common options that were given, to be given again."""
    given = {
        "--cache-dir": chosen.cache_dir,
        "--env-prefix": chosen.env_prefix,
        "--python": chosen.python,
    }
    return tuple(word for name, value in given.items() if value for word in (name, value))


@click.command(name="filter", add_help_option=False)
@selection_options
def _filter(**options: Any) -> Selection:
    return selection_of(**options)


def parse_filter(text: str) -> Selection:
    """Read a filter: the options of a selection, entry ids, and parts of functions' names.

    Parameters
    ----------
    text : str
        Words as in a shell. One that is no option names an entry if it can, or else every function
        whose name it is a part of; with wildcards it is a pattern, as of ``--function``.

    Raises
    ------
    UsageError
        If it is not valid.

    Examples
    --------
    >>> parse_filter("hpss --level 30").functions
    ('*hpss*',)
    """
    import shlex

    try:
        words = shlex.split(text)
        with _filter.make_context("filter", words) as ctx:
            names = [word for word in ctx.params["ids"] if not _is_entry(word)]
            ctx.params["ids"] = tuple(word for word in ctx.params["ids"] if _is_entry(word))
            selection = _filter.invoke(ctx)
    except ValueError as problem:  # a quote that is not closed
        raise UsageError(f"{text!r} is not valid: {problem}") from None
    except click.UsageError as problem:
        raise UsageError(" ".join(problem.format_message().split())) from None
    assert isinstance(selection, Selection)
    return selection._replace(functions=(*selection.functions, *map(_pattern, names)))


def _is_entry(word: str) -> bool:
    try:
        parse_entry_id(word)
    except UsageError:
        return False
    return True


def _pattern(word: str) -> str:
    is_pattern = word.startswith("/") or not _WILDCARDS.isdisjoint(word)
    return word if is_pattern else f"*{word}*"
