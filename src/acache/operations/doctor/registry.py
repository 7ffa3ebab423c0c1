"""What is wrong with a cache, its settings and its surroundings, and what mends it."""

from __future__ import annotations

from acache.config.settings import Config
from acache.operations.doctor import disk as surroundings
from acache.operations.doctor import permissions as access
from acache.operations.doctor import settings
from acache.operations.doctor import store as contents
from acache.operations.doctor.check import Check
from acache.operations.stats import stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.store import Progress

_SETTINGS = ("level", "mmap", "compress", "verbose")
_OF_A_STORE = (
    "permissions",
    "access-times",
    "free-space",
    "inodes",
    "leftovers",
    "stale",
    "sources",
)


def examine(config: Config, *, progress: Progress | None = None) -> list[Check]:
    """Make every check, always in the same order.

    Parameters
    ----------
    config : Config
    progress : callable, optional
        Is called now and then with the number of things that the scan has found.

    Returns
    -------
    checks : list of Check
        Those of the store say so where there is none.
    """
    installed = InstalledSources(config.python)
    location, store = settings.check_location(config)
    checks = [location, *(settings.check_setting(config, name, installed) for name in _SETTINGS)]
    checks.append(contents.check_limits(config, store, progress))
    checks.append(settings.check_versions(config, installed))
    if store is None:
        return [*checks, *(Check(name, "ok", "there is no cache") for name in _OF_A_STORE)]
    levels, drift = Levels(store, installed), Drift(store, installed)
    exposed = access.Exposed(store)
    report = stats(
        store,
        levels,
        cost=False,
        source_state=drift,
        fork=True,
        progress=progress,
        watcher=exposed,
    )
    return [
        *checks,
        access.check_permissions(config, store, exposed, report.warnings),
        surroundings.check_access_times(config, store),
        surroundings.check_free_space(config, store, report.total),
        surroundings.check_inodes(config, store, report.total),
        contents.check_leftovers(config, report),
        contents.check_stale(config, report),
        contents.check_sources(config, store, report),
    ]
