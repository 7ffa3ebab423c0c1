"""Reports as JSON documents. Keys, order and units are part of what users rely on."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from acache.config.settings import Config
from acache.operations.stats import Leftovers, StatsReport
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.store.model import Usage
from acache.store.totals import Tally, Totals
from acache.system.text import printable

if TYPE_CHECKING:
    from acache.operations.bench.results import BenchReport, LevelResult, Measurement
    from acache.operations.clear import Plan
    from acache.operations.doctor.check import Check
    from acache.operations.execute import Failure, Outcome
    from acache.operations.ls import Listed, Listing
    from acache.operations.run.savings import FunctionSavings, RunReport
    from acache.operations.show import EntryDetails, FunctionDetails
    from acache.operations.verify.store import VerifyReport

SCHEMA = 1
_NO_TEXT = re.compile("[\ud800-\udfff]")  # as os.fsdecode makes them


def stats(report: StatsReport, config: Config, *, by_module: bool = False) -> str:
    """Write a stats report as one JSON document."""
    document: dict[str, Any] = {
        "location": report.location,
        "store": report.store,
        "exists": report.exists,
        "level": config.level.value,
        "total": totals(report.total),
        "levels": [
            {"level": row.level, "functions": row.functions, **totals(row.totals)}
            for row in report.levels
        ],
        "functions": [
            {
                "function": _text(row.function),
                "level": row.level,
                **totals(row.totals),
                "source_state": row.source_state,
            }
            for row in report.functions
        ],
    }
    if by_module:
        document["modules"] = [
            {"module": _text(row.module), "functions": row.functions, **totals(row.totals)}
            for row in report.modules
        ]
    document |= {
        "leftovers": {
            **_leftovers(report.leftovers),
            "in_flight": _leftovers(report.in_flight),
        },
        "other": usage(report.other),
        "disk": usage(report.disk),
        "warnings": [*config.warnings(), *report.warnings],
    }
    return _document("stats", document)


def _leftovers(value: Leftovers) -> dict[str, Any]:
    return {"files": value.files, "folders": value.folders, **usage(value.usage)}


def config(configuration: Config) -> str:
    """Write the settings as one JSON document."""
    settings = [
        {
            "name": setting.name,
            "variable": setting.variable,
            "value": setting.value,
            "origin": setting.origin,
            "raw": setting.raw,
            "effect": setting.effect,
            "ok": setting.ok,
        }
        for setting in configuration.settings
    ]
    return _document("config", {"settings": settings})


def doctor(checks: Iterable[Check]) -> str:
    """Write what the doctor found as one JSON document."""
    told = [
        {
            "id": check.id,
            "status": check.status,
            "message": _text(check.message),
            "fix": None if check.fix is None else _text(check.fix),
        }
        for check in checks
    ]
    return _document("doctor", {"checks": told})


def write_listing(
    listing: Listing, form: str, *, arguments: bool, warnings: Callable[[], list[str]]
) -> None:
    """Write a listing as it comes.

    `form` is ``json``, ``jsonl``, ``csv`` or ``ids``. `warnings` is called after the last entry.
    """
    if form == "json":
        _write_document(listing, warnings)
    elif form == "jsonl":
        _write_lines(listing)
    elif form == "csv":
        _write_csv(listing, arguments=arguments)
    else:
        _write_ids(listing)


def _write_document(listing: Listing, warnings: Callable[[], list[str]]) -> None:
    """Write a listing as one JSON document, an entry a line."""
    out = sys.stdout
    # By hand, as a million entries would take a gigabyte before the first is written.
    out.write(f'{{\n  "schema": {SCHEMA},\n  "kind": "ls",\n  "entries": [')
    separator = "\n    "
    for row in listing:
        out.write(separator + json.dumps(entry(row)))
        separator = ",\n    "
    out.write("\n  ],\n" if separator[0] == "," else "],\n")
    ending = {
        "total": totals(listing.total),
        "warnings": warnings(),
    }
    out.write(json.dumps(ending, indent=2, allow_nan=False).removeprefix("{\n") + "\n")


def _write_lines(listing: Listing) -> None:
    """Write each entry as a JSON document on a line of its own."""
    for row in listing:
        sys.stdout.write(json.dumps(entry(row)) + "\n")


def _write_csv(listing: Listing, *, arguments: bool) -> None:
    """Write entries as comma-separated values, under the names of the JSON keys (RFC 4180)."""
    import csv

    keys = [*_ENTRY_KEYS, *(["args"] if arguments else [])]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(keys)
    for row in listing:
        values = entry(row)
        if arguments:
            values["args"] = json.dumps(values.get("args"))
        out.writerow([printable(v) if isinstance(v, str) else v for v in values.values()])


def _write_ids(listing: Listing) -> None:
    """Write the ids of entries, a line each, as ``acache clear -`` reads them."""
    for row in listing:
        name = entry_id(row.entry.function, row.entry.hash)
        sys.stdout.write(f"{printable(name)}\n")


def _text(name: str) -> str:
    """Name a function in JSON, which has no way to write bytes that are no text."""
    return name if name.isascii() or not _NO_TEXT.search(name) else printable(name)


_ENTRY_KEYS = (
    "id",
    "function",
    "hash",
    "level",
    "size_bytes",
    "disk_bytes",
    "created",
    "last_access",
    "compute_seconds",
)


def entry(row: Listed) -> dict[str, Any]:
    """Name what is known of an entry."""
    found = row.entry
    values = (
        _text(entry_id(found.function, found.hash)),
        _text(dotted(found.function)),
        found.hash,
        row.level,
        found.size_bytes,
        found.disk_bytes,
        iso(found.created),
        iso(found.last_access),
        found.compute_seconds,
    )
    named: dict[str, Any] = dict(zip(_ENTRY_KEYS, values, strict=True))
    if row.arguments is not None:
        named["args"] = row.arguments
    return named


def deletion(
    kind: str,
    plan: Plan,
    outcome: Outcome | None,
    failed: Iterable[Failure],
    *,
    warnings: Iterable[str],
    findings: dict[str, Any],
) -> str:
    """Write a plan to delete, and what became of it, as one JSON document.

    `outcome` is None for a dry run; `findings` tells why, and goes first.
    """
    return _document(
        kind,
        {
            **findings,
            "dry_run": outcome is None,
            "planned": amount(plan.total),
            "removed": amount(Tally().totals() if outcome is None else outcome.removed),
            "functions": [
                {"function": _text(row.function), **amount(row.totals)} for row in plan.rows
            ],
            "leftovers": usage(plan.leftover_usage if outcome is None else outcome.leftovers),
            "failed": [{"id": _text(failure.id), "error": failure.error} for failure in failed],
            "warnings": [*warnings],
        },
    )


def bench(report: BenchReport) -> str:
    """Write a benchmark as one JSON document."""
    environment = dict(report.environment)
    started = environment.pop("started")
    assert isinstance(started, float)
    return _document(
        "bench",
        {
            "command": [_text(word) for word in report.command],
            "runs": report.rounds,
            "environment": {**environment, "started": iso(started)},
            "off": _measurement(report.off),
            "levels": [_bench_level(row) for row in report.levels],
            "recommended_level": report.recommended_level,
            "warnings": [*report.warnings],
        },
    )


def _bench_level(row: LevelResult) -> dict[str, Any]:
    held = row.held.entries
    return {
        "level": row.level,
        "cold": _measurement(row.cold),
        "warm": _measurement(row.warm),
        "speedup": row.speedup,
        "speedup_ci": None if row.interval is None else [*row.interval],
        "entries": held.entries,
        "size_bytes": held.size_bytes,
        "disk_bytes": held.disk_bytes,
        "hits": None if row.calls is None else row.calls.hits,
        "misses": None if row.calls is None else row.calls.misses,
        "same_output": row.same_output,
        "break_even_runs": row.break_even_runs,
    }


def _measurement(measured: Measurement) -> dict[str, Any]:
    return {
        "times": measured.times,
        **measured.summary._asdict(),
        "user": measured.user,
        "system": measured.system,
        "max_rss_bytes": measured.max_rss_bytes,
    }


def run(report: RunReport) -> str:
    """Write what caching did in a run as one JSON document."""
    return _document(
        "run",
        {
            "command": [_text(word) for word in report.command],
            "exit_code": report.exit_code,
            "level": report.level,
            "wall_seconds": report.wall_seconds,
            "functions": [_savings(row) for row in report.functions],
            "warnings": [*report.warnings],
        },
    )


def _savings(row: FunctionSavings) -> dict[str, Any]:
    calls = row.calls
    return {
        "function": _text(row.function),
        "level": row.level,
        "calls": calls.hits + calls.misses,
        "hits": calls.hits,
        "misses": calls.misses,
        "hash_seconds": calls.hash_seconds,
        "load_seconds": calls.load_seconds,
        "compute_seconds": calls.compute_seconds,
        "store_seconds": calls.store_seconds,
        "saved_seconds": row.saved_seconds,
        "bytes_loaded": calls.bytes_loaded,
        "bytes_stored": calls.bytes_stored,
    }


def verification(report: VerifyReport, config: Config) -> str:
    """Write what a check found as one JSON document."""
    warnings = [*config.warnings(), *report.warnings]
    return _document("verify", {**findings(report), "warnings": warnings})


def findings(report: VerifyReport) -> dict[str, Any]:
    """Name what a check found."""
    return {
        "entries": report.entries,
        "problems": [{**one._asdict(), "id": _text(one.id)} for one in report.findings],
    }


def entry_details(details: EntryDetails, config: Config) -> str:
    """Write all about an entry as one JSON document."""
    value = details.value
    return _document(
        "show",
        {
            **entry(details.listed),
            "args": details.listed.arguments,
            "source_state": details.source_state,
            "value": None
            if value is None
            else {
                "type": value.type,
                "compression": value.compression,
                "arrays": [
                    {**array._asdict(), "shape": list(array.shape)} for array in value.arrays
                ],
                "outline": [line._asdict() for line in value.lines],
            },
            "warnings": [*config.warnings(), *details.warnings],
        },
    )


def function_details(details: FunctionDetails, config: Config) -> str:
    """Write all about a function as one JSON document."""
    return _document(
        "show",
        {
            "function": _text(dotted(details.function)),
            "level": details.level,
            **totals(details.totals),
            "source": details.source,
            "source_state": details.comparison.state,
            "installed_source": details.comparison.installed,
            "warnings": [*config.warnings(), *details.warnings],
        },
    )


def amount(value: Totals) -> dict[str, Any]:
    """Name what some entries free, and what computing them again costs."""
    return {
        "entries": value.entries,
        "size_bytes": value.size_bytes,
        "disk_bytes": value.disk_bytes,
        "compute_seconds": value.compute_seconds,
    }


def totals(value: Totals) -> dict[str, Any]:
    """Name what a number of entries amounts to."""
    return {
        "entries": value.entries,
        "size_bytes": value.size_bytes,
        "disk_bytes": value.disk_bytes,
        "inodes": value.inodes,
        "compute_seconds": value.compute_seconds,
        "oldest": iso(value.oldest),
        "newest": iso(value.newest),
        "last_access": iso(value.last_access),
    }


def usage(value: Usage) -> dict[str, Any]:
    """Name the room on disk."""
    return value._asdict()


def iso(seconds: float | None) -> str | None:
    """Write a time as ISO 8601 in UTC, to the microsecond.

    Parameters
    ----------
    seconds : float or None
        Unix seconds.

    Examples
    --------
    >>> iso(0)
    '1970-01-01T00:00:00.000000Z'
    """
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):  # a file system can hold any number
        moment = datetime.max if seconds > 0 else datetime.min
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _document(kind: str, content: dict[str, Any]) -> str:
    # ASCII alone: a function's name may hold what the terminal's encoding lacks.
    return json.dumps({"schema": SCHEMA, "kind": kind, **content}, indent=2, allow_nan=False)
