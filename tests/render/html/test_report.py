"""The page of ``acache report`` in a real browser: headless Chromium."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.chromium import Chromium, needs_chromium
from tests.helpers.large_store import write_large_store
from tests.helpers.stores import write_entry

pytestmark = needs_chromium

HEADINGS = "[...document.querySelectorAll('#f0')][0].closest('table').tHead.rows[0].cells"
# Whether anything sticks out of the window, or a label out of its picture.
STICKS_OUT = """
(() => {
  const wide = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
  for (const text of document.querySelectorAll("svg[role=img] text")) {
    const box = text.getBoundingClientRect();
    if (box.width && (box.left < 0 || box.right > innerWidth)) wide.push(text.textContent);
  }
  return wide;
})()
"""
# Labels of the treemap that lie over each other.
OVERLAPS = """
(() => {
  const boxes = [...document.querySelectorAll("#map > text")]
    .map((one) => [one.textContent, one.getBoundingClientRect()]).filter(([, b]) => b.width);
  const found = [];
  boxes.forEach(([text, a], number) => boxes.slice(0, number).forEach(([other, b]) => {
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (across > 1 && down > 3) found.push([text, other]);
  }));
  return [boxes.length, found];
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("chromium")) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a store with calls, stale names and damage."""
    folder = tmp_path_factory.mktemp("report")
    location = write_large_store(folder / "cache", functions=30, each=40, calls=500)
    return write_report(location, folder / "page.html")


def write_report(location: Path, file: Path) -> Path:
    command = [sys.executable, "-m", "acache", "report", "-o", file, "--cache-dir", location]
    subprocess.run(command, check=True, capture_output=True)
    return file


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [400, 1000, 1600])
def test_page_fits(browser: Chromium, file: Path, width: int, dark: bool) -> None:
    browser.open(file, width=width, dark=dark)
    assert browser.value(STICKS_OUT) == []
    labels, overlapping = browser.value(OVERLAPS)
    assert labels >= 4
    assert overlapping == []
    light = browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light is not dark
    assert len(browser.screenshot()) > 10_000
    assert browser.troubles == []


def column(browser: Chromium, number: int) -> list[str]:
    rows = f"[...document.querySelector('#f0').closest('tbody').rows].map(r => r.cells[{number}])"
    found: list[str] = browser.value(f"{rows}.map(c => c.textContent.trim())")
    return found


def test_heading_sorts_when_it_is_clicked(browser: Chromium, file: Path) -> None:
    browser.open(file)
    titles = browser.value(f"[...{HEADINGS}].map(h => h.textContent)")
    number = titles.index("compute")
    head = f"{HEADINGS}[{number}]"
    browser.click(*browser.centre(f"{head}.querySelector('button')"))
    assert browser.value(f"{head}.getAttribute('aria-sort')") == "descending"
    assert browser.value("document.querySelectorAll('[aria-sort=descending]').length") >= 2

    def seconds(text: str) -> float:
        amount, unit = text.rsplit(maxsplit=1)[-1], text.split(maxsplit=1)[0]
        if "m " in text:
            minutes, rest = text.split("m ")
            return 60 * float(minutes) + float(rest.rstrip("s"))
        return float(unit) * {"ms": 1e-3, "s": 1.0}[amount]

    shown = [seconds(text) for text in column(browser, number)]
    assert len(set(shown)) > 10
    assert shown == sorted(shown, reverse=True)
    browser.click(*browser.centre(f"{head}.querySelector('button')"))
    assert [seconds(text) for text in column(browser, number)] == sorted(shown)
    name = f"{HEADINGS}[0]"
    browser.click(*browser.centre(f"{name}.querySelector('button')"))
    assert browser.value(f"{name}.getAttribute('aria-sort')") == "ascending"
    assert browser.value(f"{head}.getAttribute('aria-sort')") is None
    assert browser.troubles == []


def test_heading_sorts_by_the_keyboard(browser: Chromium, file: Path) -> None:
    browser.open(file)
    browser.value(f"{HEADINGS}[2].querySelector('button').focus()")
    browser.press("Tab", 9)
    assert browser.value("document.activeElement.textContent") == "size"
    outline = browser.value("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "what has the focus is visible"
    browser.press("Enter", 13, "\r")
    assert browser.value(f"{HEADINGS}[3].getAttribute('aria-sort')") == "descending"


def test_treemap_shows_what_is_under_the_pointer(browser: Chromium, file: Path) -> None:
    browser.open(file)
    x, y = browser.centre("document.querySelector('[data-r=e0]')")
    browser.move(x, y)
    row = browser.value("document.querySelector('#e0 th').textContent")
    shown = browser.value("document.querySelector('#hover').textContent")
    assert shown.startswith(row)
    assert "disk: " in shown
    assert "sr=22050" in shown
    browser.move(5, 5)
    assert browser.value("document.querySelector('#hover').hidden") is True
    browser.click(x, y)
    assert browser.value("document.activeElement.id") == "e0"
    assert browser.value("document.querySelector('#entries').open") is True


def test_filter_leaves_the_rows_that_match(browser: Chromium, file: Path) -> None:
    browser.open(file)
    browser.value("document.querySelector('input[type=search]').focus()")
    browser.call("Input.insertText", text="SKLEARN")
    rows = "[...document.querySelector('#f0').closest('tbody').rows].filter(r => !r.hidden)"
    names = browser.value(f"{rows}.map(r => r.cells[0].textContent)")
    assert names
    assert all("sklearn" in name for name in names)


def test_page_names_its_parts_for_screen_readers(browser: Chromium, file: Path) -> None:
    browser.open(file)
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    named = {(one["role"]["value"], one.get("name", {}).get("value", "")) for one in nodes}
    for role, start in (
        ("heading", "Where the room goes"),
        ("table", "Room on disk by function"),
        ("image", "Room on disk of "),
        ("image", "Share of the saved time"),
        ("columnheader", "compute"),
        ("rowheader", "librosa.core."),
        ("button", "disk"),
        ("searchbox", "Filter rows of: "),
    ):
        assert any(one == role and name.startswith(start) for one, name in named), role
    assert ("image", "") not in named


def test_page_prints_light_and_without_controls(browser: Chromium, file: Path) -> None:
    browser.open(file, dark=True)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.call("Emulation.setEmulatedMedia", media="print", features=dark)
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("document.querySelector('input').offsetHeight") == 0
    assert len(browser.call("Page.printToPDF")["data"]) > 10_000


def test_page_runs_no_markup_of_the_store(browser: Chromium, tmp_path: Path) -> None:
    evil = "<img src=x onerror=window.hacked=1>"
    folder = tmp_path / "cache" / "joblib" / "package" / evil
    record = {"duration": 1, "input_args": {evil: f"</td><script>hacked=1</script>{evil}"}}
    write_entry(folder, "0" * 32, output=b"K\x01.", metadata=json.dumps(record).encode())
    (folder / "func_code.py").write_text("# first line: 1\ndef f(x):\n    pass\n")
    browser.open(write_report(tmp_path / "cache", tmp_path / "page.html"))
    browser.move(*browser.centre("document.querySelector('[data-r=e0]')"))
    assert evil in browser.value("document.querySelector('#hover').textContent")
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert browser.value("typeof window.hacked") == "undefined"
    assert browser.troubles == []
