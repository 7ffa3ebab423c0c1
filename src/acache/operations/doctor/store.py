"""Checks of what the store holds."""

from __future__ import annotations

from collections.abc import Iterable

from acache.config.settings import Config
from acache.operations.doctor.check import Check, Status, command, count, size
from acache.operations.prune import LIMIT_SETTINGS, Limits, configured_limits, plan_prune
from acache.operations.stats import FunctionRow, Leftovers, StatsReport
from acache.sources.integrity import Consequence, source_trouble
from acache.store.format import dotted
from acache.store.ids import exactly
from acache.store.store import Progress, Store
from acache.system.errors import ConfigurationError
from acache.system.text import printable, quoted

_MOST_NAMED = 3


def check_limits(config: Config, store: Store | None, progress: Progress | None = None) -> Check:
    """Tell whether the cache is within the limits that the environment sets."""
    try:
        limits = configured_limits(config)
    except ConfigurationError as error:
        wrong = [config.setting(name) for name in LIMIT_SETTINGS if not config.setting(name).ok]
        fix = " ".join(["unset", *(str(setting.variable) for setting in wrong)])
        return Check("limits", "problem", str(error), fix)
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
        message += f"; {flying} stay"
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
    changed = [row for row in stale if row.source_state == "changed"]
    gone = [row for row in stale if row.source_state == "gone"]
    told = []
    if changed:
        told.append(
            f"the source of {_named(changed)} is not as installed in {config.python}: at the next"
            f" call joblib drops {_entries(changed)}, {_room(changed)}. If environments with other"
            " versions share this cache, each drops what the other has stored: give each a"
            " location of its own"
        )
    if gone:
        told.append(
            f"{_named(gone)} is not in {config.python} any more: nothing reads"
            f" {_entries(gone)}, {_room(gone)}"
        )
    message = "; ".join(told)
    return Check("stale", "warning", message, command(config, "clear", "--stale"))


def check_sources(config: Config, store: Store, report: StatsReport) -> Check:
    """Tell which functions have no whole source, by which joblib knows stale results."""
    troubles = {name: source_trouble(store, name) for name in store.functions()}

    def names(consequence: Consequence) -> list[str]:
        return [name for name, one in troubles.items() if one and one.joblib == consequence]

    rows = {
        consequence: [
            row for row in report.functions if row.function in {*map(dotted, names(consequence))}
        ]
        for consequence in ("raises", "trusts", "drops")
    }
    raising = sorted(names("raises"))
    told = []
    if raising:
        named = _listed(map(dotted, raising))
        told.append(f"func_code.py of {named} is damaged: each call raises")
    if rows["trusts"]:
        told.append(
            f"func_code.py of {_named(rows['trusts'])} is missing or unreadable: joblib computes"
            f" the next call anew, and of {_entries(rows['trusts'])} may return results of old code"
        )
    if rows["drops"]:
        told.append(
            f"func_code.py of {_named(rows['drops'])} is empty or cut: joblib drops"
            f" {_entries(rows['drops'])} at the next call"
        )
    if not told:
        return Check("sources", "ok", "every function with entries has its source")
    held = {row.function for each in rows.values() for row in each}
    ill = [name for name, one in sorted(troubles.items()) if one and dotted(name) in held]
    words = [word for name in ill for word in ("--function", exactly(name))]
    # First what asks: without a source the entries would be trusted.
    fixes = [command(config, "clear", *words)] if words else []
    fixes += [f"rm -r {quoted(store.source_address(name))}" for name in raising]
    status: Status = "problem" if raising or rows["trusts"] else "warning"
    return Check("sources", status, "; ".join(told), " && ".join(fixes))


def _room(rows: list[FunctionRow]) -> str:
    return size(sum(row.totals.disk_bytes or row.totals.size_bytes for row in rows))


def _entries(rows: list[FunctionRow]) -> str:
    return count(sum(row.totals.entries for row in rows), "entry", "entries")


def _named(rows: list[FunctionRow]) -> str:
    return _listed(row.function for row in rows)


def _listed(functions: Iterable[str]) -> str:
    names = list(functions)
    named = ", ".join(map(printable, names[:_MOST_NAMED]))
    more = len(names) - _MOST_NAMED
    return named if more <= 0 else f"{named} and {count(more, 'more function')}"
