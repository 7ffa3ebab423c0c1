"""Private stores lie on the configured location's file system, and vanish."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from acache.bench.places import folder_beside, private_folder


def test_beside_the_location(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    assert folder_beside(str(tmp_path / "cache")) == str(tmp_path)


def test_where_the_location_will_be(tmp_path: Path) -> None:
    assert folder_beside(str(tmp_path / "a" / "b" / "cache")) == str(tmp_path)


def test_without_a_location() -> None:
    assert folder_beside(None) == tempfile.gettempdir()


def test_a_location_that_is_a_file_system_of_its_own() -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == shm.parent.stat().st_dev:
        pytest.skip("needs a mounted /dev/shm")
    if (shm / "joblib").exists():
        pytest.skip("/dev/shm is a store here")
    assert folder_beside("/dev/shm") == tempfile.gettempdir()  # it may be the store itself
    (shm / "joblib").mkdir()
    try:
        assert folder_beside("/dev/shm") == "/dev/shm"
    finally:
        (shm / "joblib").rmdir()


def test_a_folder_vanishes_with_all_that_is_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    with private_folder(str(tmp_path)) as folder:
        below = Path(folder, "a", "b")
        below.mkdir(parents=True)
        (below / "file").touch()
        (below / "link").symlink_to(outside, target_is_directory=True)
        below.chmod(0o500)
        below.parent.chmod(0o500)
    assert os.listdir(tmp_path) == ["outside"]
    assert (outside / "file").exists()


def test_a_folder_vanishes_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), private_folder(str(tmp_path)):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []
