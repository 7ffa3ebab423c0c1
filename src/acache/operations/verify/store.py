"""Checking every entry of a store without loading any: complete, readable, harmless to load."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from acache.operations.clear import Candidates, Plan, make_plan
from acache.operations.selection import Selector
from acache.operations.verify.entry import KINDS, EntryCheck, Finding, Kind
from acache.operations.verify.fixes import CommandLine, Fixes, remove
from acache.pickles import MissingPackageError
from acache.pickles.safety import Judge
from acache.sources.integrity import source_trouble
from acache.store.format import OUTPUT, SOURCE, dotted, is_hash
from acache.store.ids import entry_id
from acache.store.local import Store
from acache.store.model import Entry, Found, Leftover, Other
from acache.store.parallel import Progress, fold_scan
from acache.store.remove import GRACE_SECONDS, is_expired
from acache.store.table import EntryTable

_OWN = (".gitignore", ".acache/")  # in the location, which may be the store itself
_THEN = {
    "trusts": "joblib recomputes only the next call, and may return results of old code for others",
    "drops": "joblib drops them at the function's next call",
    "raises": "joblib raises at each call",
}
_PIECE = 8  # entries handed out at a time: one that is compressed can take a second


class VerifyReport(NamedTuple):
    """What a check of a store found.

    Attributes
    ----------
    store : Store
    entries : int
        How many were checked.
    size_bytes : int
        Of these.
    findings : tuple of Finding
        Problems first.
    broken, unsafe : EntryTable
        Entries that are truncated or damaged; and those that are not known to be harmless to load.
        Neither has what cannot be opened, or is too large to be followed.
    remnants : tuple of Leftover
        Entry folders without result.
    sourceless : tuple of str
        Ids of functions that have entries and no whole source.
    warnings : tuple of str
        What could not be checked.

    Examples
    --------
    >>> from acache import Store, verify
    >>> verify(Store("/nowhere")).problems
    0
    """

    store: Store
    entries: int
    size_bytes: int
    findings: tuple[Finding, ...]
    broken: EntryTable
    unsafe: EntryTable
    remnants: tuple[Leftover, ...]
    sourceless: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def problems(self) -> int:
        """How many of the findings are problems."""
        return sum(finding.severity == "problem" for finding in self.findings)


def verify(
    store: Store,
    selector: Selector | None = None,
    *,
    allowed: Iterable[str] = (),
    strict: bool = False,
    fork: bool = False,
    progress: Progress | None = None,
    noticed: Callable[[], None] | None = None,
    command_line: CommandLine | None = None,
) -> VerifyReport:
    """Check the entries of a store. Their pickles are followed, never loaded: that runs code.

    Parameters
    ----------
    store : Store
    selector : Selector, optional
        Which entries; see `acache.operations.selection.Selection.resolve`.
    allowed : iterable of str
        ``MODULE.NAME`` of classes and functions that are trusted.
    strict : bool
        Whether names that are not listed as harmless are problems.
    fork, progress
        See `acache.store.parallel.fold_scan`.
    noticed : callable, optional
        Called before an entry is read whose last access may change by that.
    command_line : callable, optional
        Writes the command line of a fix; see `acache.operations.verify.fixes.Fixes`.

    Returns
    -------
    report : VerifyReport
    """
    expired = partial(is_expired, grace=GRACE_SECONDS, now=time.time())
    allowed = tuple(allowed)
    narrow = selector is not None
    fixes = Fixes(store, allowed=allowed, narrow=narrow, command_line=command_line)
    check = EntryCheck(store, Judge(allowed), fixes, strict=strict, noticed=noticed)
    fold = fold_scan(
        store,
        partial(_Checked, check, selector, expired),
        select=None if selector is None or selector.covers_everything else selector.covers,
        whole=True,
        fork=fork,
        progress=progress,
        piece=_PIECE,
    )
    missing = [one for one in fold.missing if one.path not in fold.busy and _lacks(store, one)]
    sources = _sources(store, fixes, fold)
    findings = [
        *fold.findings,
        *(_missing_output(one, fixes) for one in missing),
        *sources.values(),
    ]
    findings.sort(key=lambda one: (one.severity == "note", KINDS.index(one.kind), one.id))
    return VerifyReport(
        store,
        fold.entries,
        fold.size_bytes,
        tuple(findings),
        fold.broken,
        fold.unsafe,
        tuple(missing),
        tuple(sorted(sources)),
        tuple(f"{reason}: {count:,} not checked" for reason, count in sorted(fold.skipped.items())),
    )


def plan_removal(report: VerifyReport, *, broken: bool, unsafe: bool) -> Plan:
    """Plan to remove what a check found.

    Parameters
    ----------
    report : VerifyReport
    broken : bool
        Whether to remove damaged entries, and folders without result.
    unsafe : bool
        Whether to remove entries that are not known to be harmless to load.

    Returns
    -------
    plan : Plan
        Entries that were written again since then stay.
    """
    found = Candidates(None, lambda name, modified: False)
    if broken:
        found.entries.extend(report.broken)
        found.remnants += report.remnants
    if unsafe:
        found.entries.extend(report.unsafe)
    order = range(len(found.entries))
    return make_plan(report.store, found, order, leftovers=False, grace=GRACE_SECONDS)


class _Checked:
    """What was checked, and found; a fold."""

    def __init__(
        self, check: EntryCheck, selector: Selector | None, expired: Callable[[str, float], bool]
    ) -> None:
        self._check = check
        self._selector = selector
        self._expired = expired
        self._foreign = "\0"  # the folder below which everything is foreign
        self.entries = 0
        self.size_bytes = 0
        self.findings: list[Finding] = []
        self.broken = EntryTable()
        self.unsafe = EntryTable()
        self.missing: list[Leftover] = []
        self.busy: set[str] = set()
        self.sources: set[str] = set()
        self.functions: dict[str, int] = {}
        self.skipped: dict[str, int] = {}

    def __getstate__(self) -> dict[str, object]:
        # Only what it has found is sent from one process to the other.
        return {**self.__dict__, "_check": None, "_selector": None, "_expired": None}

    def add(self, found: Found) -> None:
        """Check one more thing that the scan found."""
        if isinstance(found, Entry):
            if self._selector is None or self._selector.matches(found):
                self._add_entry(found)
        elif isinstance(found, Other):
            self._add_other(found)
        elif isinstance(found, Leftover):
            above, _, name = found.path.rpartition("/")
            if found.kind == "file":
                if not self._expired(name, found.modified):
                    self.busy.add(above)
            elif self._selector is None or self._selector.covers(above, name):
                self.missing.append(found)
        elif found.kind == "folder":
            self._find(_named(found.path), "unreadable", f"cannot be read: {found.reason}")

    def _add_entry(self, entry: Entry) -> None:
        try:
            verdict = self._check.output(entry)
        except FileNotFoundError:
            return
        except MissingPackageError as missing:
            self.skipped[str(missing)] = self.skipped.get(str(missing), 0) + 1
            return
        self.entries += 1
        self.size_bytes += entry.size_bytes
        self.functions[entry.function] = self.functions.get(entry.function, 0) + 1
        duration, trouble = self._check.metadata(entry)
        name = entry_id(entry.function, entry.hash)
        if trouble is not None:
            self._find(name, "bad-metadata", trouble)
        if verdict is None:
            return
        self._find(name, verdict.kind, verdict.message, self._check.fix(entry, verdict))
        entry = entry._replace(compute_seconds=duration)
        if verdict.damaged:
            self.broken.add(entry)
        elif verdict.kind == "unsafe-pickle":
            self.unsafe.add(entry)

    def _add_other(self, found: Other) -> None:
        path = found.path
        if found.kind == "source":
            self.sources.add(path.rpartition("/")[0])
        elif found.kind == "foreign" and not path.startswith((self._foreign, *_OWN)):
            self._foreign = f"{path}/"
            if self._covers(path):
                trouble = _followed_by_joblib(self._check.store, path)
                if trouble is not None:
                    self.findings.append(trouble)
                else:
                    message = "not written by joblib: acache never deletes it, nor its folder"
                    self._find(path, "foreign", message)

    def _covers(self, path: str) -> bool:
        """Return whether a path is in the folder of a selected function."""
        if self._selector is None or self._selector.covers_everything:
            return True
        while path:
            path = path.rpartition("/")[0]
            if self._selector.covers_function(path):
                return True
        return False

    def _find(self, name: str, kind: Kind, message: str, fix: str | None = None) -> None:
        self.findings.append(Finding(name, kind, self._check.severity(kind), message, fix))

    def merge(self, other: _Checked) -> None:
        """Take all that another one has found."""
        self.entries += other.entries
        self.size_bytes += other.size_bytes
        self.findings += other.findings
        self.broken.extend(other.broken)
        self.unsafe.extend(other.unsafe)
        self.missing += other.missing
        self.busy |= other.busy
        self.sources |= other.sources
        for name, count in other.functions.items():
            self.functions[name] = self.functions.get(name, 0) + count
        for reason, count in other.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count


def _followed_by_joblib(store: Store, path: str) -> Finding | None:
    """Return a finding if joblib would read results from something that it did not write.

    What a link leads to is neither checked nor ever removed.
    """
    folder, _, name = path.rpartition("/")
    whole = os.path.join(store.path, path)
    if is_hash(name) and not os.path.islink(whole):  # nothing but a result that is no file
        folder, name, path = path, OUTPUT, f"{path}/{OUTPUT}"
        whole = os.path.join(whole, OUTPUT)
    is_output = name == OUTPUT and is_hash(folder.rpartition("/")[2])
    if os.path.islink(whole):
        if is_output or os.path.isdir(whole):
            message = "a link that joblib follows; its target was not checked"
            return Finding(path, "unreadable", "problem", message, remove(whole, link=True))
    elif is_output and os.path.lexists(whole):
        message = "not a file, though joblib reads it as one"
        return Finding(path, "unreadable", "problem", message, remove(whole))
    return None


def _named(path: str) -> str:
    """Name an entry folder as an entry, anything else by its path below the store."""
    function, _, name = path.rpartition("/")
    return entry_id(function, name) if is_hash(name) else path or "."


def _lacks(store: Store, found: Leftover) -> bool:
    """Return whether a folder still has no result: a write takes a moment to begin."""
    function, _, name = found.path.rpartition("/")
    return store.lacks_output(function, name)


def _missing_output(found: Leftover, fixes: Fixes) -> Finding:
    message = f"an entry's folder without {OUTPUT}"
    function, _, name = found.path.rpartition("/")
    fix = fixes.delete(function, name)
    return Finding(_named(found.path), "missing-output", "problem", message, fix)


def _sources(store: Store, fixes: Fixes, fold: _Checked) -> dict[str, Finding]:
    """Find functions with entries whose source, which joblib compares, is not whole."""
    found = {}
    for function, count in fold.functions.items():
        trouble = source_trouble(store, function)
        if trouble is not None:
            entries = f"{count:,} {'entry' if count == 1 else 'entries'}"
            message = f"{entries} and {trouble.what} {SOURCE}: {_THEN[trouble.joblib]}"
            fix = fixes.clear(function, trouble)
            found[function] = Finding(dotted(function), "missing-source", "problem", message, fix)
    return found
