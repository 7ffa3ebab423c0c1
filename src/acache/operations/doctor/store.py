"""Checks of what the store holds."""

from __future__ import annotations

import time
from collections.abc import Iterable

from acache import __version__
from acache.operations.doctor.check import Answer, Subject, command, ok, problem, warning
from acache.operations.prune import Limits, configured_limits, configured_policy, plan_prune
from acache.operations.stats import FunctionRow, Leftovers
from acache.sources.integrity import Consequence, source_trouble
from acache.sources.reuse import Weakness, weakness
from acache.store.fill import read_fill
from acache.store.format import dotted
from acache.store.ids import exactly
from acache.store.store import Store
from acache.system.errors import ConfigurationError
from acache.system.text import counted, printable, quoted, size_text

_MOST_NAMED = 3


def check_limits(subject: Subject) -> Answer:
    """Check whether the cache is within the limits that the environment sets."""
    config = subject.config
    try:
        limits, policy = configured_limits(config), configured_policy(config)
    except ConfigurationError as error:
        settings = (*config.limits, config.policy)
        wrong = [setting.variable for setting in settings if not setting.ok]
        return problem(str(error), f"unset {' '.join(wrong)}")
    if limits == Limits():
        return ok("none are set, the cache may grow until the disk is full")
    if isinstance(subject.opened, Answer):
        return ok("there is no cache")
    plan = plan_prune(
        subject.store,
        limits,
        policy=policy,
        durations=False,
        fork=True,
        progress=subject.progress,
    )
    measured = _last_measured(subject.store)
    if not plan.total.entries:
        keeps = "nothing but acache prune keeps it there"
        if measured is not None:
            keeps = f"the fast engine keeps it there, and last measured it {measured}"
        return ok(f"the cache is within them; {keeps}")
    entries = counted(plan.total.entries, "entry is", "entries are")
    evicts = "only acache prune evicts them"
    if measured is not None:
        evicts = f"the fast engine, which last measured {measured}, evicts at its next call"
    room = size_text(plan.total.disk_bytes or plan.total.size_bytes)
    return warning(f"{entries} over the limits, {room}; {evicts}", command(config, "prune"))


def _last_measured(store: Store) -> str | None:
    """Return when the keeper of the limits last measured the store; None if never."""
    try:
        measured = read_fill(store.path).measured
    except OSError:
        return None
    if not measured:
        return None
    minutes = max(0, int((time.time() - measured) / 60))
    if minutes < 120:
        return f"{counted(minutes, 'minute')} ago"
    return f"{counted(minutes // 60, 'hour')} ago"


def check_writes(subject: Subject) -> Answer:
    """Check whether joblib failed to store results."""
    failed = subject.report.failed_writes
    if not failed:
        return ok("no result is known that could not be stored")
    results = counted(sum(failed.values()), "result")
    return warning(
        f"joblib failed to store {results} of {_listed(failed)}, and computes them at each call;"
        " run the script with acache run, and joblib's warning says why"
    )


def check_leftovers(subject: Subject) -> Answer:
    """Check what lies there that is no result."""
    writing = ""
    if subject.report.in_flight.files:
        files = counted(subject.report.in_flight.files, "temporary file")
        writing = f"; {files} of the last hour or still being written"
    left = subject.report.abandoned
    if not (left.files or left.folders):
        return ok(f"none{writing}")
    message = (
        f"{_leftovers(left)}, of writes that did not end or left by joblib: nothing reads them"
    )
    if writing:
        message += f"{writing} stay"
    return warning(message, command(subject.config, "clear", "--leftovers"))


def _leftovers(left: Leftovers) -> str:
    files = counted(left.files, "temporary file") if left.files else ""
    folders = f"{counted(left.folders, 'folder')} without result" if left.folders else ""
    room = size_text(left.usage.disk_bytes or left.usage.size_bytes)
    return f"{' and '.join(filter(None, (files, folders)))}, {room}"


def check_layout(subject: Subject) -> Answer:
    """Check that nothing looks like a result where no known version of joblib puts one."""
    found = subject.report.misplaced
    if not found:
        return ok("every result is where joblib puts it")
    where = ", ".join(printable(subject.store.address(path)) for path in found[:_MOST_NAMED])
    more = f" and {len(found) - _MOST_NAMED:,} more" if len(found) > _MOST_NAMED else ""
    return warning(
        f"{counted(len(found), 'file')} named output.pkl where no version of joblib known to acache"
        f" {__version__} puts a result, {where}{more}: acache neither counts nor removes them as"
        " entries; a newer acache may know their layout"
    )


def check_stale(subject: Subject) -> Answer:
    """Check which functions have changed since, or are gone."""
    rows, python = subject.report.functions, subject.config.python.value
    changed = [row for row in rows if row.source_state == "changed"]
    gone = [row for row in rows if row.source_state == "gone"]
    unknown = sum(row.source_state == "unknown" for row in rows)
    messages = []
    if changed:
        messages.append(
            f"the source of {_named(changed)} is not as installed in {python}: at the next call"
            f" joblib drops {_entries(changed)}, {_room(changed)}. If environments with other"
            " versions share this cache, each drops what the other has stored: give each a"
            " location of its own"
        )
    if gone:
        messages.append(
            f"{_named(gone)} is not in {python} any more: nothing reads {_entries(gone)},"
            f" {_room(gone)}"
        )
    if messages:
        return warning("; ".join(messages), command(subject.config, "clear", "--stale"))
    if unknown:
        return ok(f"none known; {counted(unknown, 'function')} cannot be compared")
    return ok("every function's source is as installed" if rows else "there are no entries")


def check_sources(subject: Subject) -> Answer:
    """Check that each function has its source, by which joblib recognizes stale results."""
    store = subject.store
    troubles = {name: source_trouble(store, name) for name in sorted(store.functions())}
    joblib = {name: trouble.joblib for name, trouble in troubles.items() if trouble}
    raising = [name for name, does in joblib.items() if does == "raises"]
    damaged = [one.address for one in troubles.values() if one and one.joblib == "raises"]

    def rows_of(consequence: Consequence) -> list[FunctionRow]:
        names = {dotted(name) for name, does in joblib.items() if does == consequence}
        return [row for row in subject.report.functions if row.function in names]

    trusting, dropping = rows_of("trusts"), rows_of("drops")
    messages = []
    if raising:
        named = _listed(map(dotted, raising))
        messages.append(f"func_code.py of {named} is damaged: each call raises")
    if trusting:
        messages.append(
            f"func_code.py of {_named(trusting)} is missing or unreadable: joblib computes the next"
            f" call anew, and of {_entries(trusting)} may return results of old code"
        )
    if dropping:
        messages.append(
            f"func_code.py of {_named(dropping)} is empty or cut: joblib drops"
            f" {_entries(dropping)} at the next call"
        )
    if not messages:
        return ok("every function with entries has its source")
    held = {row.function for row in (*rows_of("raises"), *trusting, *dropping)}
    words = [word for name in joblib if dotted(name) in held
             for word in ("--function", exactly(name))]  # fmt: skip
    # First the command that asks: without a source the entries would be trusted.
    fixes = [command(subject.config, "clear", *words)] if words else []
    fixes += [f"rm -r {quoted(address)}" for address in damaged]
    answer = problem if raising or trusting else warning
    return answer("; ".join(messages), " && ".join(fixes))


_WEAKNESSES: dict[Weakness, str] = {
    "address": (
        "joblib recognizes {named} by an address in memory: {entries} not reused by any other"
        " process; cache a function of your own that calls it"
    ),
    "number": (
        "joblib before 1.6 recognizes {named} by a number that differs in each process: {entries}"
        " not reused by any other; joblib 1.6 drops them once, and reuses what it stores then"
    ),
    "wrapper": (
        "joblib compares only the source of a wrapper of {named}: after a change of the function"
        " itself {entries} still returned; cache it before it is wrapped, or clear it after each"
        " change"
    ),
    "mmap": (
        "joblib ignores the mmap_mode of {named}: {entries} not mapped; give it to joblib.Memory,"
        " or cache the function with acache"
    ),
}


def check_reuse(subject: Subject) -> Answer:
    """Check whether joblib can recognize each function again, and all that it depends on."""
    rows: dict[str, list[FunctionRow]] = {weakness: [] for weakness in _WEAKNESSES}
    names = {dotted(name): name for name in subject.store.functions()}
    for row in subject.report.functions:
        found = weakness(subject.store, names[row.function]) if row.function in names else None
        if found is not None:
            rows[found].append(row)
    messages = [
        text.format(
            named=_named(rows[kind]),
            entries=counted(_number(rows[kind]), "entry is", "entries are"),
        )
        for kind, text in _WEAKNESSES.items()
        if rows[kind]
    ]
    if messages:
        return warning("; ".join(messages))
    return ok("nothing is known that keeps other processes from reusing the entries")


def _room(rows: list[FunctionRow]) -> str:
    return size_text(sum(row.totals.disk_bytes or row.totals.size_bytes for row in rows))


def _entries(rows: list[FunctionRow]) -> str:
    return counted(_number(rows), "entry", "entries")


def _number(rows: list[FunctionRow]) -> int:
    return sum(row.totals.entries for row in rows)


def _named(rows: list[FunctionRow]) -> str:
    return _listed(row.function for row in rows)


def _listed(functions: Iterable[str]) -> str:
    names = list(functions)
    named = ", ".join(map(printable, names[:_MOST_NAMED]))
    more = len(names) - _MOST_NAMED
    return named if more <= 0 else f"{named} and {counted(more, 'more function')}"
