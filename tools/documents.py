"""The keys of every JSON document: types, units, the meaning of null. `schemas.py` writes them."""

from __future__ import annotations

from typing import Any, get_args

from acache.config.engine import ENGINES
from acache.config.settings import Origin
from acache.operations.doctor.check import Status
from acache.operations.verify.entry import KINDS, Severity
from acache.operations.why.explanation import REASONS
from acache.pickles.packing import METHODS
from acache.sources.staleness import MEANING

Schema = dict[str, Any]
Keys = dict[str, Schema]

MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$"


def value(kind: str, text: str, **rules: Any) -> Schema:
    """Describe a string, a number or a boolean."""
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
    """Allow null, and say what it means."""
    meaning = f"{schema['description']}; null {when}" if when else schema["description"]
    allowed = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "description": meaning, "type": [schema["type"], "null"], **allowed}


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


UNKNOWN = "where the system does not provide it (Windows)"
ROOM: Keys = {
    "size_bytes": count("Sum of file sizes, bytes: as joblib counts"),
    "disk_bytes": nullable(count("Disk space of files and folders, bytes: as du counts"), UNKNOWN),
}
USAGE: Keys = {**ROOM, "inodes": nullable(count("Number of files and folders"), UNKNOWN)}
COMPUTE = nullable(
    seconds("Recorded by joblib for computing and storing, nested calls counted twice"),
    "if it was not read or is not recorded",
)
NONE = "if there are no entries"
TOTALS: Keys = {
    "entries": count("Number of entries"),
    **USAGE,
    "compute_seconds": COMPUTE,
    "oldest": nullable(moment("When the oldest entry was written"), NONE),
    "newest": nullable(moment("When the newest entry was written"), NONE),
    "last_access": nullable(moment("When an entry was last read"), NONE),
}
AMOUNT: Keys = {"entries": TOTALS["entries"], **ROOM, "compute_seconds": COMPUTE}
FUNCTION = text("Dotted id of the function")
LEVEL = nullable(value("integer", "Level of the function"), "if unknown")
SOURCE_STATE = text("Comparison of the stored source with the installed one", enum=[*MEANING])
WARNINGS = many({"type": "string"}, "Warnings, one line each")
ENTRY: Keys = {
    "id": text("FUNCTION/HASH, as commands accept it", pattern="/[0-9a-f]{32}$"),
    "function": FUNCTION,
    "hash": text("joblib's hash of the arguments", pattern="^[0-9a-f]{32}$"),
    "level": LEVEL,
    **ROOM,
    "created": moment("When the result was written"),
    "last_access": moment("When the result was last read"),
    "compute_seconds": COMPUTE,
}
ARGS = nullable(named("repr of each argument"), "if none are recorded")
LEFTOVERS: Keys = {
    "files": count("Temporary files"),
    "folders": count("Entry folders without a result"),
    **USAGE,
}

LOGGED: Keys = {
    "calls": count("Logged hits and misses, only with --calls"),
    "hits": count("Calls answered from the store, only with --calls"),
    "misses": count("Calls computed, only with --calls"),
    "saved_seconds": number("Net seconds saved, negative where caching costs; only with --calls"),
}

STATS: Keys = {
    "location": text("The configured location"),
    "store": text("The store in it"),
    "exists": value("boolean", "Whether the store exists"),
    "level": nullable(value("integer", "The configured level"), "if it is not a number"),
    "total": thing(TOTALS, "The selected entries"),
    "levels": many(
        thing(
            {"level": LEVEL, "functions": count("Number of functions"), **TOTALS, **LOGGED},
            "A level",
            optional=tuple(LOGGED),
        ),
        "The levels that have entries",
    ),
    "functions": many(
        thing(
            {
                "function": FUNCTION,
                "level": LEVEL,
                **TOTALS,
                "source_state": SOURCE_STATE,
                **LOGGED,
            },
            "A function",
            optional=tuple(LOGGED),
        ),
        "The functions that have entries, in the order of --sort",
    ),
    "modules": many(
        thing(
            {"module": text("Dotted name"), "functions": count("Number of functions"), **TOTALS},
            "A module",
        ),
        "Only with --by module",
    ),
    "calls": many(
        thing({"function": FUNCTION, "level": LEVEL, **LOGGED}, "A function"),
        "Only with --calls: the logged calls of each function",
    ),
    "leftovers": thing(
        {**LEFTOVERS, "in_flight": thing(LEFTOVERS, "Those that a process may still be writing")},
        "Files and folders of interrupted writes",
    ),
    "other": thing(USAGE, "Sources, folders of functions and modules, foreign files"),
    "disk": thing(
        USAGE, "The whole store; the sum of total, leftovers and other if all is selected"
    ),
    "warnings": WARNINGS,
}
SHOWN_VALUE: Keys = {
    "type": text("Class of the result"),
    "compression": nullable(text("How its file is compressed"), "if it is not"),
    "arrays": many(
        thing(
            {
                "shape": many({"type": "integer", "minimum": 0}, "Length of each axis"),
                "dtype": text("As str(dtype) in NumPy"),
                "order": text("Order in memory", enum=["C", "F"]),
                "size_bytes": count("nbytes of the array"),
                "subclass": text("numpy.ndarray or a subclass of it"),
            },
            "An array",
        ),
        "The arrays in it, in order",
    ),
    "outline": many(
        thing(
            {
                "depth": count("Depth of nesting"),
                "text": text("Description of the value"),
                "size_bytes": nullable(count("Size, bytes"), "if unknown"),
            },
            "A value",
        ),
        "The nested values, in order",
    ),
}
SHOW_ENTRY: Keys = {
    **ENTRY,
    "args": ARGS,
    "source_state": SOURCE_STATE,
    "value": nullable(
        thing(SHOWN_VALUE, "The result, described without loading it"), "if it cannot be read"
    ),
    "warnings": WARNINGS,
}
SHOW_FUNCTION: Keys = {
    "function": FUNCTION,
    "level": LEVEL,
    **TOTALS,
    "source": nullable(text("The stored source"), "if it is missing"),
    "source_state": SOURCE_STATE,
    "installed_source": nullable(text("The installed source"), "unless it differs"),
    "warnings": WARNINGS,
}
FAILED: Keys = {
    "id": text("Id of the entry, or a path below the store"),
    "error": text("Why it could not be removed"),
}
DELETION: Keys = {
    "dry_run": value("boolean", "Whether nothing was removed because of --dry-run"),
    "planned": thing(AMOUNT, "Entries that the plan removes"),
    "removed": thing(AMOUNT, "Entries that were removed"),
    "functions": many(
        thing({"function": FUNCTION, **AMOUNT}, "A function"),
        "Entries that the plan removes, per function",
    ),
    "leftovers": thing(USAGE, "Leftovers that were or, with --dry-run, would be removed"),
    "failed": many(thing(FAILED, "A failure"), "What could not be removed"),
    "warnings": WARNINGS,
}
NOT_COPIED = text("Why it was not copied")
COPY: Keys = {
    "dry_run": value("boolean", "Whether nothing was copied because of --dry-run"),
    "source": text("What was copied from"),
    "target": text("What was copied to"),
    "copied": thing(
        {"entries": TOTALS["entries"], "size_bytes": ROOM["size_bytes"]},
        "Entries that were or, with --dry-run, would be copied",
    ),
    "present": count("Entries that the target had already"),
    "functions": many(
        thing(
            {
                "function": FUNCTION,
                "copied": count("Entries that were or would be copied"),
                "size_bytes": count("Sum of their file sizes, bytes"),
                "present": count("Entries that the target had already"),
            },
            "A function",
        ),
        "The functions that have entries, by name",
    ),
    "left_out": many(
        thing({"function": FUNCTION, "reason": NOT_COPIED}, "A function"),
        "Functions whose source differs in the target, or cannot be compared",
    ),
    "refused": many(
        thing({"id": text("Id of the entry"), "reason": NOT_COPIED}, "An entry"),
        "Entries of an archive that are not known to be harmless to load",
    ),
    "failed": many(
        thing(
            {
                "id": text("Id of the entry, or a path in the source"),
                "error": text("Why it could not be read or written"),
            },
            "A failure",
        ),
        "What could not be copied",
    ),
    "interrupted": value("boolean", "Whether Ctrl-C stopped it"),
    "warnings": WARNINGS,
}
COMPRESSED: Keys = {
    "compressed": thing(
        {
            "entries": TOTALS["entries"],
            "before_bytes": count("Size of their results before, bytes"),
            "after_bytes": count("Size of their results after, bytes"),
        },
        "Entries that have or, with --dry-run, would get another form",
    ),
    "kept": thing(
        {
            "same": count("Entries that have that form already"),
            "not_smaller": count("Entries that would not become smaller"),
        },
        "Entries that stay as they are",
    ),
}
COMPRESS: Keys = {
    "dry_run": value("boolean", "Whether nothing was changed because of --dry-run"),
    "method": text("Method of compression", enum=[*METHODS]),
    **COMPRESSED,
    "functions": many(thing({"function": FUNCTION, **COMPRESSED}, "A function"), "Per function"),
    "failed": many(
        thing(
            {"id": text("Id of the entry"), "error": text("Why it could not be compressed")},
            "A failure",
        ),
        "What could not be compressed",
    ),
    "interrupted": value("boolean", "Whether Ctrl-C stopped it"),
    "warnings": WARNINGS,
}
TOO_FEW = "with fewer than three runs"
CPU_SECONDS = nullable(seconds("Median CPU time"), UNKNOWN)
MEASURED: Keys = {
    "times": many({"type": "number", "minimum": 0}, "Wall time of each run, seconds", minItems=1),
    "median": seconds("Of the times"),
    "mad": nullable(seconds("Their median absolute deviation"), TOO_FEW),
    "mean": seconds("Of the times"),
    "stddev": nullable(seconds("Their standard deviation"), TOO_FEW),
    "min": seconds("The shortest of them"),
    "max": seconds("The longest of them"),
    "user": {**CPU_SECONDS, "description": f"In user space: {CPU_SECONDS['description']}"},
    "system": {**CPU_SECONDS, "description": f"In the kernel: {CPU_SECONDS['description']}"},
    "max_rss_bytes": nullable(
        count("Median peak memory, bytes"), "where the system does not provide it"
    ),
}
UNCACHED = "if nothing was cached"
BENCH_LEVEL: Keys = {
    "level": value("integer", "The level"),
    "engine": text("What answered cached calls", enum=[*ENGINES]),
    "cold": thing(MEASURED, "Runs with an empty store"),
    "warm": thing(MEASURED, "Runs with the full store"),
    "speedup": nullable(number("Median time without cache divided by the warm one"), UNCACHED),
    "speedup_ci": nullable(
        many({"type": "number"}, "Its 95 % interval", minItems=2, maxItems=2), TOO_FEW
    ),
    "entries": count("Entries of the full store"),
    **ROOM,
    "hits": nullable(count("Calls of a warm run that were hits"), "if it could not be traced"),
    "misses": nullable(count("Calls of a warm run that were misses"), "if it could not be traced"),
    "same_output": value("boolean", "Whether the script printed the same as without cache"),
    "break_even_runs": nullable(number("Runs until the cold run has paid off"), "if never"),
}
ENVIRONMENT: Keys = {
    "acache": text("Version"),
    "python": nullable(text("Version of the Python that ran scripts"), "if unknown"),
    "python_path": text("Its path"),
    "packages": named("Versions of its packages that affect the cache"),
    "platform": text("The system"),
    "processor": text("Its name"),
    "cpus": nullable(count("Number of processors"), "if unknown"),
    "load": nullable(number("Mean load of the last minute"), UNKNOWN),
    "settings": named("Cache settings of the environment"),
    "started": moment("When it began"),
}
COMPARISON: Keys = {
    "level": nullable(value("integer", "The level, warm"), "without cache"),
    "engine": nullable(text("What answered cached calls", enum=[*ENGINES]), "without cache"),
    "before_seconds": seconds("Median time of the earlier benchmark"),
    "now_seconds": seconds("Median time"),
    "ratio": number("Time now divided by that of before"),
    "ratio_ci": nullable(
        many({"type": "number"}, "Its 95 % interval", minItems=2, maxItems=2), TOO_FEW
    ),
    "more_than_noise": value("boolean", "Whether the difference is more than noise"),
}
BENCH: Keys = {
    "command": many({"type": "string"}, "The command that was timed, as given"),
    "runs": count("Rounds that were run"),
    "environment": thing(ENVIRONMENT, "The machine and software of the measurement"),
    "off": thing(MEASURED, "Runs without cache"),
    "levels": many(thing(BENCH_LEVEL, "A level"), "The levels, in order, for each engine"),
    "recommended_level": nullable(value("integer", "The level worth using"), "if none is"),
    "recommended_engine": nullable(
        text("The engine worth using there", enum=[*ENGINES]), "if no level is"
    ),
    "comparison": many(
        thing(COMPARISON, "Runs without cache, or of a level"),
        "Only with --compare: the times beside those of an earlier benchmark",
    ),
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
    "saved_seconds": number("Saved at most, seconds; negative where caching costs more"),
    "bytes_loaded": count("Bytes of the results that were read"),
    "bytes_stored": count("Bytes of the results that were written"),
}
ARGUMENT: Keys = {
    "name": text("Name of the parameter"),
    "same": value("boolean", "Whether it is that of the nearest entry, as far as is known"),
    "now": text("repr of the argument, shortened"),
    "then": nullable(text("repr of that of the nearest entry"), "if there is none"),
}
MISS: Keys = {
    "time": moment("When the call began"),
    "function": FUNCTION,
    "hash": ENTRY["hash"],
    "reason": text("Why it was computed", enum=[*REASONS]),
    "nearest": nullable(
        text("Id of the entry with the most arguments alike"), "unless an argument differs"
    ),
    "arguments": many(thing(ARGUMENT, "An argument"), "The arguments of the call"),
    "message": text("Explanation, in one line"),
    "fix": nullable(text("What to do about it"), "if nothing is known"),
}
RUN: Keys = {
    "command": many({"type": "string"}, "The command that was run, as given"),
    "exit_code": value("integer", "Exit code of the command; 128+N after signal N"),
    "level": nullable(value("integer", "The level of the run"), "if it is not a number"),
    "wall_seconds": seconds("Wall time of the whole run"),
    "functions": many(thing(SAVINGS, "A function"), "The functions that were called"),
    "warnings": WARNINGS,
    "why": thing(
        {
            "calls": count("All calls of the run, hits included"),
            "misses": many(thing(MISS, "A miss"), "Its misses, the latest first"),
            "left_out": count("Misses that the call log does not hold"),
        },
        "With `--why`: why calls of the run were computed",
    ),
}
CHECK: Keys = {
    "id": text("Name of the check"),
    "status": text("Result of the check", enum=[*get_args(Status)]),
    "message": text("Explanation, in one line"),
    "fix": nullable(text("Command that fixes the problem"), "if there is none"),
}
FINDING: Keys = {
    "id": text("Id of an entry or a function, or a path below the store"),
    "kind": text("What was found", enum=[*KINDS]),
    "severity": text("A note does not count as a problem", enum=[*get_args(Severity)]),
    "message": text("Explanation, in one line"),
    "fix": nullable(text("Command that fixes the problem"), "if there is none"),
}
FINDINGS: Keys = {
    "entries": count("Number of entries that were checked"),
    "problems": many(thing(FINDING, "A finding"), "Problems, then notes"),
}
SETTING: Keys = {
    "name": text("Name of the setting"),
    "variable": text("The environment variable that sets it"),
    "value": {
        "description": "The value: sizes in bytes, ages in seconds; null for none",
        "type": ["string", "number", "boolean", "null"],
    },
    "origin": text("Source of the value", enum=[*get_args(Origin)]),
    "raw": nullable(
        text("The value as it was given, a URL without user, password and query"), "for a default"
    ),
    "effect": text("What librosa does with it"),
    "ok": value("boolean", "Whether librosa does what is documented"),
}

FOUND_STORE: Keys = {
    "location": text("What --cache-dir takes"),
    "store": text("The store in it"),
    "functions": count("Number of functions"),
    **TOTALS,
}
SHARE = number("Share of the seconds that an unlimited cache saves", minimum=0)
POINT: Keys = {
    "size_bytes": count("Size of the cache, bytes"),
    "hit_rate": number("Hits per call", minimum=0, maximum=1),
    "saved_seconds": seconds("Computing that the hits saved"),
    "share": SHARE,
}
SIMULATE: Keys = {
    "calls": count("Calls that were replayed"),
    "distinct": count("Entries that they asked for"),
    "span_seconds": seconds("From the first call to the last"),
    "unlimited": thing(
        {key: POINT[key] for key in ("size_bytes", "hit_rate", "saved_seconds")},
        "A cache that never evicts",
    ),
    "policies": many(
        thing(
            {
                "policy": text("Name of the policy; best: the bound that knows all calls to come"),
                "points": many(thing(POINT, "A size"), "The sizes, in order"),
            },
            "A policy",
        ),
        "The policies",
    ),
    "recommended": nullable(
        thing(
            {"size_bytes": POINT["size_bytes"], "policy": text("Its policy"), "share": SHARE},
            "The smallest size that keeps 95 % of the savings",
        ),
        "if nothing was asked for twice",
    ),
    "warnings": WARNINGS,
}
REPORT: Keys = {
    "file": text("Absolute path of the page"),
    "size_bytes": count("Size of the page, bytes"),
    "entries": count("Number of the selected entries"),
    "checks": thing(
        {status: count(f"Checks with the status {status}") for status in get_args(Status)},
        "How many checks of `acache doctor` have which status",
    ),
    "problems": nullable(count("Problems of entries"), "with --no-verify"),
    "warnings": WARNINGS,
}

# The documents of each command: a title, the keys, and the keys that may be missing.
DOCUMENTS: dict[str, list[tuple[str, Keys, tuple[str, ...]]]] = {
    "stats": [("What `acache stats --json` prints", STATS, ("modules", "calls"))],
    "ls": [
        (
            "What `acache ls --json` prints",
            {
                "entries": many(
                    thing({**ENTRY, "args": ARGS}, "An entry", optional=("args",)),
                    "The entries, in the order of --sort; args with --args, where recorded",
                ),
                "total": thing(TOTALS, "All selected entries, including those beyond --limit"),
                "warnings": WARNINGS,
            },
            (),
        )
    ],
    "show": [
        ("What `acache show ENTRY --json` prints", SHOW_ENTRY, ()),
        ("What `acache show FUNCTION --json` prints", SHOW_FUNCTION, ()),
    ],
    "find": [
        (
            "What `acache find --json` prints",
            {
                "stores": many(thing(FOUND_STORE, "A store"), "The stores, the largest first"),
                "total": thing(TOTALS, "All of them"),
                "warnings": WARNINGS,
            },
            (),
        )
    ],
    "why": [
        (
            "What `acache why --json` prints",
            {
                "calls": count("Calls of the selected functions, hits included"),
                "misses": many(thing(MISS, "A miss"), "The misses, the latest first"),
                "left_out": count("Earlier misses beyond --limit"),
            },
            (),
        )
    ],
    "report": [("What `acache report --json` prints", REPORT, ())],
    "simulate": [("What `acache simulate --json` prints", SIMULATE, ())],
    "clear": [("What `acache clear --json` prints", DELETION, ())],
    "prune": [("What `acache prune --json` prints", DELETION, ())],
    "compress": [("What `acache compress --json` prints", COMPRESS, ())],
    "copy": [("What `acache copy --json` prints", COPY, ())],
    "bench": [
        ("What `acache bench --json` prints and `--export-json` writes", BENCH, ("comparison",))
    ],
    "run": [("What `acache run --export-json FILE` writes", RUN, ("why",))],
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
