"""Caches that scripts make themselves, with `joblib.Memory` and a location of their own."""

from __future__ import annotations

from acache.config.buckets import is_bucket
from acache.config.settings import Config
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.store import Store


def is_of_a_script(config: Config) -> bool:
    """Return whether ``--cache-dir`` names a store of plain `joblib.Memory`.

    There the library's cache, which has levels, is not switched on: the option may only be there to
    name the script's own store. A location in the environment, and an empty one, mean both.
    """
    location = config.location
    if config.cache_dir.origin != "flag" or location is None or is_bucket(location):
        return False
    store = Store(location)
    functions = [*store.functions(most=1)] if store.exists else []
    levels = Levels(store, InstalledSources(config.python.value))
    package = f"{config.prefix.lower()}/"
    return bool(functions) and not any(
        name.startswith(package) or levels(name) is not None for name in functions
    )
