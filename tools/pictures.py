"""Draw what `acache stats`, `bench`, `browse` and `report` show, from real runs: `make pictures`.

Usage: python tools/pictures.py FOLDER RUNS

FOLDER gets ``stats.svg``, ``bench.svg``, ``browse.svg`` and ``report.png``, for which Chromium must
be installed; RUNS is the number of rounds of the benchmark. RUNS=0 draws only the report.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from acache.cli.browse import parse_filter
from acache.operations.selection import Selection
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from acache.tui.browse import Browser
from acache.tui.reading import Source

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' helpers

from tests.helpers.chromium import Chromium
from tests.helpers.stores import LIBROSA_SCRIPT

ROOT = Path(__file__).parents[1]
EXAMPLE = "examples/estimate_tuning.py"
REPORT_WIDTH, REPORT_HEIGHT = 1000, 910  # pixels
WIDTH = 90  # columns: GitHub shows this without scaling it down
HEIGHT = 16  # lines of the browser's screen


def main(folder: str, runs: str) -> None:
    """Fill a store, run the commands, and draw what they show."""
    with tempfile.TemporaryDirectory() as home:
        environment = {
            **os.environ,
            "LIBROSA_CACHE_DIR": f"{home}/.cache/librosa",
            "LIBROSA_CACHE_LEVEL": "50",
            "COLUMNS": str(WIDTH),
            "FORCE_COLOR": "1",
            "TERM": "xterm-256color",
            "PYTHONIOENCODING": "utf-8",
        }
        environment.pop("NO_COLOR", None)
        photograph(environment, home, Path(folder, "report.png"))
        if runs == "0":
            return
        output(environment, EXAMPLE)
        for words in (["stats"], ["bench", "--levels", "20,50", EXAMPLE]):
            counted = [words[0], *(["--runs", runs] if words[0] == "bench" else []), *words[1:]]
            printed = output(environment, "-m", "acache", *counted).replace(home, "/home/you")
            picture = Path(folder, f"{words[0]}.svg")
            picture.write_text(drawn(words, printed), encoding="utf-8", newline="\n")
        shown = asyncio.run(screen(environment["LIBROSA_CACHE_DIR"], home))
        Path(folder, "browse.svg").write_text(shown, encoding="utf-8", newline="\n")


def photograph(environment: dict[str, str], home: str, picture: Path) -> None:
    """Take a picture of the start of a report."""
    script, page = Path(home, "features.py"), Path(home, "report.html")
    script.write_text(LIBROSA_SCRIPT, encoding="utf-8")
    environment = {**environment, "LIBROSA_CACHE_DIR": f"{home}/.cache/features"}
    for _ in range(2):  # the second time for hits
        output(environment, "-m", "acache", "run", str(script))
    output(environment, "-m", "acache", "report", "-o", str(page))
    page.write_text(page.read_text(encoding="utf-8").replace(home, "/home/you"), encoding="utf-8")
    with Chromium(Path(home, "chromium")) as browser:
        browser.open(page, width=REPORT_WIDTH, height=REPORT_HEIGHT)
        picture.write_bytes(browser.screenshot(whole=False))


def output(environment: dict[str, str], *words: str) -> str:
    """Run Python in the repository, and return what it printed on stdout."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ).stdout


async def screen(location: str, home: str) -> str:
    """Browse a store, open the functions of all levels, and draw the screen as SVG."""
    source = Source(Store(location), InstalledSources(sys.executable), (), parse_filter)
    app = Browser(source, Selection())
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        await pilot.press("enter", "down", "space")
        while not app.contents.total.compute_seconds:
            await pilot.pause(0.05)
        app.source.store.path = app.source.store.path.replace(home, "/home/you")
        app.show_list()
        await pilot.pause()
        return app.export_screenshot()


def drawn(words: list[str], printed: str) -> str:
    """Draw a command and its output as SVG."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    line = " ".join(["acache", *words])
    console.print(Text.assemble(("$ ", "dim"), (line, "bold")))
    console.print(Text.from_ansi(printed.rstrip("\n")), soft_wrap=True)
    return console.export_svg(title=f"acache {words[0]}", unique_id=f"acache-{words[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
