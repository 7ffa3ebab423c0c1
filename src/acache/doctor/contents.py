"""Checks of what the store holds."""

from __future__ import annotations

from acache.config import Config
from acache.doctor.check import Check, Status, command, count, size
from acache.errors import ConfigurationError
from acache.eviction import LIMIT_SETTINGS, Limits, configured_limits, plan_prune
from acache.layout import dotted
from acache.names import exactly, printable
from acache.parallel import Progress
from acache.report import FunctionRow, Leftovers, StatsReport
from acache.sources import UNKNOWN_SOURCES, source_trouble
from acache.store import Store

_MOST_NAMED = 3


def check_limits(config: Config, store: Store | None, progress: Progress | None = None) -> Check:
    """Tell whether the cache is within the limits that the environment sets."""
    try:
        limits = configured_limits(config)
    except ConfigurationError as error:
        wrong = next(config.setting(n) for n in LIMIT_SETTINGS if not config.setting(n).ok)
        return Check("limits", "problem", str(error), f"unset {wrong.variable}")
    if limits == Limits():
        return Check("limits", "ok", "none are set, the cache may grow until the disk is full")
    if store is None:
        return Check("limits", "ok", "there is no cache")
    plan = plan_prune(store, limits, durations=False, fork=True, progress=progress)
    if plan.total.entries:
        room = plan.total.disk_bytes or plan.total.size_bytes
        entries = count(plan.total.entries, "entry is", "entries are")
        message = f"{entries} over the limits, {size(room)}; only acache prune evicts them"
        return Check("limits", "warning", message, command(config, "prune"))
    return Check("limits", "ok", "the cache is within them")


def check_leftovers(config: Config, report: StatsReport) -> Check:
    """Tell what lies there that is no result."""
    flying = ""
    if report.in_flight.files:
        flying = f"{count(report.in_flight.files, 'temporary file')} of the last hour or still"
        flying = f"{flying} being written"
    left = report.abandoned
    if not (left.files or left.folders):
        return Check("leftovers", "ok", f"none; {flying}" if flying else "none")
    message = f"{_told(left)}, of writes that did not end or left by joblib: nothing reads them"
    if flying:
        message += f"; {flying} stays"
    return Check("leftovers", "warning", message, command(config, "clear", "--leftovers"))


def _told(left: Leftovers) -> str:
    parts = [
        count(left.files, "temporary file") if left.files else "",
        count(left.folders, "folder") + " without result" if left.folders else "",
    ]
    room = size(left.usage.disk_bytes or left.usage.size_bytes)
    return f"{' and '.join(filter(None, parts))}, {room}"


def check_stale(config: Config, report: StatsReport) -> Check:
    """Tell which functions have another source by now."""
    stale = [row for row in report.functions if row.source_state in ("changed", "gone")]
    unknown = sum(row.source_state == "unknown" for row in report.functions)
    if not stale:
        message = "every function's source is as installed"
        if unknown:
            message = f"none known; {count(unknown, 'function')} cannot be compared"
        return Check("stale", "ok", message if report.functions else "there are no entries")
    room = sum(row.totals.disk_bytes or row.totals.size_bytes for row in stale)
    message = (
        f"the source of {_named(stale)} is not what is installed: joblib drops"
        f" {_entries(stale)}, {size(room)}, at the next call, or never reads"
        " them again; two environments that share a cache do so at every switch"
    )
    return Check("stale", "warning", message, command(config, "clear", "--stale"))


def check_sources(config: Config, store: Store, report: StatsReport) -> Check:
    """Tell which functions have entries and no whole source, by which joblib knows stale ones."""
    troubles = {name: source_trouble(store, name) for name in store.functions()}
    lost = {name: trouble for name, trouble in troubles.items() if trouble is not None}
    unknown = {dotted(name) for name, trouble in lost.items() if trouble in UNKNOWN_SOURCES}
    cut = {dotted(name) for name in lost} - unknown
    trusted = [row for row in report.functions if row.function in unknown]
    dropped = [row for row in report.functions if row.function in cut]
    if not (trusted or dropped):
        return Check("sources", "ok", "every function with entries has its source")
    told = []
    if trusted:
        told.append(
            f"func_code.py is missing or unreadable of {_named(trusted)}: joblib computes the next"
            f" call anew, and trusts the rest of {_entries(trusted)}, whatever the code is by now"
        )
    if dropped:
        told.append(
            f"func_code.py is empty or cut of {_named(dropped)}: joblib drops {_entries(dropped)}"
            " at the next call"
        )
    held = {row.function for row in (*trusted, *dropped)}
    clear = [exactly(name) for name in sorted(lost) if dotted(name) in held]
    words = [word for name in clear for word in ("--function", name)]
    status: Status = "problem" if trusted else "warning"
    return Check("sources", status, "; ".join(told), command(config, "clear", *words))


def _entries(rows: list[FunctionRow]) -> str:
    return count(sum(row.totals.entries for row in rows), "entry", "entries")


def _named(rows: list[FunctionRow]) -> str:
    named = ", ".join(printable(row.function) for row in rows[:_MOST_NAMED])
    more = len(rows) - _MOST_NAMED
    return named if more <= 0 else f"{named} and {count(more, 'more function')}"
