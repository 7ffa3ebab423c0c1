"""Write JSON Schema files, and a page about them, of what the commands print: part of `make docs`.

Usage: python tools/schemas.py FOLDER

FOLDER gets ``json.md``, and a file ``schema/KIND.json`` for each document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from documents import AMOUNT, DOCUMENTS, LINE, MEASURED, TOTALS, USAGE, Keys, Schema, thing

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def head(kind: str) -> Keys:
    """Describe the keys with which every document begins."""
    return {
        "schema": {"description": "Version of the format", "const": 1},
        "kind": {"description": "Which document it is", "const": kind},
    }


def schema(kind: str) -> Schema:
    """Make the schema of a kind of document."""
    forms = [
        thing({**head(kind), **keys}, title, optional=optional)
        for title, keys, optional in DOCUMENTS[kind]
    ]
    whole = forms[0] if len(forms) == 1 else {"oneOf": forms}
    return {"$schema": DIALECT, "$id": f"urn:acache:1:{kind}", "title": f"acache {kind}", **whole}


def line_schema() -> Schema:
    """Make the schema of a line of ``ls --jsonl``."""
    title, keys, optional = LINE
    whole = thing(keys, title, optional=optional)
    return {
        "$schema": DIALECT,
        "$id": "urn:acache:1:ls-line",
        "title": "acache ls --jsonl",
        **whole,
    }


INTRODUCTION = """\
# JSON

The table of each document names its keys, their types and their units; where there is *or null*,
it may be null. Each is also a [JSON Schema](https://json-schema.org) (2020-12), in
[schema](schema): the tests hold these against what the commands really print. `make docs` writes
this page and the schemas from `tools/documents.py`.

Every document begins with `schema`, which is 1 until a key changes its meaning or goes, and `kind`,
the command's name. New keys may come with any version of acache: a schema knows those of its own
version, and no others. Bytes are bytes, seconds seconds, times ISO 8601 in UTC. Names that are no
valid text have `\\xNN` and the like in place of what is not.

| document | schema |
|---|---|
"""
SHARED = {
    "Totals": ("What a number of entries amounts to.", TOTALS),
    "Measurement": ("Several runs of the same.", MEASURED),
    "Amount": ("What some entries free, and what computing them again costs.", AMOUNT),
    "Usage": ("Room on disk.", USAGE),
}
COLUMNS = ["| key | type | meaning |", "|---|---|---|"]


def page() -> str:
    """Write the page about all documents."""
    listed = [f"| [{kind}](#{kind}) | [{kind}.json](schema/{kind}.json) |" for kind in DOCUMENTS]
    listed.append("| [a line of ls](#ls) | [ls-line.json](schema/ls-line.json) |")
    lines = [INTRODUCTION + "\n".join(listed)]
    for kind, forms in DOCUMENTS.items():
        lines += ["", f"## {kind}"]
        for title, keys, optional in [*forms, *([LINE] if kind == "ls" else [])]:
            lines += ["", f"{title}:", "", *COLUMNS, *rows(keys, "", optional)]
    lines += ["", "## Shared objects"]
    for name, (meaning, keys) in SHARED.items():
        told = {} if name == "Totals" else {"Totals": SHARED["Totals"]}
        lines += ["", f"### {name}", "", meaning, "", *COLUMNS, *rows(keys, "", (), shared=told)]
    return "\n".join(lines) + "\n"


def rows(
    keys: Keys, prefix: str, optional: tuple[str, ...], *, shared: dict[str, Any] = SHARED
) -> list[str]:
    """Write the rows of a table: an object's keys, those of what it holds below them."""
    names = [*keys]
    for name, (_, common) in shared.items():
        if set(common) <= set(keys):
            names = [key for key in names if key not in common]
            link = f"| `{prefix}…` | | the keys of [{name}](#{name.lower()}) |"
            break
    else:
        link = ""
    lines = []
    for key in names:
        lines += row(f"{prefix}{key}", keys[key], key in optional)
    return lines if not link else [*lines, link]


def row(path: str, what: Schema, is_optional: bool) -> list[str]:
    """Write the row of a key, and those of the keys in it."""
    held = what.get("items", what)
    kind = told_type(what)
    meaning = what["description"].replace("|", "\\|")
    lines = [f"| `{path}` | {kind}{', may be missing' if is_optional else ''} | {meaning} |"]
    if "properties" in held:
        inner = path if held is what else f"{path}[]"
        optional = tuple(key for key in held["properties"] if key not in held["required"])
        lines += rows(held["properties"], f"{inner}.", optional)
    return lines


def told_type(what: Schema) -> str:
    """Tell the type of a value in words."""
    if "enum" in what:
        return " or ".join(f"`{one}`" for one in what["enum"] if one is not None)
    kinds = what["type"] if isinstance(what["type"], list) else [what["type"]]
    if "items" in what:
        kinds = [f"list of {what['items']['type']}s" if kind == "array" else kind for kind in kinds]
    return " or ".join(kinds)


def main(folder: str) -> None:
    """Write all of it."""
    target = Path(folder) / "schema"
    target.mkdir(parents=True, exist_ok=True)
    schemas = {**{kind: schema(kind) for kind in DOCUMENTS}, "ls-line": line_schema()}
    for name, made in schemas.items():
        content = json.dumps(made, indent=2) + "\n"
        (target / f"{name}.json").write_text(content, encoding="utf-8", newline="\n")
    (Path(folder) / "json.md").write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
