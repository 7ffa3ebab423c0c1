"""What commands that delete share: show the plan, ask, carry it out, tell what became of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from acache.cli.help import DELETION, GroupedOption, options
from acache.cli.options import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    error,
    note_missing,
    silence,
    warning,
)
from acache.config.settings import Config
from acache.store.store import Store
from acache.system.errors import ConfigurationError, UsageError
from acache.system.text import printable

if TYPE_CHECKING:
    from acache.operations.clear import Plan
    from acache.operations.execute import Failure, Outcome

C = TypeVar("C", bound=Callable[..., Any])

_MOST_TOLD = 100  # failures told one by one


class Manner(NamedTuple):
    """How a deletion was asked for."""

    dry_run: bool
    yes: bool
    quiet: bool
    as_json: bool

    @property
    def tells_cost(self) -> bool:
        """Whether anybody gets to see compute times: reading them takes as long as the rest."""
        return not (self.quiet and self.yes) or self.as_json


def deletion_options(function: C) -> C:
    """Add the options of every command that deletes."""
    return options(
        _flag("-n", "--dry-run", "Show what would go; touch nothing."),
        _flag("-y", "--yes", "Do not ask."),
        _flag("-q", "--quiet", "Print nothing unless something fails."),
    )(function)


def _flag(letter: str, name: str, text: str) -> Callable[[C], C]:
    return click.option(letter, name, cls=GroupedOption, title=DELETION, is_flag=True, help=text)


def open_for_deletion(config: Config, manner: Manner) -> Store:
    """Open the configured store; where the location holds something else, nothing is deleted.

    Raises
    ------
    ConfigurationError
        If the location exists, but is no store.
    """
    store = Store(config.require_location())
    if not store.exists and os.path.isdir(store.location):
        raise ConfigurationError(
            f"{printable(store.location)} is no cache: it has neither a folder joblib nor any"
            " func_code.py; give the cache's location"
        )
    if not store.exists and not manner.quiet:
        note_missing(store)
    return store


def carry_out(
    ctx: click.Context,
    plan: Plan,
    manner: Manner,
    *,
    warnings: Sequence[str] = (),
    findings: dict[str, Any] | None = None,
) -> None:
    """Show a plan, ask, carry it out, and leave with the exit code of what failed, if anything.

    Parameters
    ----------
    ctx : click.Context
    plan : Plan
    manner : Manner
    warnings : sequence of str
    findings : dict, optional
        What goes before the deletion into the JSON document.

    Raises
    ------
    UsageError
        If the plan deletes something, and nobody can be asked.
    """
    from acache.operations.execute import unreadable

    asks = not (manner.dry_run or manner.yes or plan.is_empty)
    if asks and (manner.as_json or not _can_ask()):
        from acache.render.tables.layout import plural

        there = [
            plural(plan.total.entries, "entry", "entries"),
            plural(len(plan.leftovers), "leftover"),
        ]
        raise UsageError(
            "this would delete, and nobody can be asked; give --yes to do it, or --dry-run to see"
            f" what would go ({', '.join(filter(None, there))})"
        )
    with _whoever_reads(agreed=manner.yes):
        _show(plan, manner)
    if asks and not _confirmed(plan):
        error("declined; nothing was removed")
        ctx.exit(EXIT_FAILED)
    outcome = None if manner.dry_run else _executed(plan)
    failed = unreadable(plan) if outcome is None else outcome.failed
    with _whoever_reads(agreed=manner.yes):
        _report(ctx, plan, outcome, failed, manner=manner, warnings=warnings, findings=findings)
    if outcome is not None and outcome.interrupted:
        _tell_interruption(plan, outcome)
        ctx.exit(EXIT_INTERRUPTED)
    for text in plan.unmet:
        error(text)
    if failed or plan.unmet:
        ctx.exit(EXIT_FAILED)


@contextmanager
def _whoever_reads(*, agreed: bool) -> Iterator[None]:
    """Go on with what was agreed to, though the report cannot be printed.

    Nobody may read it any more, or it may go to the very disk that is full.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as problem:
        if not agreed:
            raise
        if not isinstance(problem, BrokenPipeError):
            warning(f"cannot print the report: {problem.strerror or problem}")
        silence(sys.stdout)


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _show(plan: Plan, manner: Manner) -> None:
    if manner.quiet or manner.as_json:
        return
    from acache.render.tables import clear as plans

    if plan.is_empty:
        plans.nothing(plan)
    else:
        plans.plan(plan)


def _confirmed(plan: Plan) -> bool:
    from acache.render.tables import clear as plans

    return click.confirm(plans.question(plan), err=True)


def _executed(plan: Plan) -> Outcome:
    from acache.operations.execute import execute
    from acache.render.progress import removing

    with _stoppable() as stopped, removing(len(plan.entries)) as progress:
        return execute(plan, fork=True, progress=progress, stopped=stopped)


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C stop the work between two entries, and the second one at once."""
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN:  # as it is for what a script runs in the background
        signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, before)


def _report(
    ctx: click.Context,
    plan: Plan,
    outcome: Outcome | None,
    failed: Sequence[Failure],
    *,
    manner: Manner,
    warnings: Iterable[str],
    findings: dict[str, Any] | None,
) -> None:
    if manner.as_json:
        from acache.render import json as machine

        kind = str(ctx.command.name)
        told = (*warnings, *plan.unmet)
        document = machine.deletion(
            kind, plan, outcome, failed, warnings=told, findings=findings or {}
        )
        click.echo(document)
    elif outcome is not None and not (manner.quiet or plan.is_empty):
        from acache.render.tables import clear as plans

        plans.outcome(outcome)
    if not manner.as_json and not manner.quiet:
        for text in warnings:
            warning(text)
    for failure in failed[:_MOST_TOLD]:
        error(f"{failure.path}: {failure.error}")
    if len(failed) > _MOST_TOLD:
        error(f"{len(failed) - _MOST_TOLD:,} more could not be removed; --json lists them all")


def _tell_interruption(plan: Plan, outcome: Outcome) -> None:
    error(
        f"interrupted: {outcome.removed.entries:,} of {plan.total.entries:,} entries are removed;"
        " run it again for the rest"
    )
