"""A function's level: shown by its stored source, recorded, or shown by the installed source."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.levels import record_level
from acache.store.store import Store


def levels(location: Path) -> Levels:
    return Levels(Store(location), InstalledSources())


def write_source(location: Path, function: str, source: str) -> None:
    folder = location / "joblib" / function
    folder.mkdir(parents=True)
    (folder / "func_code.py").write_text(f"# first line: 3\n{source}", encoding="utf-8")


def test_level_is_that_of_the_stored_source(tmp_path: Path) -> None:
    write_source(tmp_path, "m/f", "@cache(level=30)\ndef f(): ...\n")
    record_level(str(tmp_path), "m/f", 20)
    assert levels(tmp_path)("m/f") == 30


def test_level_as_recorded_where_the_source_shows_none(tmp_path: Path) -> None:
    write_source(tmp_path, "m/f", "def f(): ...\n")
    write_source(tmp_path, "m/f/<locals>/g", "def g(): ...\n")
    assert levels(tmp_path)("m/f") is None
    record_level(str(tmp_path), "m/f", 20)
    record_level(str(tmp_path), "m/f/<locals>/g", -30)
    assert levels(tmp_path)("m/f") == 20
    assert levels(tmp_path)("m/f/<locals>/g") == -30
    assert (tmp_path / ".acache" / "levels" / "m.f").read_text() == "20\n"


@pytest.mark.parametrize("content", ["", "x", "1" * 100])
def test_level_is_unknown_if_its_record_is_broken(tmp_path: Path, content: str) -> None:
    write_source(tmp_path, "m/f", "def f(): ...\n")
    (tmp_path / ".acache" / "levels").mkdir(parents=True)
    (tmp_path / ".acache" / "levels" / "m.f").write_text(content)
    assert levels(tmp_path)("m/f") is None


def test_level_is_recorded_without_temporary_files_or_errors(tmp_path: Path) -> None:
    record_level(str(tmp_path), "m/f", 20)
    record_level(str(tmp_path), "m/f", 30)
    assert os.listdir(tmp_path / ".acache" / "levels") == ["m.f"]
    record_level(str(tmp_path), "m" * 300, 30)
    (tmp_path / "file").write_text("")
    record_level(str(tmp_path / "file"), "m/f", 30)


def test_level_is_that_of_the_installed_source_where_none_is_stored(tmp_path: Path) -> None:
    (tmp_path / "joblib").mkdir()
    assert levels(tmp_path)("librosa/core/spectrum/stft") == 20
    write_source(tmp_path, "librosa/core/spectrum/istft", "def istft(): ...\n")
    assert levels(tmp_path)("librosa/core/spectrum/istft") is None


def test_level_of_an_unreadable_source_warns(tmp_path: Path) -> None:
    (tmp_path / "joblib" / "f" / "func_code.py").mkdir(parents=True)
    looked_up = levels(tmp_path)
    assert looked_up("f") is None
    assert looked_up.warnings == ["cannot read f/func_code.py: is not a regular file"]
