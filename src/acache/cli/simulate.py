"""``acache simulate``."""

from __future__ import annotations

import time
from contextlib import ExitStack

import click

from acache.cli.call_log import logged_calls, since_option
from acache.cli.help import GroupedHelp
from acache.cli.options import choices, common_options, json_option, open_store, warning
from acache.cli.selection import Parsed
from acache.config.limits import POLICIES, check_policy
from acache.config.units import parse_size
from acache.operations.simulate.logged import trace_of
from acache.operations.simulate.simulation import simulate, work
from acache.render.plot.figure import plot_format
from acache.system.errors import UsageError
from acache.system.output_file import OutputFile


def _parse_sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(map(parse_size, text.split(",")))
    if not all(sizes):
        raise UsageError("0 is not the size of a cache; give more")
    return sizes


def _parse_policies(text: str) -> tuple[str, ...]:
    policies = tuple(dict.fromkeys(text.split(",")))
    for policy in policies:
        check_policy(policy)
    return policies


@click.command(name="simulate", cls=GroupedHelp)
@since_option
@click.option(
    "--sizes",
    type=Parsed("sizes", _parse_sizes),
    metavar="SIZE,SIZE...",
    help="Sizes to simulate.  [default: ten, up to all that was stored]",
)
@click.option(
    "--policy",
    "policies",
    type=Parsed("policies", _parse_policies),
    metavar="NAME,NAME...",
    help=f"Policies to simulate.  [default: {','.join(POLICIES)}]",
)
@click.option(
    "--plot", metavar="FILE", help="Draw the curves: FILE.png, .svg or .pdf; needs acache[plot]."
)
@json_option
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    *,
    since: float | None,
    sizes: tuple[int, ...] | None,
    policies: tuple[str, ...] | None,
    plot: str | None,
    as_json: bool,
) -> None:
    """Show what smaller caches would save, and recommend a size.

    The calls of the call log are replayed through caches of several sizes, under each policy of
    acache prune.

    \b
    Examples:
      acache simulate
      acache simulate --since 7d --sizes 1GB,5GB,20GB --policy lru,cost
      acache simulate --plot curves.svg
    """
    config = choices(ctx).config()
    store = open_store(config)
    with ExitStack() as stack:
        file = None
        if plot is not None:
            file = stack.enter_context(OutputFile(plot, option="--plot"))
            form = plot_format(plot)
        calls = logged_calls(store, None if since is None else time.time() - since)
        logged = trace_of(calls, store)
        from acache.render.progress import replaying

        chosen = POLICIES if policies is None else policies
        total = work(logged.trace, sizes=len(sizes or ()), policies=chosen)
        with replaying(total) as progress:
            report = simulate(
                logged.trace, sizes=sizes or (), policies=chosen, fork=True, progress=progress
            )
        if file is not None:
            from acache.render.plot.simulate import draw_simulation

            file.write(draw_simulation(report, form))
    warnings = logged.warnings
    if as_json:
        from acache.render.json.simulate import simulate_document

        click.echo(simulate_document(report, warnings))
        return
    from acache.render.tables.simulate import print_simulation

    print_simulation(report, config)
    for text in warnings:
        warning(text)
