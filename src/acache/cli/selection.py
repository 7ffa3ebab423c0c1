"""The options of a selection, shared by all commands that take one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from acache.cli.help import SELECTION, GroupedOption, options
from acache.cli.options import note
from acache.config.units import parse_age, parse_size
from acache.operations.selection import (
    LevelRange,
    Selection,
    Selector,
    access_note,
    parse_levels,
)
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.ids import EntryId, parse_entry_id
from acache.store.store import Store
from acache.system.errors import UsageError

C = TypeVar("C", bound=Callable[..., Any])

_STDIN = "-"


class Parsed(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # not before 8.2
    """A value that one of the library's functions parses."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse a value; what the function refuses is an error of this option."""
        if not isinstance(value, str):
            return value  # a default
        try:
            return self._parse(value)
        except UsageError as problem:
            self.fail(str(problem), param, ctx)


def _parse_argument(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not (name and equals):
        raise UsageError(f"{text!r} is not NAME=GLOB; write it like n_fft=2048 or 'window=h*'")
    return name, pattern


def _parse_pattern(text: str) -> str:
    if not text.strip():
        raise UsageError("'' is not a function; write it like stft or 'librosa.filters.*'")
    return text if text.startswith("/") else text.strip()  # an id may end in a blank


SIZE = Parsed("size", parse_size)
AGE = Parsed("age", parse_age)
LEVELS = Parsed("level", parse_levels)
FUNCTION = Parsed("function", _parse_pattern)
ARGUMENT = Parsed("argument", _parse_argument)


def selection_options(function: C) -> C:
    """Add the options that select entries, and entry ids as arguments."""
    return options(
        click.argument("ids", nargs=-1, metavar="[ENTRY]..."),
        _option("--level", LEVELS, "SPEC", "Level: 30, '>=30', 20-30, or none (unknown)."),
        _option("--function", FUNCTION, "GLOB", "Function: stft, 'librosa.core.*', /whole/id."),
        _option("--older-than", AGE, "AGE", "Written longer ago than AGE: 90s, 12h, 7d, 1d12h."),
        _option("--unused-for", AGE, "AGE", "Last used longer ago than AGE; accurate to a day."),
        _option("--larger-than", SIZE, "SIZE", "Larger than SIZE: 500, 10k, 5MB, 1.5GiB."),
        _option("--smaller-than", SIZE, "SIZE", "Smaller than SIZE."),
        _option("--arg", ARGUMENT, "NAME=GLOB", "Called with this argument: n_fft=2048."),
        click.option(
            "--stale",
            cls=GroupedOption,
            title=SELECTION,
            is_flag=True,
            help="Only functions whose source has changed or is gone.",
        ),
    )(function)


def _option(name: str, kind: Parsed, metavar: str, text: str) -> Callable[[C], C]:
    return click.option(
        name,
        cls=GroupedOption,
        title=SELECTION,
        type=kind,
        metavar=metavar,
        multiple=True,
        help=text,
    )


def selection_of(
    *,
    ids: tuple[str, ...],
    level: tuple[LevelRange, ...],
    function: tuple[str, ...],
    older_than: tuple[float, ...],
    unused_for: tuple[float, ...],
    larger_than: tuple[int, ...],
    smaller_than: tuple[int, ...],
    arg: tuple[tuple[str, str], ...],
    stale: bool,
) -> Selection:
    """Make a selection from the values of the options; repeating an option widens it.

    Raises
    ------
    UsageError
        If an id is not valid.
    """
    named = [parse_entry_id(text) for text in ids if text != _STDIN]
    if _STDIN in ids:
        named += _ids_of_stdin()
    return Selection(
        levels=level,
        functions=function,
        older_than=min(older_than, default=None),
        unused_for=min(unused_for, default=None),
        larger_than=min(larger_than, default=None),
        smaller_than=max(smaller_than, default=None),
        arguments=arg,
        ids=tuple(dict.fromkeys(named)) if ids else None,
        stale=stale,
    )


def look_up(selection: Selection, store: Store, levels: Levels, *, quiet: bool = False) -> Selector:
    """Look up in the store what a selection names, and print notes about it.

    Raises
    ------
    UsageError
        If the store does not have what is named.
    """
    is_stale = Drift(store, levels.installed).is_stale
    selector = selection.resolve(store, levels, is_stale=is_stale)
    if not quiet:
        note_if_coarse(store, "--unused-for", selection.unused_for)
        if selection.unused_for is not None:
            note_if_no_access(store)
        if selector.missing:
            are = "entry is" if selector.missing == 1 else "entries are"
            note(f"{selector.missing:,} {are} gone already")
    return selector


def note_if_no_access(store: Store) -> None:
    """Print a note if a store does not know when its entries were used."""
    if not store.traits.access_times:
        note("object storage does not record when an entry is used: the time of writing counts")


def note_if_coarse(store: Store, what: str, age: float | None) -> None:
    """Print a note if an age is shorter than access times are accurate."""
    text = access_note(age, what) if store.traits.access_times else None
    if text is not None:
        note(text)


def _ids_of_stdin() -> list[EntryId]:
    """Read the ids that another command has listed; some of their entries may be gone."""
    if sys.stdin is None:
        return []
    lines = (line.rstrip("\r") for line in sys.stdin.read().split("\n"))
    return [parse_entry_id(line, may_be_gone=True) for line in lines if line]
