"""Private stores lie on the configured location's file system."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from acache.operations.bench.store_location import folder_beside, is_other_disk


def test_beside_the_location(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    assert folder_beside(str(tmp_path / "cache")) == str(tmp_path)


def test_where_the_location_will_be(tmp_path: Path) -> None:
    assert folder_beside(str(tmp_path / "a" / "b" / "cache")) == str(tmp_path)


def test_without_a_location() -> None:
    assert folder_beside(None) == tempfile.gettempdir()


def test_a_location_on_another_disk_than_its_folder() -> None:
    shm = Path("/dev/shm")
    if not shm.is_dir() or shm.stat().st_dev == shm.parent.stat().st_dev:
        pytest.skip("needs a mounted /dev/shm")
    holds_folders = any(not name.startswith(".") and name != "joblib" for name in os.listdir(shm))
    expected = tempfile.gettempdir() if holds_folders else "/dev/shm"  # it may be a store itself
    assert folder_beside("/dev/shm") == expected
    assert is_other_disk(expected, "/dev/shm") == holds_folders


def test_a_link_to_a_location(tmp_path: Path) -> None:
    (tmp_path / "disk" / "cache").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "cache", target_is_directory=True)
    assert folder_beside(str(tmp_path / "link")) == str(tmp_path / "disk")
