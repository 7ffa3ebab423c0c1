"""How soon a large store is on the screen of ``acache browse``, and how much memory that takes."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from measure import Row
from stores import FUNCTIONS, make_store

from acache.cli.browse import parse_filter
from acache.operations.selection import Selection
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from acache.tui.browse import Browser
from acache.tui.reading import Source
from acache.tui.views import EntriesView


def browsing(folder: Path, entries: int) -> list[Row]:
    """Open a store in a process of its own: the functions, the entries of one, all totals."""
    location = folder / f"store-{entries}"
    make_store(location, entries)
    # From the start of Python on, as a user waits for that too.
    command = [sys.executable, __file__, str(location), str(time.time())]
    taken = json.loads(subprocess.check_output(command))
    seconds = {"the functions": 3.0, "the entries of one": 3.0, "all totals": None}
    rows = []
    for what, most in seconds.items():
        ratio = taken[what] / most if most else 0.0
        limit = f"{most:.0f} s" if most else "-"
        rows.append(Row(f"browse, {entries:,}: {what}", f"{taken[what]:.2f} s", limit, ratio, 1.0))
    lag = taken["a key meanwhile"]
    rows.append(Row("browse: a key meanwhile", f"{lag * 1000:.0f} ms", "100 ms", lag / 0.1, 1.0))
    peak = taken["peak"] / 1e6
    rows.append(Row("browse: peak memory", f"{peak:.0f} MB", "400 MB", peak / 400, 1.0))
    return rows


async def _opened(location: str, started: float) -> dict[str, float]:
    source = Source(Store(location), InstalledSources(sys.executable), (), parse_filter)
    app = Browser(source, Selection())
    taken: dict[str, float] = {}
    async with app.run_test(size=(120, 40)):

        async def until(what: str, condition: Any) -> None:
            while not condition():
                await asyncio.sleep(0.005)
            taken[what] = time.time() - started

        await until("the functions", lambda: len(app.contents.functions) == FUNCTIONS)
        app.action_open()
        app.action_open()
        view = app.view
        assert isinstance(view, EntriesView)
        await until("the entries of one", lambda: view.complete)
        lags = []
        for row in range(100):
            pressed = time.perf_counter()
            app.rows.action_move(1)
            app.rows.render_line(row % 20)
            await asyncio.sleep(0)
            lags.append(time.perf_counter() - pressed)
        taken["a key meanwhile"] = max(lags)
        await until("all totals", lambda: app.contents.complete)
    app.finish()
    return taken


def main(location: str, started: str) -> None:
    """Open a store, and print what it took as JSON."""
    taken = asyncio.run(_opened(location, float(started)))
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    taken["peak"] = sum(resource.getrusage(kind).ru_maxrss for kind in kinds) * 1024
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
