"""Private folders vanish, whatever is in them and whatever ends the command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acache.private import private_folder

from .conftest import needs_links


@needs_links
def test_a_folder_vanishes_with_all_that_is_in_it(tmp_path: Path) -> None:
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


def test_a_folder_vanishes_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), private_folder("mine-", parent=str(tmp_path)):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []
