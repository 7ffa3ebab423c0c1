"""``acache`` alone: where the cache is, and what to do next."""

from __future__ import annotations

import click

from acache.cli.options import choices, warning
from acache.store.store import Store


def overview(ctx: click.Context) -> None:
    """Show location, level and number of functions, without reading entries."""
    from acache.render.tables.overview import print_overview

    config = choices(ctx).config()
    store = None if config.location is None else Store(config.location)
    functions = None if store is None else sum(1 for _ in store.functions())
    print_overview(config, store, functions)
    for text in config.warnings():
        warning(text)
