"""Help texts with options under titles: a command's own, a selection's, the common ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any])

OWN = "Options"
SELECTION = "Selection"
DELETION = "Deletion"
COMMON = "Common options"
_ORDER = (SELECTION, OWN, DELETION, COMMON)


class GroupedOption(click.Option):
    """An option under a title.

    Parameters
    ----------
    *names, **attributes
        As of `click.Option`.
    title : str
    """

    def __init__(self, *names: Any, title: str = OWN, **attributes: Any) -> None:
        super().__init__(*names, **attributes)
        self.title = title


class GroupedHelp(click.Command):
    """A command whose help shows options under their titles."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, each under its title."""
        for title, parameters in titled(self.get_params(ctx)).items():
            records = [record for p in parameters if (record := p.get_help_record(ctx))]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def titled(parameters: list[click.Parameter]) -> dict[str, list[click.Option]]:
    """Group options by their titles, in the order of the help."""
    groups: dict[str, list[click.Option]] = {title: [] for title in _ORDER}
    for parameter in parameters:
        if isinstance(parameter, click.Option):
            groups[_title(parameter)].append(parameter)
    return {title: group for title, group in groups.items() if group}


def _title(option: click.Option) -> str:
    if isinstance(option, GroupedOption):
        return option.title
    return COMMON if {"--help", "--version"}.intersection(option.opts) else OWN


def options(*decorators: Callable[[C], C]) -> Callable[[C], C]:
    """Combine decorators, in the order of the help."""

    def add(function: C) -> C:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return add
