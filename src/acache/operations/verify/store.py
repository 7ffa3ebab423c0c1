"""Checking every entry of a store without loading any: complete, readable, harmless to load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from acache.operations.clear import Candidates, Plan, make_plan
from acache.operations.notebook import html_of
from acache.operations.selection import Selector
from acache.operations.verify.entry import KINDS, EntryCheck, Finding
from acache.operations.verify.fixes import CommandLine, Fixes, remove
from acache.operations.verify.result import Kind
from acache.pickles import MissingPackageError
from acache.pickles.safety import Judge
from acache.sources.integrity import source_trouble
from acache.store.format import OUTPUT, SOURCE, dotted, is_hash
from acache.store.ids import entry_id
from acache.store.leftovers import GRACE_SECONDS
from acache.store.levels import OWN_FOLDER
from acache.store.model import Entry, Found, Leftover, Other
from acache.store.store import Progress, ScanOptions, Store
from acache.store.table import EntryTable
from acache.system.text import counted

if TYPE_CHECKING:
    from acache.system.pool import Pool

_OWN = (".gitignore", f"{OWN_FOLDER}/")  # in the location, which may be the store itself
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
        Entry folders without result, those of failed writes included.
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

    def _repr_html_(self) -> str | None:
        return html_of(self)

    @property
    def problems(self) -> int:
        """How many of the findings are problems."""
        return sum(finding.severity == "problem" for finding in self.findings)

    def problems_after(self, plan: Plan) -> int:
        """Return how many problems remain once a plan is carried out.

        Parameters
        ----------
        plan : Plan
            See `plan_removal`.
        """
        folders = {one.path: one.failed for one in plan.leftovers if one.kind == "folder"}
        failed = [one for one in self.remnants if one.failed]
        fixed = {one.function for one in failed}
        fixed -= {one.function for one in failed if one.path not in folders}
        removed = len(plan.entries) + sum(not failed for failed in folders.values())
        return self.problems - removed - len(fixed)


def verify(
    store: Store,
    selector: Selector | None = None,
    *,
    allowed: Iterable[str] = (),
    strict: bool = False,
    fork: bool = False,
    progress: Progress | None = None,
    before_access: Callable[[], None] | None = None,
    command_line: CommandLine | None = None,
    pool: Pool | None = None,
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
        See `acache.store.store.ScanOptions`.
    before_access : callable, optional
        Called before reading another user's entry, which may change its last access; after it where
        a pool reads it.
    command_line : callable, optional
        Writes the command line of a fix; see `acache.operations.verify.fixes.Fixes`.
    pool : Pool, optional
        Checks the entries; see `acache.system.pool`.

    Returns
    -------
    report : VerifyReport
    """
    allowed = tuple(allowed)
    narrow = selector is not None
    fixes = Fixes(store, allowed=allowed, narrow=narrow, command_line=command_line)
    new_fold = partial(_Checked, store, selector, fixes, allowed, strict=strict)
    options = ScanOptions(
        select=None if selector is None or selector.covers_everything else selector.covers,
        whole=True,
        fork=fork,
        progress=progress,
        piece=_PIECE,
    )
    if pool is None:
        fold = store.fold(partial(new_fold, before_access=before_access), options)
    else:
        from acache.store.shares import fold_shares

        fold = fold_shares(store, pool, new_fold, options)
        if fold.accessed and before_access is not None:
            before_access()
    # A write takes a moment to begin: some have a result meanwhile.
    missing = [one for one in fold.missing if store.lacks_output(one.path)]
    sources = _sources(store, fixes, fold)
    findings = [
        *fold.findings,
        *(_missing_output(one, fixes) for one in missing if not one.failed),
        *_failed_writes(missing),
        *sources.values(),
    ]
    findings.sort(key=lambda one: (one.severity == "note", KINDS.index(one.kind), one[:4]))
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
    found = Candidates(None)
    if broken:
        found.entries.extend(report.broken)
        found.remnants += [one for one in report.remnants if not one.in_flight]
    if unsafe:
        found.entries.extend(report.unsafe)
    order = range(len(found.entries))
    return make_plan(report.store, found, order, leftovers=False, grace=GRACE_SECONDS)


class _Checked:
    """What was checked, and found; a fold."""

    def __init__(
        self,
        store: Store,
        selector: Selector | None,
        fixes: Fixes,
        allowed: tuple[str, ...],
        *,
        strict: bool,
        before_access: Callable[[], None] | None = None,
    ) -> None:
        self.accessed = False  # another user's entry, unless that is reported at once
        self._check = EntryCheck(
            store,
            Judge(allowed),
            fixes,
            strict=strict,
            before_access=before_access or self._note_access,
        )
        self._selector = selector
        self._foreign = "\0"  # the folder below which everything is foreign
        self.entries = 0
        self.size_bytes = 0
        self.findings: list[Finding] = []
        self.broken = EntryTable()
        self.unsafe = EntryTable()
        self.missing: list[Leftover] = []
        self.sources: set[str] = set()
        self.functions: dict[str, int] = {}
        self.skipped: dict[str, int] = {}

    def __getstate__(self) -> dict[str, object]:
        # Only what it has found is sent from one process to the other.
        return {**self.__dict__, "_check": None, "_selector": None}

    def _note_access(self) -> None:
        self.accessed = True

    def add(self, found: Found) -> None:
        """Check one more thing that the scan found."""
        if isinstance(found, Entry):
            if self._selector is None or self._selector.matches(found):
                self._add_entry(found)
        elif isinstance(found, Other):
            self._add_other(found)
        elif isinstance(found, Leftover):
            is_entry = found.kind == "folder" and is_hash(found.hash)
            is_over = found.failed or not found.in_flight
            if is_entry and is_over and self._covers_entry(found):
                self.missing.append(found)
        elif found.kind == "folder":
            name = entry_id(found.function, found.hash) if found.hash else found.path or "."
            self._find(name, "unreadable", f"cannot be read: {found.reason}")

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
        path, store = found.path, self._check.store
        if found.kind == "source":
            self.sources.add(found.function)
        elif found.kind == "misplaced":
            message = "looks like a result, but joblib does not put one there: acache ignores it"
            self._find(path, "foreign", message)
        elif found.kind == "foreign" and not path.startswith((self._foreign, *_OWN)):
            self._foreign = f"{path}/"
            if not self._covers(found):
                return
            result = store.foreign_result(path)
            if result is None:
                message = "not written by joblib: acache never deletes it, nor its folder"
                self._find(path, "foreign", message)
                return
            message = "not a file, though joblib reads it as one"
            if result.is_link:
                message = "a link that joblib follows; its target was not checked"
            fix = remove(store.address(result.path), link=result.is_link)
            self._find(result.path, "unreadable", message, fix)

    def _covers_entry(self, found: Leftover) -> bool:
        return self._selector is None or self._selector.covers(found.function, found.hash)

    def _covers(self, found: Other) -> bool:
        """Return whether something is in the folder of a selected function."""
        if self._selector is None or self._selector.covers_everything:
            return True
        parts = found.function.split("/")
        folders = ("/".join(parts[:count]) for count in range(len(parts), 0, -1))
        return any(map(self._selector.covers_function, folders))

    def _find(self, name: str, kind: Kind, message: str, fix: str | None = None) -> None:
        self.findings.append(Finding(name, kind, self._check.severity(kind), message, fix))

    def merge(self, other: _Checked) -> None:
        """Take all that another one has found."""
        self.accessed = self.accessed or other.accessed
        self.entries += other.entries
        self.size_bytes += other.size_bytes
        self.findings += other.findings
        self.broken.extend(other.broken)
        self.unsafe.extend(other.unsafe)
        self.missing += other.missing
        self.sources |= other.sources
        for name, count in other.functions.items():
            self.functions[name] = self.functions.get(name, 0) + count
        for reason, count in other.skipped.items():
            self.skipped[reason] = self.skipped.get(reason, 0) + count


def _missing_output(found: Leftover, fixes: Fixes) -> Finding:
    message = f"an entry's folder without {OUTPUT}"
    name = entry_id(found.function, found.hash)
    fix = fixes.delete(found.function, found.hash)
    return Finding(name, "missing-output", "problem", message, fix)


def _failed_writes(missing: Iterable[Leftover]) -> Iterator[Finding]:
    """Name the functions whose results joblib failed to store; deleting what is left fixes none."""
    counts = Counter(one.function for one in missing if one.failed)
    for function, count in counts.items():
        message = (
            f"joblib failed to store {counted(count, 'result')}, and computes"
            f" {'it' if count == 1 else 'them'} at each call; run the script with acache run, and"
            " joblib's warning says why"
        )
        yield Finding(dotted(function), "missing-output", "problem", message)


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
