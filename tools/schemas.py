"""Write JSON Schemas of what commands print, and a page about them: part of `make docs`.

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
    """Describe the first keys of every document."""
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

With `--json` a command prints one document. The tables below name the keys of each document, with
their types and units. A value can be null only where the table says *or null*. Each document also
has a [JSON Schema](https://json-schema.org) (2020-12) in `docs/schema`; the tests check what the
commands print against these. `make docs` writes this page and the schemas from
`tools/documents.py`.

```console
$ acache stats --json | jq -r '.levels[] | "\\(.level): \\(.entries) entries, \\(.disk_bytes) B"'
10: 1 entries, 28672 B
20: 4 entries, 42426368 B
30: 3 entries, 68894720 B
40: 1 entries, 28672 B
```

- Every document begins with `schema`, the version of the format, which is 1 until a key changes its
  meaning or is removed, and with `kind`, the name of the command. New keys may be added in any
  version of acache; a schema allows only the keys of its own version.
- Sizes are in bytes: `size_bytes` is the sum of file sizes, as joblib counts, and `disk_bytes` is
  what `du` counts. Durations are in seconds. Times are ISO 8601 in UTC.
- What a system does not provide (on Windows: blocks and inodes) is null.
- `--top` and `--limit` shorten the lists and not the totals.
- Bytes of a name that are not valid text are written as `\\xNN`.

| document | schema |
|---|---|
"""
SHARED = {
    "Totals": ("Totals of some entries.", TOTALS),
    "Measurement": ("The times of several runs.", MEASURED),
    "Amount": ("The room that some entries take, and the time to compute them again.", AMOUNT),
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
        inner = {} if name == "Totals" else {"Totals": SHARED["Totals"]}
        lines += ["", f"### {name}", "", meaning, "", *COLUMNS, *rows(keys, "", (), shared=inner)]
    return "\n".join(lines) + "\n"


def rows(
    keys: Keys, prefix: str, optional: tuple[str, ...], *, shared: dict[str, Any] = SHARED
) -> list[str]:
    """Write the rows of a table: an object's keys, each followed by the keys inside its value."""
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
    """Write the row of a key, and the rows of the keys inside its value."""
    held = what.get("items", what)
    kind = type_in_words(what)
    meaning = what["description"].replace("|", "\\|")
    lines = [f"| `{path}` | {kind}{', may be missing' if is_optional else ''} | {meaning} |"]
    if "properties" in held:
        inner = path if held is what else f"{path}[]"
        optional = tuple(key for key in held["properties"] if key not in held["required"])
        lines += rows(held["properties"], f"{inner}.", optional)
    return lines


def type_in_words(what: Schema) -> str:
    """Write the type of a value in words."""
    if "enum" in what:
        return " or ".join(f"`{one}`" for one in what["enum"] if one is not None)
    kinds = what["type"] if isinstance(what["type"], list) else [what["type"]]
    if "items" in what:
        kinds = [f"list of {what['items']['type']}s" if kind == "array" else kind for kind in kinds]
    return " or ".join(kinds)


def main(folder: str) -> None:
    """Write all schemas and the page."""
    target = Path(folder) / "schema"
    target.mkdir(parents=True, exist_ok=True)
    schemas = {**{kind: schema(kind) for kind in DOCUMENTS}, "ls-line": line_schema()}
    for name, made in schemas.items():
        content = json.dumps(made, indent=2) + "\n"
        (target / f"{name}.json").write_text(content, encoding="utf-8", newline="\n")
    (Path(folder) / "json.md").write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
