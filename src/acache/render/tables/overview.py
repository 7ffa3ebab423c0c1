"""Where the cache is, and what to do next: ``acache`` alone."""

from __future__ import annotations

from acache.config.settings import Config
from acache.render.tables.layout import configured_level, console, pairs, write
from acache.store.store import Store
from acache.system.text import printable


def print_overview(config: Config, store: Store | None, functions: int | None) -> None:
    """Print the location, its level and number of functions, and the commands to start with."""
    if store is None:
        facts = [("location", "none: caching is off")]
        variable = config.cache_dir.variable
        steps = [(f"export {variable}=~/.cache/librosa", "switch caching on")]
    else:
        facts = [
            ("location", printable(store.location)),
            ("level", configured_level(config)),
            ("functions", f"{functions:,}" if store.exists else "no cache here yet"),
        ]
        steps = [
            ("acache stats", "show what it holds, per level and function"),
            ("acache prune --max-size 10GB", "keep it within limits"),
        ]
    steps += [
        ("acache doctor", "find problems and how to fix them"),
        ("acache config", "show every setting and its effect"),
        ("acache --help", "show every command"),
    ]
    write(console(), pairs(facts), "", pairs(steps, style="bold"))
