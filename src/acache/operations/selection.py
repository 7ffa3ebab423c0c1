"""Selecting entries: the same for every command that takes a selection."""

from __future__ import annotations

import math
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from acache.store.ids import EntryId, functions_named, matches_function, matches_text, or_nearest
from acache.store.model import Entry, Unreadable
from acache.store.store import Store
from acache.system.errors import AcacheError, UsageError
from acache.system.text import printable

_LEVEL = re.compile(r"(>=|<=|>|<)?\s*(-?\d{1,9})", re.ASCII)
_RANGE = re.compile(r"(\d{1,9})\s*-\s*(\d{1,9})", re.ASCII)
_MOST_RECORDS = 3  # entries of a function whose arguments are looked up
_DAY_SECONDS = 86_400.0
_LOWEST, _HIGHEST = -(10**9), 10**9
_USUAL_LEVELS = frozenset((10, 20, 30, 40))  # librosa's: nothing is wrong if a store lacks one


LevelOf = Callable[[str], "int | None"]
IsStale = Callable[[str], bool]


def unknown_level(function: str) -> None:
    """Return None: the level of no function is known."""


class LevelRange(NamedTuple):
    """Levels from `low` to `high`, both included; or, where both are None, the unknown level."""

    text: str
    low: int | None
    high: int | None

    def __contains__(self, level: object) -> bool:
        if not isinstance(level, int):
            return level is None and self.low is None
        return self.low is not None and self.high is not None and self.low <= level <= self.high


def parse_levels(text: str) -> LevelRange:
    """Read a range of levels.

    Parameters
    ----------
    text : str
        ``30`` (exactly that), ``>=30``, ``>30``, ``<=20``, ``<20``, ``20-30`` (both included), or
        ``none``: functions whose level is unknown.

    Raises
    ------
    UsageError
        If it is anything else.

    Examples
    --------
    >>> [30 in parse_levels(text) for text in ("30", ">=20", "10-20", "none")]
    [True, True, False, False]
    """
    stripped = text.strip()
    if stripped.lower() == "none":
        return LevelRange("none", None, None)
    match = _RANGE.fullmatch(stripped)
    if match is not None:
        low, high = int(match[1]), int(match[2])
        if low > high:
            raise UsageError(f"not a range of levels: {text!r}; write {high}-{low}")
        return LevelRange(stripped, low, high)
    match = _LEVEL.fullmatch(stripped)
    if match is None:
        raise UsageError(
            f"not a level: {text!r}; write 30, '>=30', 20-30 or none, and repeat the option for"
            " several"
        )
    level = int(match[2])
    low, high = {
        None: (level, level),
        ">=": (level, _HIGHEST),
        ">": (level + 1, _HIGHEST),
        "<=": (_LOWEST, level),
        "<": (_LOWEST, level - 1),
    }[match[1]]
    return LevelRange(stripped, low, high)


class Selection(NamedTuple):
    """What a user asked for: all entries, or those that meet every condition given.

    Attributes
    ----------
    levels : tuple of LevelRange
        Any of these; see `parse_levels`.
    functions : tuple of str
        Any of these patterns; see `acache.store.ids.matches_function`.
    older_than : float >= 0 or None
        Written longer ago than this, seconds.
    unused_for : float >= 0 or None
        Last accessed longer ago than this, seconds; under relatime good to a day.
    larger_than, smaller_than : int >= 0 or None
        By `size_bytes`.
    arguments : tuple of (str, str)
        Any of these names of an argument and patterns of its ``repr``; see
        `acache.store.ids.matches_text`.
    ids : tuple of EntryId or None
        Any of these; None: all.
    stale : bool
        Of functions whose source has changed or is gone; see `acache.sources.staleness`.

    Examples
    --------
    >>> Selection(levels=(parse_levels("30"),), older_than=86_400.0).is_everything
    False
    """

    levels: tuple[LevelRange, ...] = ()
    functions: tuple[str, ...] = ()
    older_than: float | None = None
    unused_for: float | None = None
    larger_than: int | None = None
    smaller_than: int | None = None
    arguments: tuple[tuple[str, str], ...] = ()
    ids: tuple[EntryId, ...] | None = None
    stale: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether nothing narrows it."""
        return self == Selection()

    def resolve(
        self,
        store: Store,
        levels: LevelOf | None = None,
        *,
        is_stale: IsStale | None = None,
        now: float | None = None,
    ) -> Selector:
        """Look up the named functions and entries in a store; no entry is looked into.

        Parameters
        ----------
        store : Store
        levels : Levels or callable, optional
            Returns the level of a function id, None where it is unknown. A selection by level needs
            it.
        is_stale : callable, optional
            Returns whether the results of a function id are stale, as
            `acache.sources.staleness.Drift.is_stale` does. A selection of stale entries needs it.
        now : float, optional
            Unix seconds that ages count from.

        Raises
        ------
        UsageError
            If the store does not have a named function, level, argument or entry, if an id is not
            unique, or if no entry could ever be selected. A store that does not exist is not asked.
        AcacheError
            If the store cannot be read.
        """
        self._validate()
        now = time.time() if now is None else now
        if not (self.levels or self.functions or self.ids is not None or self.stale):
            _require_arguments(self.arguments, store.functions(), store)
            return Selector(self, store, now=now, functions=None, ids=None, missing=0)
        if not store.exists:
            return Selector(self, store, now=now, functions=frozenset(), ids=None, missing=0)
        unreadable: list[Unreadable] = []
        known = sorted(store.functions(unreadable))
        for one in unreadable:
            if not one.path:
                raise AcacheError(f"{store.address(one.path)}: {one.reason}")
            known.append(one.function)  # it may be a function; the scan will report it
        functions = _functions_named(self.functions, known) if self.functions else known
        ids, missing = None, 0
        if self.ids is not None:
            ids, missing = _ids_named(self.ids, known, store)
            functions = [function for function in functions if function in ids]
        if self.levels:
            if levels is None:
                raise UsageError("a selection by level needs levels: resolve(store, Levels(...))")
            _require_levels(self.levels, known, levels)
            functions = [f for f in functions if any(levels(f) in wanted for wanted in self.levels)]
        if self.stale:
            if is_stale is None:
                raise UsageError("a selection of stale entries needs resolve(..., is_stale=...)")
            functions = [function for function in functions if is_stale(function)]
        _require_arguments(self.arguments, functions, store)
        return Selector(
            self, store, now=now, functions=frozenset(functions), ids=ids, missing=missing
        )

    def _validate(self) -> None:
        for name in ("older_than", "unused_for", "larger_than", "smaller_than"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise UsageError(f"{name}={value!r} is not valid; give 0 or more")
        larger, smaller = self.larger_than, self.smaller_than
        if larger is not None and smaller is not None and larger + 1 >= smaller:
            raise UsageError(
                f"nothing is larger than {larger:,} and smaller than {smaller:,} bytes; the two"
                " sizes contradict each other"
            )


def access_note(age: float | None, what: str = "--unused-for") -> str | None:
    """Return what to note of an age if it is shorter than access times are accurate."""
    if age is None or age >= _DAY_SECONDS:
        return None
    return f"most systems record an access once a day: {what} may be wrong by a day"


class Selector:
    """A selection, looked up in a store; see `Selection.resolve`.

    Attributes
    ----------
    missing : int >= 0
        How many ids name no entry.
    """

    def __init__(
        self,
        selection: Selection,
        store: Store,
        *,
        now: float,
        functions: frozenset[str] | None,
        ids: dict[str, set[str]] | None,
        missing: int,
    ) -> None:
        self._selection = selection
        self._store = store
        self._functions = functions
        self._ids = ids
        self._written_before = _moment(now, selection.older_than)
        self._used_before = _moment(now, selection.unused_for)
        self.missing = missing

    def covers(self, function: str, argument_hash: str) -> bool:
        """Return whether an entry may be selected, judged by its function, level and id."""
        if self._functions is not None and function not in self._functions:
            return False
        return self._ids is None or argument_hash in self._ids[function]

    @property
    def covers_everything(self) -> bool:
        """Whether names narrow nothing."""
        return self._functions is None  # with ids there are functions, too

    def covers_function(self, function: str) -> bool:
        """Return whether entries of a function may be selected."""
        return self._functions is None or function in self._functions

    def matches(self, entry: Entry) -> bool:
        """Return whether an entry is selected; its metadata is read last, and only if needed."""
        wanted = self._selection
        return (
            self.covers(entry.function, entry.hash)
            and (self._written_before is None or entry.created < self._written_before)
            and (self._used_before is None or entry.used < self._used_before)
            and (wanted.larger_than is None or entry.size_bytes > wanted.larger_than)
            and (wanted.smaller_than is None or entry.size_bytes < wanted.smaller_than)
            and (not wanted.arguments or self._has_argument(entry))
        )

    def _has_argument(self, entry: Entry) -> bool:
        try:
            metadata = self._store.metadata(entry.function, entry.hash, entry.place)
        except (OSError, ValueError):
            return False  # what is not known to match is not selected
        given = {} if metadata is None else metadata.input_args
        return any(
            name in given and matches_text(given[name], pattern)
            for name, pattern in self._selection.arguments
        )


def _moment(now: float, age: float | None) -> float | None:
    return None if age is None else now - age


def _functions_named(patterns: Iterable[str], known: Sequence[str]) -> list[str]:
    named: set[str] = set()
    for pattern in patterns:
        matching = [function for function in known if matches_function(function, pattern)]
        if not matching:
            raise UsageError(f"no function in this cache matches {or_nearest(pattern, known)}")
        named.update(matching)
    return sorted(named)


def _require_levels(wanted: Iterable[LevelRange], known: Iterable[str], levels: LevelOf) -> None:
    """Refuse a single level that is neither in the store nor one of librosa's."""
    single = [r for r in wanted if r.low is not None and r.low == r.high]
    if all(r.low in _USUAL_LEVELS for r in single):
        return
    there = {levels(function) for function in known}
    for one in single:
        if one.low not in there | _USUAL_LEVELS:
            listed = ", ".join(map(str, sorted(level for level in there if level is not None)))
            hint = f"choose from {listed}" if listed else "no level is known"
            raise UsageError(f"no function in this cache has level {one.text}; {hint}")


def _require_arguments(
    wanted: Iterable[tuple[str, str]], functions: Iterable[str], store: Store
) -> None:
    """Refuse an argument that no function has, going by the records of a few entries of each."""
    missing = {name for name, _ in wanted}
    names: set[str] = set()
    for function in functions if missing else ():
        for argument_hash in store.hashes(function)[:_MOST_RECORDS]:
            try:
                metadata = store.metadata(function, argument_hash)
            except (OSError, ValueError):
                continue
            if metadata is not None:
                names |= metadata.input_args.keys()
                break
        missing -= names
        if not missing:
            return
    if names:  # of what is not recorded, nothing is known
        import difflib

        name = min(missing)
        near = ", ".join(map(printable, difflib.get_close_matches(name, sorted(names), cutoff=0.5)))
        hint = f"the nearest: {near}" if near else "acache ls --args lists them"
        raise UsageError(f"no selected function has an argument {printable(name)!r}; {hint}")


def entry_named(one: EntryId, known: Sequence[str], store: Store) -> tuple[str, str]:
    """Find the entry that an id names, among the functions that are known.

    Returns
    -------
    function, argument_hash : str

    Raises
    ------
    UsageError
        If no entry has that id, or more than one.
    """
    found, _ = _ids_named([one], known, store)
    [(function, hashes)] = found.items()
    return function, hashes.pop()


def _ids_named(
    ids: Iterable[EntryId], known: Sequence[str], store: Store
) -> tuple[dict[str, set[str]], int]:
    """Find the argument hashes that are meant, per function, and how many ids name none."""
    missing = 0
    found: dict[str, set[str]] = {}
    hashes: dict[str, list[str]] = {}
    functions: dict[str, list[str]] = {}
    for one in ids:
        if one.function not in functions:
            functions[one.function] = functions_named(one.function, known)
        matching = []
        for function in functions[one.function]:
            if function not in hashes:
                hashes[function] = sorted(store.hashes(function))
            matching += [(function, h) for h in _with_prefix(hashes[function], one.prefix)]
        if len(matching) > 1:
            raise UsageError(
                f"{printable(one.text)!r} is not unique: it names {len(matching)} entries; give"
                " more digits, or the function's path, / between its parts"
            )
        if matching:
            found.setdefault(matching[0][0], set()).add(matching[0][1])
        elif one.may_be_gone:
            missing += 1
        elif functions[one.function]:
            raise UsageError(f"no such entry {printable(one.text)!r}; acache ls lists them")
        else:
            raise UsageError(f"no function in this cache is {or_nearest(one.function, known)}")
    return found, missing


def _with_prefix(hashes: list[str], prefix: str) -> list[str]:
    first = bisect_left(hashes, prefix)
    last = first
    while last < len(hashes) and hashes[last].startswith(prefix):
        last += 1
    return hashes[first:last]
