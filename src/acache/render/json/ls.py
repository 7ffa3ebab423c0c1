"""Entries, one by one: the JSON, CSV and plain forms of ``acache ls``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from acache.operations.ls import Listed, Listing
from acache.render.json.document import SCHEMA, iso, text, totals
from acache.store.format import dotted
from acache.store.ids import entry_id
from acache.system.text import printable

_KEYS = (
    *("id", "function", "hash", "level", "size_bytes", "disk_bytes", "created", "last_access"),
    "compute_seconds",
)


def entry(row: Listed) -> dict[str, Any]:
    """Return what is known of an entry."""
    found = row.entry
    values = (
        text(entry_id(found.function, found.hash)),
        text(dotted(found.function)),
        found.hash,
        row.level,
        found.size_bytes,
        found.disk_bytes,
        iso(found.created),
        iso(found.last_access),
        found.compute_seconds,
    )
    named: dict[str, Any] = dict(zip(_KEYS, values, strict=True))
    if row.arguments is not None:
        named["args"] = row.arguments
    return named


def write_listing(
    listing: Listing, form: str, *, arguments: bool, warnings: Callable[[], list[str]]
) -> None:
    """Write a listing to stdout as it comes.

    `form` is ``json``, ``jsonl``, ``csv`` or ``ids``. `warnings` is called after the last entry.
    """
    if form == "json":
        _write_document(listing, warnings)
    elif form == "jsonl":
        for row in listing:
            sys.stdout.write(json.dumps(entry(row)) + "\n")
    elif form == "csv":
        _write_csv(listing, arguments=arguments)
    else:  # as ``acache clear -`` reads them
        for row in listing:
            name = entry_id(row.entry.function, row.entry.hash)
            sys.stdout.write(f"{printable(name)}\n")


def _write_document(listing: Listing, warnings: Callable[[], list[str]]) -> None:
    """Write one JSON document, an entry a line.

    By hand: json.dumps of a million entries takes a gigabyte before the first is written.
    """
    out = sys.stdout
    out.write(f'{{\n  "schema": {SCHEMA},\n  "kind": "ls",\n  "entries": [')
    separator = "\n    "
    for row in listing:
        out.write(separator + json.dumps(entry(row)))
        separator = ",\n    "
    out.write("\n  ],\n" if separator[0] == "," else "],\n")
    ending = {"total": totals(listing.total), "warnings": warnings()}
    out.write(json.dumps(ending, indent=2, allow_nan=False).removeprefix("{\n") + "\n")


def _write_csv(listing: Listing, *, arguments: bool) -> None:
    """Write comma-separated values under the names of the JSON keys (RFC 4180)."""
    import csv

    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow([*_KEYS, *(["args"] if arguments else [])])
    for row in listing:
        values = entry(row)
        if arguments:
            values["args"] = json.dumps(values.get("args"))
        out.writerow([printable(v) if isinstance(v, str) else v for v in values.values()])
