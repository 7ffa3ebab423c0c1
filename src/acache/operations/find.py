"""Every joblib store below some folders, and what it holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from acache.store.discovery import find_locations
from acache.store.model import Entry, Found, Unreadable
from acache.store.store import Progress, ScanOptions, Store
from acache.store.totals import Tally, Totals, merged
from acache.system.errors import UsageError


class FoundStore(NamedTuple):
    """A store that was found.

    Attributes
    ----------
    location : str
        What ``--cache-dir`` takes.
    store : str
        Path of the store.
    functions : int >= 0
    totals : Totals
        Of its entries, without compute times.
    """

    location: str
    store: str
    functions: int
    totals: Totals


class FindReport(NamedTuple):
    """The stores below some folders.

    Attributes
    ----------
    stores : tuple of FoundStore
        The largest first.
    total : Totals
    warnings : tuple of str
        What could not be read.
    """

    stores: tuple[FoundStore, ...]
    total: Totals
    warnings: tuple[str, ...]


def locations(folders: Sequence[str], *, cross: bool = False, warnings: list[str]) -> Iterator[str]:
    """Walk folders for the locations of stores, as they are found.

    Parameters
    ----------
    folders : sequence of str
    cross : bool
        Whether to look into other file systems that are mounted below them.
    warnings : list of str
        Gets one warning, at the end, for all folders that cannot be read.

    Raises
    ------
    UsageError
        If one of the folders is not a folder.
    """
    for folder in folders:
        if not os.path.isdir(os.path.expanduser(folder)):
            raise UsageError(f"{folder!r} is not a folder; name the folders to search")
    unreadable: list[Unreadable] = []
    paths = [os.path.abspath(os.path.expanduser(folder)) for folder in folders]
    yield from find_locations(paths, cross=cross, unreadable=unreadable)
    if unreadable:
        more = f", and {len(unreadable) - 1:,} more" if len(unreadable) > 1 else ""
        warnings.append(f"cannot be read: {unreadable[0].path} ({unreadable[0].reason}){more}")


def find(
    folders: Sequence[str],
    *,
    cross: bool = False,
    fork: bool = False,
    progress: Progress | None = None,
) -> FindReport:
    """Find the stores below some folders, and sum up what each holds.

    Parameters
    ----------
    folders, cross
        See `locations`.
    fork, progress
        See `acache.store.store.ScanOptions`.

    Returns
    -------
    report : FindReport
    """
    warnings: list[str] = []
    stores = []
    tallies = []
    for location in locations(folders, cross=cross, warnings=warnings):
        store = Store(location)
        fold = store.fold(_Fold, ScanOptions(fork=fork, progress=progress))
        tallies.append(fold.tally)
        count = sum(1 for _ in store.functions(most=1))
        stores.append(FoundStore(location, store.path, count, fold.tally.totals(cost=False)))
    stores.sort(key=lambda one: (-_room(one.totals), one.location))
    return FindReport(tuple(stores), merged(tallies).totals(cost=False), tuple(warnings))


def _room(totals: Totals) -> int:
    return totals.size_bytes if totals.disk_bytes is None else totals.disk_bytes


class _Fold:
    """The entries of a store, added up."""

    def __init__(self) -> None:
        self.tally = Tally()

    def add(self, found: Found) -> None:
        if isinstance(found, Entry):
            self.tally.add_entry(found)

    def merge(self, other: _Fold) -> None:
        self.tally.merge(other.tally)
