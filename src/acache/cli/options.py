"""What commands share: common options, the configuration, lines on stderr."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Any, TextIO, TypeVar

import click

from acache import __version__
from acache.cli.help import COMMON, GroupedOption, options
from acache.config.settings import Config
from acache.store.store import Store

C = TypeVar("C", bound=Callable[..., Any])

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_PROBLEMS = 3
EXIT_INTERRUPTED = 130

_MOST_ERRORS = 100  # printed one by one


class Choices:
    """The values of the common options, given before a command's name or after it."""

    def __init__(self) -> None:
        self.cache_dir: str | None = None
        self.env_prefix: str | None = None
        self.python: str | None = None

    def config(self, *, level: int | None = None) -> Config:
        """Read the configuration; these options win over the environment."""
        return Config.from_env(
            prefix=self.env_prefix,
            cache_dir=self.cache_dir,
            level=level,
            python=self.python,
            has_lz4=_has_lz4,
        )


def common_options(function: C) -> C:
    """Add the options that may be given before or after any command."""
    return options(
        _common("--cache-dir", "PATH", "Location of the cache; instead of LIBROSA_CACHE_DIR."),
        _common(
            "--env-prefix",
            "NAME",
            "Read NAME_CACHE_DIR and so on.  [default: ACACHE_ENV_PREFIX, or LIBROSA]",
        ),
        _common(
            "--python",
            "PATH",
            "Python whose packages to use.  [default: the active environment's]",
        ),
        click.version_option(__version__, message="acache %(version)s"),
    )(function)


def _common(name: str, metavar: str, text: str) -> Callable[[C], C]:
    return click.option(
        name,
        cls=GroupedOption,
        title=COMMON,
        metavar=metavar,
        help=text,
        expose_value=False,
        callback=_choose,
    )


def json_option(function: C) -> C:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(
        function
    )


def choices(ctx: click.Context) -> Choices:
    """Return the values of the common options so far."""
    found = ctx.ensure_object(Choices)
    assert isinstance(found, Choices)
    return found


def _choose(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name is not None:
        setattr(choices(ctx), parameter.name, value)


def open_store(config: Config) -> Store:
    """Open the configured store; print a note if it does not exist yet.

    Raises
    ------
    ConfigurationError
        If no location is configured.
    """
    store = Store(config.require_location())
    if not store.exists:
        note_missing(store)
    return store


def note_missing(store: Store) -> None:
    """Print a note that the store does not exist yet."""
    note(f"there is no cache at {store.location} yet")


def silence(stream: TextIO) -> None:
    """Discard what is still to be printed: Python would fail when it flushes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def note(text: str) -> None:
    """Print a line on stderr."""
    _line("note", text)


def warning(text: str) -> None:
    """Print a warning on stderr."""
    _line("warning", text)


def error(text: str) -> None:
    """Print an error on stderr."""
    _line("error", text)


def print_errors(texts: Iterable[str]) -> None:
    """Print errors on stderr, but no more than anybody reads."""
    every = list(texts)
    for text in every[:_MOST_ERRORS]:
        error(text)
    if len(every) > _MOST_ERRORS:
        error(f"and {len(every) - _MOST_ERRORS:,} more")


def _line(kind: str, text: str) -> None:
    from acache.system.text import printable

    with contextlib.suppress(BrokenPipeError):  # the exit code may still be read
        click.echo(f"acache: {kind}: {printable(text)}", err=True)


def _has_lz4(python: str) -> bool:
    from acache.sources.installed import InstalledSources

    installed = InstalledSources(python)
    # If that Python does not run, which is reported elsewhere, lz4 is not reported missing.
    return installed.has_module("lz4") or not installed.search_path
