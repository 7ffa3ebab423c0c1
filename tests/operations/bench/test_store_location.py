"""Private stores lie on the configured location's file system."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from acache.operations.bench.store_location import folder_beside


def test_beside_the_location(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    assert folder_beside(str(tmp_path / "cache")) == str(tmp_path)


def test_where_the_location_will_be(tmp_path: Path) -> None:
    assert folder_beside(str(tmp_path / "a" / "b" / "cache")) == str(tmp_path)


def test_without_a_location() -> None:
    assert folder_beside(None) == tempfile.gettempdir()


ON_A_DISK_OF_ITS_OWN = """
set -e
mount -t tmpfs none "$1"
"$2" -c "$3" "$1"
mkdir "$1/module"
"$2" -c "$3" "$1"
"""
CHOSEN = """
import sys
from acache.operations.bench.store_location import folder_beside, is_other_disk
folder = folder_beside(sys.argv[1])
print(folder, is_other_disk(folder, sys.argv[1]))
"""


def test_a_location_on_another_disk_than_its_folder(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs a file system of its own")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a file system of its own")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["unshare", "-rm", "sh", "-c", ON_A_DISK_OF_ITS_OWN, "sh", disk]
    done = subprocess.run([*command, sys.executable, CHOSEN], stdout=subprocess.PIPE, check=True)
    # A location that holds a module's folder may be a store itself.
    assert done.stdout.decode() == f"{disk} False\n{tempfile.gettempdir()} True\n"


def test_a_link_to_a_location(tmp_path: Path) -> None:
    (tmp_path / "disk" / "cache").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "cache", target_is_directory=True)
    assert folder_beside(str(tmp_path / "link")) == str(tmp_path / "disk")
