"""What commands that delete share: show the plan, ask, carry it out, report the outcome."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
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
from acache.system.text import counted, printable

if TYPE_CHECKING:
    from acache.operations.clear import Plan
    from acache.operations.execute import Failure, Outcome

C = TypeVar("C", bound=Callable[..., Any])

_MOST_FAILURES = 100  # printed one by one


class DeletionMode(NamedTuple):
    """The values of `deletion_options`, and of ``--json``."""

    dry_run: bool
    yes: bool
    quiet: bool
    as_json: bool

    @property
    def needs_cost(self) -> bool:
        """Whether compute times are shown: reading them takes as long as the rest."""
        return not (self.quiet and self.yes) or self.as_json

    @property
    def shows_tables(self) -> bool:
        """Whether anything is printed for people."""
        return not (self.quiet or self.as_json)


def deletion_options(function: C) -> C:
    """Add the options of every command that deletes."""
    return options(
        _flag("-n", "--dry-run", "Show what would be removed; remove nothing."),
        _flag("-y", "--yes", "Do not ask."),
        _flag("-q", "--quiet", "Print nothing unless something fails."),
    )(function)


def _flag(letter: str, name: str, text: str) -> Callable[[C], C]:
    return click.option(letter, name, cls=GroupedOption, title=DELETION, is_flag=True, help=text)


def open_existing(config: Config, *, quiet: bool) -> Store:
    """Open the configured store to change it.

    Raises
    ------
    ConfigurationError
        If the location exists, but is not a store.
    """
    store = Store(config.require_location())
    if not store.exists and os.path.isdir(store.location):
        raise ConfigurationError(
            f"{printable(store.location)} is not a cache: it contains neither a folder named"
            " joblib nor any func_code.py; give the location of the cache"
        )
    if not store.exists and not quiet:
        note_missing(store)
    return store


def show_plan(plan: Plan) -> None:
    """Print what would be deleted."""
    from acache.render.tables.clear import print_plan

    print_plan(plan)


def carry_out(
    ctx: click.Context,
    plan: Plan,
    mode: DeletionMode,
    *,
    show: Callable[[Plan], None] = show_plan,
    warnings: Sequence[str] = (),
    findings: dict[str, Any] | None = None,
) -> None:
    """Show a plan, ask, carry it out; exit with 1 if something failed.

    Parameters
    ----------
    ctx : click.Context
    plan : Plan
    mode : DeletionMode
    show : callable
        Prints the plan.
    warnings : sequence of str
    findings : dict, optional
        First keys of the JSON document.

    Raises
    ------
    UsageError
        If the plan deletes something, and there is no terminal to ask on.
    """
    from acache.operations.execute import scan_failures

    asks = not (mode.dry_run or mode.yes or plan.is_empty)
    if asks and (mode.as_json or sys.stdin is None or not sys.stdin.isatty()):
        raise UsageError(_cannot_ask(plan))
    with _going_on(agreed=mode.yes):
        if mode.shows_tables:
            show(plan)
    if asks and not _confirmed(plan):
        error("declined; nothing was removed")
        ctx.exit(EXIT_FAILED)
    outcome = None if mode.dry_run else _executed(plan)
    failed = scan_failures(plan) if outcome is None else outcome.failed
    with _going_on(agreed=mode.yes):
        if mode.as_json:
            from acache.render.json.clear import deletion_document

            kind = str(ctx.command.name)
            told = (*warnings, *plan.unmet)
            document = deletion_document(
                kind, plan, outcome, failed, warnings=told, findings=findings or {}
            )
            click.echo(document)
        elif not mode.quiet:
            _print_outcome(plan, outcome, warnings)
        _print_failures(failed)
    if outcome is not None and outcome.interrupted:
        removed, planned = outcome.removed.entries, plan.total.entries
        error(f"interrupted: removed {removed:,} of {planned:,} entries; run it again for the rest")
        ctx.exit(EXIT_INTERRUPTED)
    for text in plan.unmet:
        error(text)
    if failed or plan.unmet:
        ctx.exit(EXIT_FAILED)


def _cannot_ask(plan: Plan) -> str:
    entries, leftovers = plan.total.entries, len(plan.leftovers)
    amounts = [counted(entries, "entry", "entries")] if entries else []
    amounts += [counted(leftovers, "leftover")] if leftovers else []
    return (
        f"this would remove {' and '.join(amounts)}, and there is no terminal to ask on; give --yes"
        " to remove, or --dry-run to see what would be removed"
    )


@contextmanager
def _going_on(*, agreed: bool) -> Iterator[None]:
    """Go on with an agreed deletion although a report cannot be printed.

    Its reader may have left, or it goes to the very disk that is full.
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


def _confirmed(plan: Plan) -> bool:
    from acache.render.tables.clear import question

    return click.confirm(question(plan), err=True)


def _executed(plan: Plan) -> Outcome:
    from acache.operations.execute import execute
    from acache.render.progress import removing

    with stoppable() as stopped, removing(len(plan.entries)) as progress:
        alone = threading.active_count() == 1  # a client of Dask leaves threads
        return execute(plan, fork=alone, progress=progress, stopped=stopped)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C stop the work between two entries, and the second one at once."""
    stops: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if stops:
            raise KeyboardInterrupt
        stops.append(number)

    before = signal.getsignal(signal.SIGINT)
    if before != signal.SIG_IGN:  # as it is for what a script runs in the background
        signal.signal(signal.SIGINT, stop)
    try:
        yield lambda: bool(stops)
    finally:
        signal.signal(signal.SIGINT, before)


def _print_outcome(plan: Plan, outcome: Outcome | None, warnings: Sequence[str]) -> None:
    if outcome is not None and not plan.is_empty:
        from acache.render.tables.clear import print_outcome

        print_outcome(outcome)
    for text in warnings:
        warning(text)


def _print_failures(failed: Sequence[Failure]) -> None:
    for failure in failed[:_MOST_FAILURES]:
        error(f"{failure.path}: {failure.error}")
    if len(failed) > _MOST_FAILURES:
        error(f"{len(failed) - _MOST_FAILURES:,} more could not be removed; --json lists all")
