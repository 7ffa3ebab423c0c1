"""``acache report``: one page that fetches nothing, shows every number in a table, and escapes."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.html import Page
from tests.helpers.large_store import write_large_store
from tests.helpers.marks import needs_posix
from tests.helpers.processes import Result
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]
HASH = "0123456789abcdef" * 2
LINKS = ("src", "href", "srcset", "action", "data", "poster", "background", "ping")


def page(acache: Acache, location: Path, *options: str) -> Page:
    result = acache("report", "-o", "-", "--cache-dir", location, *options)
    assert (result.code, result.stderr) == (0, "")
    return Page(result.stdout)


def test_report_is_written_beside_the_user(
    acache: Acache, librosa_location: Path, tmp_path: Path
) -> None:
    before = tree(librosa_location)
    result = acache("report", "--cache-dir", librosa_location)
    assert (result.code, result.stdout) == (0, "")
    assert result.stderr.startswith("acache: note: wrote acache-report.html, ")
    written = (tmp_path / "acache-report.html").read_text(encoding="utf-8")
    assert "librosa.core.spectrum.stft" in Page(written).text
    assert acache("report", "--cache-dir", librosa_location).code == 0, "a report is replaced"
    assert tree(librosa_location) == before


def test_report_does_not_replace_what_is_none(
    acache: Acache, librosa_location: Path, tmp_path: Path
) -> None:
    file = tmp_path / "acache-report.html"
    file.write_text("<title>My notes about acache report</title>")
    result = acache("report", "--cache-dir", librosa_location)
    assert result.code == 2
    assert "is not a report of acache's; give another name with -o" in result.stderr
    assert file.read_text() == "<title>My notes about acache report</title>"
    named = acache("report", "-o", file, "--cache-dir", librosa_location)
    assert named.code == 0, "who names a file means it"


def test_report_tells_programs_where_it_is(
    acache: Acache, librosa_location: Path, tmp_path: Path
) -> None:
    result = acache("report", "--json", "--cache-dir", librosa_location)
    file = tmp_path / "acache-report.html"
    assert result.document["file"] == str(file)
    assert result.document["size_bytes"] == file.stat().st_size
    assert result.document["problems"] == 0


@pytest.mark.parametrize("option", ["--json", "--open"])
def test_report_on_stdout_has_no_file(acache: Acache, librosa_location: Path, option: str) -> None:
    result = acache("report", "-o", "-", option, "--cache-dir", librosa_location)
    assert (result.code, result.stdout) == (2, "")
    assert f"-o - cannot be combined with {option}" in result.stderr


def test_report_finds_a_file_that_cannot_be_written_first(
    acache: Acache, librosa_location: Path, tmp_path: Path
) -> None:
    result = acache("report", "-o", tmp_path / "no" / "page.html", "--cache-dir", librosa_location)
    assert result.code == 2
    assert "cannot be written" in result.stderr


@needs_posix
def test_report_opens_a_browser(acache: Acache, librosa_location: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{tmp_path}/opened\n')
    browser.chmod(0o755)
    result = acache(
        "report", "--open", "--cache-dir", librosa_location, env={"BROWSER": f"{browser} %s"}
    )
    assert result.code == 0
    expected = (tmp_path / "acache-report.html").as_uri()
    assert (tmp_path / "opened").read_text().strip() == expected


def test_report_fetches_nothing(acache: Acache, librosa_location: Path) -> None:
    made = page(acache, librosa_location)
    links = [value for name in LINKS for value in made.values(name)]
    assert all(link.startswith("#") for link in links)
    assert "url(" not in made.inside["style"]
    assert "@import" not in made.inside["style"]
    policy = next(
        one.attributes["content"]
        for one in made.named("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    for text in made.inside.values():
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not made.values("style"), "the policy forbids them"
    assert not [name for one in made.elements for name in one.attributes if name.startswith("on")]


def test_report_has_every_figure_in_a_table(acache: Acache, librosa_location: Path) -> None:
    made = page(acache, librosa_location)
    ids = made.values("id")
    assert len(ids) == len(set(ids))
    shown = set(made.values("data-r"))
    assert shown > {"e0", "e1", "e2"}
    assert shown <= set(ids)
    for picture in made.named("svg"):
        if "role" in picture.attributes:
            assert picture.attributes["role"] == "img"
            assert set(picture.attributes["aria-labelledby"].split()) <= set(ids)
    tables = made.named("table")
    assert len(tables) == len(made.named("caption")) >= 4
    headings = made.named("th")
    assert {one.attributes["scope"] for one in headings} == {"col", "row"}


NASTY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a&amp;b",
    "\"'><b>",
    "\u202ex\x1b[31m",
)


@needs_posix
def test_report_keeps_markup_text(acache: Acache, tmp_path: Path, librosa_location: Path) -> None:
    location = tmp_path / "loc<b>\"'&amp;"
    folder = location / "joblib" / "<title><b>" / NASTY[1]
    entry = folder / HASH
    entry.mkdir(parents=True)
    (entry / "output.pkl").write_bytes(pickle.dumps(1))
    arguments = {f"n{number}{text}": text for number, text in enumerate(NASTY)}
    record = {"duration": 1.0, "input_args": arguments, "time": 1.7e9}
    (entry / "metadata.json").write_text(json.dumps(record))
    (folder / "func_code.py").write_text("# first line: 1\ndef f(x):\n    pass\n")
    # Of this one, a finding and its fix hold the name.
    write_entry(folder.parent / NASTY[3], HASH, output=b"cos\nsystem\n.")
    made = page(acache, location, "--function", "*")
    usual = page(acache, librosa_location)
    extra = {"span", "ul", "li", "code", "tfoot"}
    assert {one.name for one in made.elements} <= {one.name for one in usual.elements} | extra
    for name in ("script", "style"):
        assert len(made.named(name)) == 1
        assert made.inside[name] == usual.inside[name]
    names = {name for one in made.elements for name in one.attributes}
    assert not {"onerror", "src", "onload"} & names
    for text in (*NASTY[:4], "<title><b>", "loc<b>\"'&amp;", r"\u202ex\x1b[31m"):
        assert text in made.text, text
    assert "\x1b" not in made.text


def test_report_of_200_functions_is_at_most_300_kb(acache: Acache, tmp_path: Path) -> None:
    location = write_large_store(tmp_path / "cache", functions=200, each=7, calls=2000)
    result = acache("report", "-o", "page.html", "--cache-dir", location)
    assert result.code == 0, result.stderr
    file = tmp_path / "page.html"
    assert 150_000 < file.stat().st_size <= 300_000
    made = Page(file.read_text(encoding="utf-8"))
    rows = [name for name in made.values("id") if name[1:].isdigit()]
    assert sum(name.startswith("f") for name in rows) == 200
    assert sum(name.startswith("e") for name in rows) == 1000
    assert "and 400 smaller entries" in made.text
    assert "1,400 entries checked" in made.text
    for words in ("sr=22050", "Logged calls by function", "size of the cache", "50 problems"):
        assert words in made.text, words


def test_report_says_what_was_not_checked(acache: Acache, librosa_location: Path) -> None:
    made = page(acache, librosa_location, "--no-verify")
    assert "The entries were not checked: --no-verify." in made.text
    assert "cache-dir" in made.text


def test_report_covers_a_selection(acache: Acache, librosa_location: Path) -> None:
    made = page(acache, librosa_location, "--function", "stft")
    assert "Entries were selected" in made.text
    assert "librosa.core.spectrum.stft" in made.text
    assert "hpss" not in made.text
    assert "--function stft" in made.text


def test_report_of_no_cache(acache: Acache, tmp_path: Path) -> None:
    result = acache("report", "-o", "-", "--cache-dir", tmp_path / "missing")
    assert result.code == 0
    assert "there is no cache" in result.stderr
    made = Page(result.stdout)
    assert "There is no cache yet." in made.text
    assert not made.named("figure")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not report blocks")
def test_report_sums_to_what_stats_counts(acache: Acache, librosa_location: Path) -> None:
    from acache.system.text import size_text

    total = acache("stats", "--json", "--cache-dir", librosa_location).document["total"]
    made = page(acache, librosa_location)
    assert size_text(total["disk_bytes"]) in made.text
    assert (
        sum(name.startswith("e") for name in made.values("id") if name[1:].isdigit())
        == (total["entries"])
    )
