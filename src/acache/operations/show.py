"""Details of one entry, or of one function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from acache.operations.ls import Listed
from acache.operations.selection import entry_named
from acache.pickles import (
    ArrayInfo,
    Container,
    DamagedError,
    Excerpt,
    Global,
    Line,
    MissingPackageError,
    Node,
    Object,
    Unknown,
    describe_file,
    outline,
)
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Comparison, Drift, State
from acache.store.format import METADATA, OUTPUT, dotted
from acache.store.ids import functions_named, or_nearest, parse_entry_id
from acache.store.model import Entry
from acache.store.store import ScanOptions, Store
from acache.store.totals import Tally, Totals
from acache.system.errors import AcacheError, UsageError
from acache.system.text import printable, size_text

_MOST_LISTED = 5
_LONG_ARGUMENT = 1_000_000  # bytes
_SHORTENED = re.compile(r"\.\.\. \(([\d,]+) bytes\)$")  # see `acache.store.large_metadata`


class Value(NamedTuple):
    """What a cached result is, read from its pickle without loading it.

    Attributes
    ----------
    type : str
        Its class: ``numpy.ndarray``, ``tuple``, ``pandas.core.frame.DataFrame``; ``unknown`` where
        the pickle computes it.
    compression : str or None
        ``zlib``, ``gzip``, ``bz2``, ``lzma``, ``xz`` or ``lz4``.
    arrays : tuple of ArrayInfo
        Those in it, in order.
    lines : tuple of Line
        What is in what, indented.
    """

    type: str
    compression: str | None
    arrays: tuple[ArrayInfo, ...]
    lines: tuple[Line, ...]


class EntryDetails(NamedTuple):
    """An entry, its arguments, and its value; None where that cannot be read.

    `source_state` compares the function's source with the installed one; see
    `acache.sources.staleness.Comparison`.
    """

    listed: Listed
    value: Value | None
    source_state: State
    warnings: tuple[str, ...]


class FunctionDetails(NamedTuple):
    """A function, its source without joblib's first line, and the totals of its entries.

    `function` has ``/`` between its parts. `comparison` compares its source
    with the installed one.
    """

    function: str
    level: int | None
    source: str | None
    comparison: Comparison
    totals: Totals
    warnings: tuple[str, ...]


def find_named(store: Store, text: str) -> tuple[str, str | None]:
    """Find what a user names: an entry or a function.

    Parameters
    ----------
    store : Store
    text : str
        A function's id or its last parts; or ``FUNCTION/HASH``, of the hash the first digits.

    Returns
    -------
    function : str
        Function id, ``/`` between its parts.
    argument_hash : str or None
        None for a function.

    Raises
    ------
    UsageError
        If nothing has that name, or more than one thing.
    """
    known = sorted(store.functions())
    functions = functions_named(text, known)
    if len(functions) > 1:
        listed = ", ".join(printable(dotted(function)) for function in functions[:_MOST_LISTED])
        raise UsageError(f"{printable(text)!r} names {len(functions)} functions: {listed}")
    if functions:
        return functions[0], None
    try:
        one = parse_entry_id(text)
    except UsageError:
        raise UsageError(f"no function in this cache is {or_nearest(text, known)}") from None
    return entry_named(one, known, store)


def describe_entry(
    store: Store, function: str, argument_hash: str, installed: InstalledSources
) -> EntryDetails:
    """Return the details of an entry. Its pickle is never loaded, as that runs code.

    Parameters
    ----------
    store : Store
    function : str
        Function id, ``/`` between its parts.
    argument_hash : str
    installed : InstalledSources
        Of the Python that uses the store.

    Raises
    ------
    AcacheError
        If the entry has been removed.
    """
    options = ScanOptions(
        function=function, select=lambda name, h: (name, h) == (function, argument_hash)
    )
    found = [one for one in store.scan(options) if isinstance(one, Entry)]
    if not found:
        raise AcacheError(f"{printable(dotted(function))}/{argument_hash} has been removed")
    levels = Levels(store, installed)
    warnings = []
    entry, arguments = max(found, key=lambda one: one.created), None
    if len(found) > 1:
        addresses = [store.entry_address(function, argument_hash, one.place) for one in found]
        warnings.append(f"stored {len(found)} times, shown is the latest: {', '.join(addresses)}")
    try:
        metadata = store.metadata(function, argument_hash, entry.place)
    except (OSError, ValueError) as error:
        metadata = None
        reason = (isinstance(error, OSError) and error.strerror) or error
        warnings.append(f"cannot read its {METADATA}: {reason}")
    if metadata is not None:
        entry, arguments = entry._replace(compute_seconds=metadata.duration), metadata.input_args
        address = store.entry_address(function, argument_hash)
        warnings += _large_arguments(arguments, f"{address}/{METADATA}")
    value = None
    try:
        value = _value(store, entry)
    except (DamagedError, MissingPackageError, OSError) as error:
        warnings.append(f"cannot read its {OUTPUT}: {error}")
    listed = Listed(entry, levels(function), arguments)
    state = Drift(store, installed)(function)
    return EntryDetails(listed, value, state, (*warnings, *levels.warnings))


def _large_arguments(arguments: dict[str, str], address: str) -> Iterator[str]:
    """Warn of arguments that joblib writes a long text of, at each miss."""
    for name, text in arguments.items():
        shortened = _SHORTENED.search(text)
        length = int(shortened[1].replace(",", "")) if shortened else len(text)
        if length >= _LONG_ARGUMENT:
            yield (
                f"{printable(address)} holds {size_text(length)} of text of the argument"
                f" {printable(name)}, which joblib writes at each miss; pass an array instead, or"
                " leave it out with ignore="
            )


def _value(store: Store, entry: Entry) -> Value:
    with store.open_output(entry.function, entry.hash, entry.place) as file:
        described = describe_file(file)
    lines = tuple(outline(described.value))
    return Value(_type(described.value), described.compression, described.arrays, lines)


def _type(node: Node) -> str:
    if isinstance(node, (Container, Excerpt)):
        return node.kind
    if isinstance(node, Object):
        if node.array is not None:
            return node.array.subclass
        made_by = node.class_of()
        return f"{made_by.module}.{made_by.name}" if isinstance(made_by, Global) else "unknown"
    if isinstance(node, (Global, Unknown)):
        return "type or function" if isinstance(node, Global) else "unknown"
    return type(node).__name__


def describe_function(store: Store, function: str, installed: InstalledSources) -> FunctionDetails:
    """Return the details of a function.

    Parameters
    ----------
    store : Store
    function : str
        Function id, ``/`` between its parts.
    installed : InstalledSources
        Of the Python that uses the store.
    """
    levels = Levels(store, installed)
    try:
        source = store.source(function)
    except OSError:
        source = None  # Levels warns of it
    tally = Tally()
    options = ScanOptions(
        durations=store.traits.durations,
        function=function,
        select=lambda name, _: name == function,
    )
    for found in store.scan(options):
        if isinstance(found, Entry):
            tally.add_entry(found)
    level, comparison = levels(function), Drift(store, installed).compare(function)
    warnings = tuple(levels.warnings)
    return FunctionDetails(function, level, source, comparison, tally.totals(), warnings)
