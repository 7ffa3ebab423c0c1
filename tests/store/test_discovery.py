"""Stores are found where joblib put them, whatever else lies beside them."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import joblib
import pytest

from acache.store.discovery import find_locations
from acache.store.model import Unreadable


def double(number: int) -> int:
    return 2 * number


def fill(location: str | Path, function: object = double) -> None:
    """Store a result as joblib does: a Path is the store itself, a str the folder above it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        joblib.memory._FUNCTION_HASHES.clear()  # else no source is stored a second time
        joblib.Memory(location, verbose=0).cache(function)(3)


def found(*folders: Path, cross: bool = False) -> list[str]:
    return sorted(find_locations(map(str, folders), cross=cross))


def test_locations_of_both_kinds_are_found(tmp_path: Path) -> None:
    fill(str(tmp_path / "a" / "b"))
    fill(tmp_path / "c" / "d")
    (tmp_path / "c" / "notes.txt").write_text("mine")
    assert found(tmp_path) == [str(tmp_path / "a" / "b"), str(tmp_path / "c" / "d")]


@pytest.mark.parametrize("kind", [str, Path])
def test_location_without_joblibs_mark_is_found(tmp_path: Path, kind: type) -> None:
    location = tmp_path / "project" / "cache"
    fill(kind(location))
    (location / ".gitignore").unlink()
    (tmp_path / "project" / "script.py").touch()
    (location / "README").touch()
    assert found(tmp_path) == [str(location)]


def test_location_of_a_module_named_joblib_is_the_outer_one(tmp_path: Path) -> None:
    fill(str(tmp_path / "x"), joblib.hash)
    assert found(tmp_path) == [str(tmp_path / "x")]
    (tmp_path / "x" / ".gitignore").unlink()
    assert found(tmp_path) == [str(tmp_path / "x")]


def test_location_with_both_stores_is_found_once(tmp_path: Path) -> None:
    fill(str(tmp_path / "x"))
    fill(tmp_path / "x")
    assert found(tmp_path) == [str(tmp_path / "x")]


def test_location_that_is_named_itself_is_found(tmp_path: Path) -> None:
    fill(str(tmp_path))
    assert found(tmp_path) == [str(tmp_path)]
    assert found(tmp_path / "joblib") == [str(tmp_path)]


def test_folder_named_joblib_without_sources_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "joblib" / "externals").mkdir(parents=True)
    assert found(tmp_path) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    fill(str(tmp_path / "real"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "link").symlink_to(tmp_path / "real")
    assert found(tmp_path / "home") == []


def test_unreadable_folders_are_named(tmp_path: Path) -> None:
    unreadable: list[Unreadable] = []
    assert list(find_locations([str(tmp_path / "none")], unreadable=unreadable)) == []
    assert unreadable == []  # it vanished
    (tmp_path / "file").touch()
    list(find_locations([str(tmp_path / "file")], unreadable=unreadable))
    assert [one.path for one in unreadable] == [str(tmp_path / "file")]


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="needs a second file system")
def test_other_file_systems_are_not_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or scandir("/nowhere"))
    list(find_locations(["/proc"]))
    assert listed == ["/proc"]  # named itself, it is entered
