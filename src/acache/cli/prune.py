"""``acache prune``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from acache.cli.confirm import DeletionMode, carry_out, deletion_options, open_existing
from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option
from acache.cli.selection import AGE, SIZE, note_if_coarse, note_if_no_access
from acache.config.buckets import is_bucket
from acache.config.limits import POLICIES, Policy
from acache.operations.prune import (
    HALF_LIFE_SECONDS,
    Limits,
    configured_limits,
    configured_policy,
    plan_prune,
)
from acache.system.errors import ConfigurationError

if TYPE_CHECKING:
    from acache.operations.clear import Plan


@click.command(name="prune", cls=GroupedHelp)
@click.option("--max-size", type=SIZE, metavar="SIZE", help="Size of all entries: 500MB, 10GiB.")
@click.option("--max-items", type=click.IntRange(min=0), metavar="N", help="Number of entries.")
@click.option("--max-age", type=AGE, metavar="AGE", help="Time since the last use: 12h, 30d.")
@click.option("--min-free", type=SIZE, metavar="SIZE", help="Free space on the disk.")
@click.option(
    "--policy",
    type=click.Choice(POLICIES),
    help="Eviction order: least recently used, first written, largest, or lowest recomputation cost"
    " per byte.  [default: that of LIBROSA_CACHE_POLICY, or lru]",
)
@click.option(
    "--half-life",
    type=AGE,
    metavar="AGE",
    help="For --policy cost: time without use that halves the cost.  [default: 7d]",
)
@click.option(
    "--apparent-size",
    is_flag=True,
    help="Count file sizes, as joblib does, instead of disk blocks.",
)
@deletion_options
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    max_size: int | None,
    max_items: int | None,
    max_age: float | None,
    min_free: int | None,
    policy: Policy | None,
    half_life: float | None,
    apparent_size: bool,
    dry_run: bool,
    yes: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Evict entries until limits hold.

    Without an option, the limits of LIBROSA_CACHE_MAX_SIZE, _MAX_ITEMS and _MAX_AGE hold. Shows
    what would be removed, then asks.

    \b
    Examples:
      acache prune --max-size 10GB
      acache prune --max-age 30d --max-items 100000 -q -y
      acache prune --max-size 2GB --policy cost --dry-run
    """
    from acache.render.progress import scanning

    config = choices(ctx).config()
    policy = configured_policy(config) if policy is None else policy
    if half_life is not None and policy != "cost":
        raise click.UsageError("--half-life needs --policy cost")
    limits = Limits(max_size, max_items, max_age, min_free)
    if limits == Limits():
        limits = configured_limits(config)
        if limits == Limits():
            names = ", ".join(setting.variable for setting in config.limits)
            raise ConfigurationError(
                f"no limit: give --max-size, --max-items, --max-age or --min-free, or set {names}"
            )
    mode = DeletionMode(dry_run, yes, quiet, as_json)
    store = open_existing(config, quiet=quiet)
    if min_free is not None and is_bucket(store.location):
        raise click.UsageError("--min-free needs a disk: object storage has no free space")
    if not quiet and store.exists:
        note_if_coarse(store, "a maximum age below 24h", limits.max_age)
        if policy in ("lru", "cost") or limits.max_age is not None:
            note_if_no_access(store)
    with scanning() as progress:
        plan = plan_prune(
            store,
            limits,
            policy=policy,
            half_life=HALF_LIFE_SECONDS if half_life is None else half_life,
            apparent_size=apparent_size,
            durations=mode.needs_cost and store.traits.durations,
            fork=True,
            progress=progress,
        )
    carry_out(ctx, plan, mode, show=_show, warnings=config.warnings())


def _show(plan: Plan) -> None:
    from acache.render.tables.prune import print_plan

    print_plan(plan)
