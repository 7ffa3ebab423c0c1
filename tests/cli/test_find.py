"""``acache find``: every cache below a folder, in the order of its size."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.marks import needs_posix
from tests.helpers.processes import Result
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make two caches: a small one, and a larger one whose path needs quotes."""
    write_entry(tmp_path / "small" / "joblib" / "m" / "f", "0" * 32)
    write_entry(tmp_path / "two words" / "joblib" / "m" / "g", "1" * 32, output=bytes(9000))
    write_entry(tmp_path / "two words" / "joblib" / "m" / "g", "2" * 32, output=bytes(9000))
    for folder in tmp_path.glob("*/joblib/m/*"):
        (folder / "func_code.py").write_text("# first line: 1\ndef f(): pass\n")
    return tmp_path


def test_find_lists_the_largest_first(acache: Acache, home: Path) -> None:
    document = acache("find", home, "--json").document
    assert [one["location"] for one in document["stores"]] == [
        str(home / "two words"),
        str(home / "small"),
    ]
    assert [one["entries"] for one in document["stores"]] == [2, 1]
    assert [one["functions"] for one in document["stores"]] == [1, 1]
    assert document["stores"][0]["store"] == str(home / "two words" / "joblib")
    assert document["total"]["entries"] == 3
    total = sum(one["size_bytes"] for one in document["stores"])
    assert document["total"]["size_bytes"] == total


def test_find_prints_what_cache_dir_takes(acache: Acache, home: Path) -> None:
    result = acache("find", home)
    assert result.code == 0
    assert result.stdout.splitlines()[1].endswith(f"  '{home}/two words'")
    assert "2 caches, 3 entries" in result.stdout


def test_find_without_sizes_prints_paths(acache: Acache, home: Path) -> None:
    result = acache("find", "--no-size", home)
    assert sorted(result.stdout.splitlines()) == [str(home / "small"), str(home / "two words")]


def test_find_searches_the_home_folder_by_default(
    acache: Acache, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME" if os.name == "posix" else "USERPROFILE", str(home / "small"))
    assert acache("find", "--no-size").stdout == f"{home / 'small'}\n"


def test_find_of_nothing_says_so(acache: Acache, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert acache("find", tmp_path / "empty").stdout == "no joblib caches found\n"
    assert acache("find", tmp_path / "empty", "--json").document["stores"] == []


@pytest.mark.parametrize("name", ["none", "file"])
def test_find_refuses_what_is_no_folder(acache: Acache, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    result = acache("find", tmp_path / name)
    assert result.code == 2
    assert result.stderr.count("\n") == 1
    assert "is not a folder" in result.stderr


@needs_posix
def test_find_warns_once_of_all_that_it_may_not_read(
    acache: Acache, tmp_path: Path, as_nobody: int | None
) -> None:
    for name in "abc":
        (tmp_path / name).mkdir(mode=0o700 if as_nobody else 0o000)
    result = acache("find", tmp_path, user=as_nobody)
    assert result.code == 0
    assert result.stderr.count("cannot be read") == 1
    assert "and 2 more" in result.stderr


@needs_posix
def test_find_agrees_with_the_system_on_what_there_is(acache: Acache, home: Path) -> None:
    found = subprocess.run(
        ["find", home, "-name", "func_code.py"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    locations = {str(Path(path).parents[3]) for path in found}
    assert set(acache("find", "--no-size", home).stdout.splitlines()) == locations
