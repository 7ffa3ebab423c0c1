"""The keys of every JSON document: types, units, what null means. `schemas.py` writes them out."""

from __future__ import annotations

from typing import Any, get_args

from acache.config.settings import Origin
from acache.operations.doctor.check import Status
from acache.operations.verify.entry import KINDS, Severity
from acache.sources.staleness import MEANING

Schema = dict[str, Any]
Keys = dict[str, Schema]

MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"


def value(kind: str, text: str, **rules: Any) -> Schema:
    """Describe a string, a number or a truth value."""
    return {"description": text, "type": kind, **rules}


def text(meaning: str, **rules: Any) -> Schema:
    """Describe a string."""
    return value("string", meaning, **rules)


def number(meaning: str, **rules: Any) -> Schema:
    """Describe a number that may be a fraction."""
    return value("number", meaning, **rules)


def count(meaning: str) -> Schema:
    """Describe a whole number, 0 or more: bytes, entries, calls."""
    return value("integer", meaning, minimum=0)


def seconds(meaning: str) -> Schema:
    """Describe seconds, 0 or more."""
    return number(f"{meaning}, seconds", minimum=0)


def moment(meaning: str) -> Schema:
    """Describe a point in time."""
    return text(f"{meaning}; ISO 8601 in UTC", format="date-time", pattern=MOMENT)


def nullable(schema: Schema, when: str = "") -> Schema:
    """Allow null; tell what it means."""
    told = f"{schema['description']}; null {when}" if when else schema["description"]
    allowed = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "description": told, "type": [schema["type"], "null"], **allowed}


def many(item: Schema, meaning: str, **rules: Any) -> Schema:
    """Describe a list."""
    return value("array", meaning, items=item, **rules)


def thing(keys: Keys, meaning: str, *, optional: tuple[str, ...] = ()) -> Schema:
    """Describe an object that has these keys and no others."""
    required = [key for key in keys if key not in optional]
    return value("object", meaning, properties=keys, required=required, additionalProperties=False)


def named(meaning: str) -> Schema:
    """Describe an object whose keys are names."""
    return value("object", meaning, additionalProperties={"type": "string"})


UNTOLD = "where the system does not tell (Windows)"
ROOM: Keys = {
    "size_bytes": count("Sum of file sizes, bytes: as joblib counts"),
    "disk_bytes": nullable(count("Blocks of files and folders, bytes: as du counts"), UNTOLD),
}
USAGE: Keys = {**ROOM, "inodes": nullable(count("Number of files and folders"), UNTOLD)}
COMPUTE = nullable(
    seconds("What joblib recorded for computing and storing, nested calls counted twice"),
    "if it was not read, or nothing is recorded",
)
NONE = "if there is no entry"
TOTALS: Keys = {
    "entries": count("Number of entries"),
    **USAGE,
    "compute_seconds": COMPUTE,
    "oldest": nullable(moment("When the first of them was written"), NONE),
    "newest": nullable(moment("When the last of them was written"), NONE),
    "last_access": nullable(moment("When one of them was last read"), NONE),
}
AMOUNT: Keys = {"entries": TOTALS["entries"], **ROOM, "compute_seconds": COMPUTE}
FUNCTION = text("Dotted id of the function")
LEVEL = nullable(value("integer", "Level of the function"), "if unknown")
SOURCE_STATE = text("The stored source against the installed one", enum=[*MEANING])
WARNINGS = many({"type": "string"}, "Warnings, a line each")
ENTRY: Keys = {
    "id": text("FUNCTION/HASH, as commands take it", pattern="/[0-9a-f]{32}$"),
    "function": FUNCTION,
    "hash": text("joblib's hash of the arguments", pattern="^[0-9a-f]{32}$"),
    "level": LEVEL,
    **ROOM,
    "created": moment("When its result was written"),
    "last_access": moment("When its result was last read"),
    "compute_seconds": COMPUTE,
}
ARGS = nullable(named("repr of each argument"), "if none are recorded")
LEFTOVERS: Keys = {
    "files": count("Temporary files"),
    "folders": count("Folders of entries without result"),
    **USAGE,
}

STATS: Keys = {
    "location": text("What is configured"),
    "store": text("The folder of joblib's in it"),
    "exists": value("boolean", "Whether there is a store"),
    "level": nullable(value("integer", "The configured level"), "if it is no number"),
    "total": thing(TOTALS, "The selected entries"),
    "levels": many(
        thing({"level": LEVEL, "functions": count("Number of functions"), **TOTALS}, "A level"),
        "The levels that have entries",
    ),
    "functions": many(
        thing(
            {"function": FUNCTION, "level": LEVEL, **TOTALS, "source_state": SOURCE_STATE},
            "A function",
        ),
        "The functions that have entries, in the order of --sort",
    ),
    "modules": many(
        thing(
            {"module": text("Dotted name"), "functions": count("Number of functions"), **TOTALS},
            "A module",
        ),
        "With --by module alone",
    ),
    "leftovers": thing(
        {**LEFTOVERS, "in_flight": thing(LEFTOVERS, "What may still be written")},
        "What interrupted writes left",
    ),
    "other": thing(USAGE, "Sources, folders of functions and modules, foreign files"),
    "disk": thing(USAGE, "The whole store: without a selection the sum of the other three"),
    "warnings": WARNINGS,
}
SHOWN_VALUE: Keys = {
    "type": text("Class of the result"),
    "compression": nullable(text("How its file is compressed"), "if it is not"),
    "arrays": many(
        thing(
            {
                "shape": many({"type": "integer", "minimum": 0}, "Length of each axis"),
                "dtype": text("As NumPy's str(dtype) has it"),
                "order": text("Order in memory", enum=["C", "F"]),
                "size_bytes": count("Its nbytes"),
                "subclass": text("numpy.ndarray, or its subclass"),
            },
            "An array",
        ),
        "The arrays in it, in order",
    ),
    "outline": many(
        thing(
            {
                "depth": count("How far it is indented"),
                "text": text("What it is"),
                "size_bytes": nullable(count("Bytes that it takes"), "if that tells nothing"),
            },
            "A line",
        ),
        "What is in what",
    ),
}
SHOW_ENTRY: Keys = {
    **ENTRY,
    "args": ARGS,
    "source_state": SOURCE_STATE,
    "value": nullable(thing(SHOWN_VALUE, "The result, never loaded"), "if it cannot be followed"),
    "warnings": WARNINGS,
}
SHOW_FUNCTION: Keys = {
    "function": FUNCTION,
    "level": LEVEL,
    **TOTALS,
    "source": nullable(text("The stored source"), "if it is missing"),
    "source_state": SOURCE_STATE,
    "installed_source": nullable(text("The installed source"), "unless it is another"),
    "warnings": WARNINGS,
}
FAILED: Keys = {
    "id": text("Of an entry, or a path below the store"),
    "error": text("Why it is still there"),
}
DELETION: Keys = {
    "dry_run": value("boolean", "Whether nothing was touched"),
    "planned": thing(AMOUNT, "What was to go"),
    "removed": thing(AMOUNT, "What went"),
    "functions": many(
        thing({"function": FUNCTION, **AMOUNT}, "A function"), "What was to go, per function"
    ),
    "leftovers": thing(USAGE, "Leftovers that went; with --dry-run those that would"),
    "failed": many(thing(FAILED, "A failure"), "What could not be removed"),
    "warnings": WARNINGS,
}
TOO_FEW = "from fewer than three runs"
UNACCOUNTED = nullable(seconds("Median CPU time"), UNTOLD)
MEASURED: Keys = {
    "times": many({"type": "number", "minimum": 0}, "Wall time of each run, seconds", minItems=1),
    "median": seconds("Of the times"),
    "mad": nullable(seconds("Their median absolute deviation"), TOO_FEW),
    "mean": seconds("Of the times"),
    "stddev": nullable(seconds("Their standard deviation"), TOO_FEW),
    "min": seconds("The least of them"),
    "max": seconds("The greatest of them"),
    "user": {**UNACCOUNTED, "description": f"In user space: {UNACCOUNTED['description']}"},
    "system": {**UNACCOUNTED, "description": f"In the kernel: {UNACCOUNTED['description']}"},
    "max_rss_bytes": nullable(count("Median peak memory, bytes"), "where the system does not tell"),
}
UNCACHED = "if nothing was cached"
BENCH_LEVEL: Keys = {
    "level": value("integer", "The level"),
    "cold": thing(MEASURED, "Runs into an empty store"),
    "warm": thing(MEASURED, "Runs on a full one"),
    "speedup": nullable(number("Median time without cache over the warm one"), UNCACHED),
    "speedup_ci": nullable(
        many({"type": "number"}, "Its 95 % interval", minItems=2, maxItems=2), TOO_FEW
    ),
    "entries": count("Entries of the full store"),
    **ROOM,
    "hits": nullable(count("Calls of a warm run that were hits"), "if it could not be traced"),
    "misses": nullable(count("Calls of a warm run that were misses"), "if it could not be traced"),
    "same_output": value("boolean", "Whether it printed the same as without cache"),
    "break_even_runs": nullable(number("Runs until the cold one is won back"), "if never"),
}
ENVIRONMENT: Keys = {
    "acache": text("Version"),
    "python": nullable(text("Version of the Python that ran scripts"), "if it did not tell"),
    "python_path": text("Its path"),
    "packages": named("Versions of its packages that matter"),
    "platform": text("The system"),
    "processor": text("Its name"),
    "cpus": nullable(count("Number of processors"), "if unknown"),
    "load": nullable(number("Mean load of the last minute"), UNTOLD),
    "settings": named("Cache settings of the environment"),
    "started": moment("When it began"),
}
BENCH: Keys = {
    "command": many({"type": "string"}, "What was timed, as given"),
    "runs": count("Rounds that were run"),
    "environment": thing(ENVIRONMENT, "What it was measured on"),
    "off": thing(MEASURED, "Runs without cache"),
    "levels": many(thing(BENCH_LEVEL, "A level"), "The levels, in order"),
    "recommended_level": nullable(value("integer", "The level that pays"), "if none does"),
    "warnings": WARNINGS,
}
SAVINGS: Keys = {
    "function": FUNCTION,
    "level": LEVEL,
    "calls": count("Hits and misses"),
    "hits": count("Calls answered from the store"),
    "misses": count("Calls computed"),
    "hash_seconds": seconds("Hashing arguments"),
    "load_seconds": seconds("Looking up and reading"),
    "compute_seconds": seconds("Computing, cached calls inside included"),
    "store_seconds": seconds("Storing results"),
    "saved_seconds": number("Saved at most, seconds; negative where caching cost more"),
    "bytes_loaded": count("Bytes of the results that were read"),
    "bytes_stored": count("Bytes of the results that were written"),
}
RUN: Keys = {
    "command": many({"type": "string"}, "What was run, as given"),
    "exit_code": value("integer", "Its own; 128+N after signal N"),
    "level": nullable(value("integer", "The level of the run"), "if it is no number"),
    "wall_seconds": seconds("Of the whole run"),
    "functions": many(thing(SAVINGS, "A function"), "The functions that were called"),
    "warnings": WARNINGS,
}
CHECK: Keys = {
    "id": text("Which check"),
    "status": text("What came out", enum=[*get_args(Status)]),
    "message": text("What follows, in one line"),
    "fix": nullable(text("A command that fixes it"), "if none does"),
}
FINDING: Keys = {
    "id": text("Of an entry or a function, or a path below the store"),
    "kind": text("What was found", enum=[*KINDS]),
    "severity": text("Whether it is a problem or a note", enum=[*get_args(Severity)]),
    "message": text("One line"),
    "fix": nullable(text("A command that fixes it"), "if none does"),
}
FINDINGS: Keys = {
    "entries": count("How many were checked"),
    "problems": many(thing(FINDING, "A finding"), "What was found, notes last"),
}
SETTING: Keys = {
    "name": text("Of the setting"),
    "variable": text("The environment variable that sets it"),
    "value": {
        "description": "What it means: sizes in bytes, ages in seconds; null for none",
        "type": ["string", "number", "boolean", "null"],
    },
    "origin": text("Where it comes from", enum=[*get_args(Origin)]),
    "raw": nullable(text("As it was given"), "for a default"),
    "effect": text("What librosa makes of it"),
    "ok": value("boolean", "Whether it does what is documented"),
}

# Of each kind its documents: a title, its keys, and those of them that may be missing.
DOCUMENTS: dict[str, list[tuple[str, Keys, tuple[str, ...]]]] = {
    "stats": [("What `acache stats --json` prints", STATS, ("modules",))],
    "ls": [
        (
            "What `acache ls --json` prints",
            {
                "entries": many(
                    thing({**ENTRY, "args": ARGS}, "An entry", optional=("args",)),
                    "The entries, in the order of --sort, args with --args where recorded",
                ),
                "total": thing(TOTALS, "All selected entries, those over --limit too"),
                "warnings": WARNINGS,
            },
            (),
        )
    ],
    "show": [
        ("What `acache show ENTRY --json` prints", SHOW_ENTRY, ()),
        ("What `acache show FUNCTION --json` prints", SHOW_FUNCTION, ()),
    ],
    "clear": [("What `acache clear --json` prints", DELETION, ())],
    "prune": [("What `acache prune --json` prints", DELETION, ())],
    "bench": [("What `acache bench --json` prints and `--export-json` writes", BENCH, ())],
    "run": [("What `acache run --export-json FILE` writes", RUN, ())],
    "doctor": [
        (
            "What `acache doctor --json` prints",
            {"checks": many(thing(CHECK, "A check"), "Every check, in order")},
            (),
        )
    ],
    "verify": [
        ("What `acache verify --json` prints", {**FINDINGS, "warnings": WARNINGS}, ()),
        (
            "What `acache verify --json` prints with `--delete` or `--delete-unsafe`",
            {**FINDINGS, **DELETION},
            (),
        ),
    ],
    "config": [
        (
            "What `acache config --json` prints",
            {"settings": many(thing(SETTING, "A setting"), "Every setting")},
            (),
        )
    ],
}
LINE = ("A line of `acache ls --jsonl`, a document of its own", {**ENTRY, "args": ARGS}, ("args",))
