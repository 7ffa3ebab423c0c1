"""Private stores lie on the configured location's file system."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from acache.bench.places import folder_beside


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
