"""The options that share the work among several processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import click

from acache.cli.help import options

if TYPE_CHECKING:
    from acache.system.pool import Pool

C = TypeVar("C", bound=Callable[..., Any])


def worker_options(function: C) -> C:
    """Add ``--workers`` and ``--scheduler``."""
    return options(
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            metavar="N",
            help="Share the work among N processes on this machine.",
        ),
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            help="Share the work among the workers of a Dask scheduler that see the same cache.",
        ),
    )(function)


def opened_pool(
    workers: int | None, scheduler: str | None
) -> AbstractContextManager[Pool] | AbstractContextManager[None]:
    """Open what the options ask for; None where that is nothing.

    Raises
    ------
    UsageError
        If both are given, or Dask is not installed.
    AcacheError
        If the scheduler cannot be used.
    """
    if workers is not None and scheduler is not None:
        raise click.UsageError("give either --workers or --scheduler, not both")
    if scheduler is not None:
        from acache.system.cluster import ClusterPool

        return ClusterPool(scheduler)
    if workers is not None:
        from acache.system.processes import ProcessPool

        return ProcessPool(workers)
    return nullcontext()
