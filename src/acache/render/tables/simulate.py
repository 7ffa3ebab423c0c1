"""What smaller caches would have saved: ``acache simulate``."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.text import Text

from acache.config.settings import Config
from acache.operations.doctor.check import command
from acache.operations.simulate.passes import BOUND
from acache.operations.simulate.simulation import SimulateReport
from acache.render.durations import duration
from acache.render.tables.layout import console, pairs, plural, table, write
from acache.system.text import size_text

_LEVELS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = "_.-=+*%#"


def print_simulation(report: SimulateReport, config: Config) -> None:
    """Print the share of the savings that each policy keeps at each size, and what to set."""
    out = console()
    unlimited = report.unlimited
    parts: list[RenderableType] = [
        Text(
            f"{plural(report.calls, 'call') or 'no calls'} of"
            f" {plural(report.distinct, 'entry', 'entries') or 'no entries'}"
            f" in {duration(report.span_seconds)}",
            style="bold",
        )
    ]
    if report.recommended is not None:
        parts += [
            Text(
                f"without limit: {size_text(unlimited.size_bytes)}, {unlimited.hit_rate:.0%} hits,"
                f" {duration(unlimited.saved_seconds)} saved"
            ),
            "",
            _table(out, report),
            "",
            pairs([(policy, _curve(out, report, policy)) for policy in report.policies]),
        ]
    parts += ["", *_advice(report, config)]
    write(out, *parts)


def _table(out: Console, report: SimulateReport) -> RenderableType:
    sizes = [point.size_bytes for point in next(iter(report.policies.values()))]
    columns = {"size": [size_text(size) for size in sizes]}
    for policy, points in report.policies.items():
        columns[policy] = [f"{point.share:.1%}" for point in points]
    return table(out, columns, drop=("largest", "oldest"))


def _curve(out: Console, report: SimulateReport, policy: str) -> str:
    levels = _ASCII_LEVELS if out.options.ascii_only else _LEVELS
    shares = (min(point.share, 1.0) for point in report.policies[policy])
    drawn = "".join(levels[round(share * (len(levels) - 1))] for share in shares)
    return f"{drawn}  knows all calls to come: no policy saves more" if policy == BOUND else drawn


def _advice(report: SimulateReport, config: Config) -> list[RenderableType]:
    best = report.recommended
    if best is None:
        return [report.nothing_saved]
    size = _rounded_up(best.size_bytes)
    saved = duration(report.unlimited.saved_seconds)
    prune = command(config, "prune", "--max-size", size, "--policy", best.policy)
    policy = "" if best.policy == "lru" else f" {config.policy.variable}={best.policy}"
    return [
        f"{size} keep {best.share:.1%} of the {saved} that a cache without limit saves, with the"
        f" policy {best.policy}:",
        Text(f"  {prune}", no_wrap=True),
        Text(f"  export {config.max_size.variable}={size}{policy}", no_wrap=True),
    ]


def _rounded_up(size_bytes: int) -> str:
    """Format a size as the options read it, not less than it is, in at most three digits."""
    unit = 10 ** max(0, len(str(size_bytes)) - 3)
    return size_text(-(-size_bytes // unit) * unit).replace(" ", "")
