"""Every check, in order: what it checks, and the function that does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from acache.config.buckets import is_bucket
from acache.config.settings import Config
from acache.operations.doctor import disk, permissions, settings, store
from acache.operations.doctor.check import Answer, Check, Subject, ok
from acache.sources.installed import InstalledSources
from acache.store.store import Progress


class Registered(NamedTuple):
    """A check that is made.

    Attributes
    ----------
    id : str
    summary : str
        What it checks: "checks that ...".
    function : callable
    of_folder : bool
        Whether it looks at the file system, which object storage has none of.
    """

    id: str
    summary: str
    function: Callable[[Subject], Answer]
    of_folder: bool = False


# Made whether or not there is a store.
_OF_SETTINGS = (
    Registered("cache-dir", "the location is set, absolute and usable", settings.check_location),
    Registered("level", "the level is a number at which something is cached", settings.check_level),
    Registered("mmap", "the mode of memory mapping is valid and harmless", settings.check_mmap),
    Registered("compress", "results can be compressed as asked", settings.check_compress),
    Registered("verbose", "the verbosity is a number", settings.check_verbose),
    Registered(
        "limits", "the cache is within the limits that the environment sets", store.check_limits
    ),
    Registered("versions", "the chosen Python has librosa and joblib", settings.check_versions),
)
_OF_STORE = (
    Registered(
        "permissions",
        "you may write to the cache, and nobody else may: loading a pickle runs code",
        permissions.check_permissions,
        of_folder=True,
    ),
    Registered(
        "access-times",
        "the file system records when an entry was last used",
        disk.check_access_times,
        of_folder=True,
    ),
    Registered(
        "free-space", "the disk has room for more entries", disk.check_free_space, of_folder=True
    ),
    Registered("inodes", "the file system can take more files", disk.check_inodes, of_folder=True),
    Registered("writes", "joblib has not failed to store a result", store.check_writes),
    Registered("leftovers", "no interrupted write left a file or a folder", store.check_leftovers),
    Registered(
        "layout", "each result is where a known version of joblib puts it", store.check_layout
    ),
    Registered("stale", "the source of each function is as installed", store.check_stale),
    Registered(
        "sources",
        "each function has its stored source, by which joblib recognizes changes",
        store.check_sources,
    ),
    Registered(
        "reuse",
        "joblib recognizes each function in another process, and what it depends on",
        store.check_reuse,
    ),
)
CHECKS = (*_OF_SETTINGS, *_OF_STORE)


def examine(config: Config, *, progress: Progress | None = None) -> list[Check]:
    """Make every check, always in the same order.

    Parameters
    ----------
    config : Config
    progress : callable, optional
        Called now and then with the number of things that the scan has found.

    Returns
    -------
    checks : list of Check
        Those of the store say so where there is none.
    """
    installed = InstalledSources(config.python.value)
    subject = Subject(config, settings.open_location(config), installed, progress)

    def answer(check: Registered) -> Answer:
        if check in _OF_STORE and isinstance(subject.opened, Answer):
            return ok("there is no cache")
        if check.of_folder and is_bucket(config.location):
            return ok("does not apply to object storage")
        return check.function(subject)

    return [Check(check.id, *answer(check)) for check in CHECKS]
