"""Private folders vanish, whatever is in them and whatever ends the command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acache.system.tempdir import private_folder
from tests.helpers.marks import needs_links
from tests.helpers.processes import run_python


@needs_links
def test_folder_is_removed_with_its_content(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    with private_folder("mine-", parent=str(tmp_path)) as folder:
        below = Path(folder, "a", "b")
        below.mkdir(parents=True)
        (below / "file").touch()
        (below / "link").symlink_to(outside, target_is_directory=True)
        below.chmod(0o500)
        below.parent.chmod(0o500)
    assert os.listdir(tmp_path) == ["outside"]
    assert (outside / "file").exists()


def test_folder_is_removed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), private_folder("mine-", parent=str(tmp_path)):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_folder_replaced_by_a_link_leaves_its_target(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "folder").mkdir(parents=True)
    (precious / "folder").chmod(0o555)
    with private_folder("mine-", parent=str(tmp_path)) as folder:
        os.rmdir(folder)
        os.symlink(precious, folder)
    assert os.listdir(tmp_path) == ["precious"]
    assert (precious / "folder").stat().st_mode & 0o777 == 0o555


def test_folder_that_is_read_only_is_removed(tmp_path: Path, as_nobody: int | None) -> None:
    code = """
import os, sys
from acache.system.tempdir import private_folder
if sys.argv[2]:
    os.setgroups([])
    os.setuid(int(sys.argv[2]))
with private_folder("mine-", parent=sys.argv[1]) as folder:
    os.makedirs(os.path.join(folder, "a", "b"))
    os.chmod(os.path.join(folder, "a"), 0)
    os.chmod(folder, 0)
"""
    tmp_path.chmod(0o777)
    run_python(code, tmp_path, "" if as_nobody is None else str(as_nobody))
    assert os.listdir(tmp_path) == []
