"""The browser in a terminal that Textual's pilot plays: keys go in, lines come out."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from acache.cli.browse import parse_filter
from acache.operations.selection import Selection
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from acache.tui.browse import Browser
from acache.tui.reading import Source
from tests.helpers.processes import PATIENCE_SECONDS


class Played:
    """A browser, and what its screen shows."""

    def __init__(self, app: Browser, pilot: Any) -> None:
        self.app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until the totals, and the entries on the screen, are read."""
        await self._pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self._pilot.press(*("space" if one == " " else one for one in text))

    async def filter(self, text: str) -> None:
        """Type a filter in the place of the one before, and give it."""
        await self._pilot.press("slash", "end", "ctrl+u")
        await self.type(text)
        await self.press("enter")

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"no {what}; the screen:\n{self.text}"
            if self.app.problem is not None:
                raise self.app.problem
            await asyncio.sleep(0.01)

    async def settle(self) -> None:
        """Wait until all is read."""
        await self._pilot.pause()
        await self.until(lambda: not self.app.message.endswith("..."), "end of what it does")
        await self.until(self._is_read, "end of the reading")
        await self._pilot.pause()

    def _is_read(self) -> bool:
        contents, view = self.app.contents, self.app.view
        # Compute times come last; a total of nothing has 0.
        has_cost = contents.total.compute_seconds is not None or not contents.functions
        return contents.complete and has_cost and getattr(view, "has_cost", True)

    @property
    def keys(self) -> list[Any]:
        """What identifies the rows, in their order."""
        return [self.app.view.key(row) for row in range(len(self.app.view))]

    @property
    def text(self) -> str:
        """The whole screen."""
        lines = self.app.screen._compositor.render_strips(self.app.size)
        return "\n".join("".join(s.text for s in strip).rstrip() for strip in lines)


def play(
    location: Path,
    test: Callable[[Played], Awaitable[None]],
    *,
    selection: Selection | None = None,
    size: tuple[int, int] = (80, 24),
    words: tuple[str, ...] | None = None,
) -> Browser:
    """Browse a location, and play a test with it; return the browser that has ended."""
    given = ("--cache-dir", str(location)) if words is None else words
    source = Source(Store(location), InstalledSources(sys.executable), given, parse_filter)
    app = Browser(source, Selection() if selection is None else selection)

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            played = Played(app, pilot)
            await played.settle()
            await test(played)

    try:
        asyncio.run(run())
    finally:
        app.finish()
    if app.problem is not None:
        raise app.problem
    return app
