"""Files get their names in one step."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from acache.system.dirfd import close_folder, open_folder
from acache.system.placing import create_in, exchange_in, make_folder_in, place_in, replace_in


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[object]:
    opened = open_folder(str(tmp_path))
    yield opened
    close_folder(opened)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def test_files_are_not_put_over_others(folder: object, tmp_path: Path) -> None:
    write(tmp_path / "old", "old")
    write(tmp_path / "new", "new")
    with pytest.raises(FileExistsError):
        place_in("new", "old", folder)
    assert (tmp_path / "old").read_text() == "old"
    place_in("new", "third", folder)
    assert sorted(os.listdir(tmp_path)) == ["old", "third"]
    assert os.stat(tmp_path / "third").st_nlink == 1


def test_file_systems_without_links_are_served(
    folder: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    test_files_are_not_put_over_others(folder, tmp_path)


def test_files_are_created_once(folder: object, tmp_path: Path) -> None:
    os.close(create_in("a", folder))
    with pytest.raises(FileExistsError):
        create_in("a", folder)
    assert make_folder_in("b", folder)
    assert not make_folder_in("b", folder)
    replace_in("a", "c", folder)
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux exchanges names")
def test_names_are_exchanged(folder: object, tmp_path: Path) -> None:
    write(tmp_path / "a", "1")
    write(tmp_path / "b", "2")
    if exchange_in("a", "b", folder):
        assert [(tmp_path / name).read_text() for name in "ab"] == ["2", "1"]
        with pytest.raises(FileNotFoundError):
            exchange_in("a", "none", folder)
