"""``acache compress``: what it prints, its exit codes, what it refuses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.console import Console
from tests.helpers.copies import SOURCE
from tests.helpers.marks import needs_posix
from tests.helpers.processes import Result
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    folder = tmp_path / "location" / "joblib" / "m" / "f"
    for number in range(4):
        write_entry(folder, f"{number:032x}", output=b"\x80\x04" + bytes(5000) + b".")
    write_entry(folder, "f" * 32, output=b"N.")
    (folder / "func_code.py").write_bytes(SOURCE)
    return tmp_path / "location"


def test_compress_prints_sizes_before_and_after(acache: Acache, location: Path) -> None:
    done = acache("compress", "--all", "--method", "zlib", "--cache-dir", location)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split() == ["m.f", "4", "20.0", "kB", "200", "B"]
    assert "compressed  4 entries, 20.0 kB before, 200 B after" in done.stdout
    assert "kept        1 entry that would not become smaller" in done.stdout
    again = acache("compress", "--all", "--method", "zlib", "--cache-dir", location)
    assert "compressed  no entries" in again.stdout
    assert "4 entries with that form" in again.stdout
    quiet = acache("compress", "--all", "--method", "none", "-q", "--cache-dir", location)
    assert (quiet.code, quiet.stdout) == (0, "")


def test_compress_json_is_as_documented(acache: Acache, location: Path) -> None:
    before = tree(location)
    chosen = ["--method", "xz", "--larger-than", "1kB", "--dry-run", "--json"]
    document = acache("compress", *chosen, "--cache-dir", location).document
    assert list(document) == [
        *("schema", "kind", "dry_run", "method", "compressed", "kept", "functions", "failed"),
        *("interrupted", "warnings"),
    ]
    assert document["compressed"]["entries"] == 4
    assert document["functions"][0]["compressed"] == document["compressed"]
    assert tree(location) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "zlib"], "nothing is selected"),
        (["--method", "zlib", "--all", "--function", "f"], "either --all or a selection"),
        (["--all"], "Missing option '--method'"),
        (["--all", "--method", "zip"], "'zip' is not one of"),
        (["--all", "--method", "zlib", "--compression-level", "10"], "10 is not in the range"),
    ],
)
def test_compress_of_what_cannot_be(
    acache: Acache, location: Path, arguments: list[str], message: str
) -> None:
    before = tree(location)
    done = acache("compress", *arguments, "--cache-dir", location)
    assert (done.code, message in done.stderr) == (2, True)
    assert tree(location) == before


def test_compress_refuses_what_could_not_be_mapped(acache: Acache, location: Path) -> None:
    before = tree(location)
    environment = {"LIBROSA_CACHE_MMAP": "r"}
    chosen = ["compress", "--all", "--cache-dir", location, "--method"]
    done = acache(*chosen, "lz4", env=environment)
    assert done.code == 2
    assert "LIBROSA_CACHE_MMAP=r maps results into memory" in done.stderr
    assert acache(*chosen, "none", env=environment).code == 0
    assert tree(location) == before


def test_compress_names_what_it_cannot_read(acache: Acache, location: Path) -> None:
    damaged = location / "joblib" / "m" / "f" / ("f" * 32) / "output.pkl"
    damaged.write_bytes(b"\x1f\x8bdamaged")
    done = acache("compress", "--all", "--method", "zlib", "--cache-dir", location)
    assert done.code == 1
    assert f"acache: error: m.f/{'f' * 32}: the gzip stream" in done.stderr
    assert "4 entries" in done.stdout


# The bar is drawn at once.
HELD = """
import acache.render.progress as progress
progress._PATIENCE_SECONDS = progress._REFRESH_SECONDS = 0
import os, signal, sys, time
import acache.operations.compress as compressing
first, done, arrived = os.getpid(), 0, []
add = compressing._Compressing._add
def held(self, *args):
    global done
    done += 1
    if done == 2 and os.getpid() == first:
        ask = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *a: (arrived.append(1), ask(*a)))
        print("held", file=sys.stderr, flush=True)
        while not arrived:
            time.sleep(0.01)
    add(self, *args)
compressing._Compressing._add = held
from acache.cli.app import main; main()
"""


@needs_posix
@pytest.mark.parametrize("count", [4, 300])  # of more than 32 a second process does some
def test_compress_stops_between_two_entries_at_ctrl_c(location: Path, count: int) -> None:
    folder = location / "joblib" / "m" / "f"
    for number in range(4, count):
        write_entry(folder, f"{number:032x}", output=b"\x80\x04" + bytes(5000) + b".")
    arguments = ["compress", "--all", "--method", "bz2", "--cache-dir", str(location)]
    terminal = Console([sys.executable, "-c", HELD, *arguments])
    terminal.read_until("held")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "run it again for the rest" in terminal.seen
    assert "Compressing" in terminal.seen
    forms = {path.read_bytes()[:2] for path in location.rglob("output.pkl")}
    assert b"BZ" in forms
    assert b"\x80\x04" in forms
    assert not list(location.rglob("*pkl.*"))
