"""A report's file is known to be writable before the work, and holds the report after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acache.system.errors import AcacheError, UsageError
from acache.system.output_file import Export


def test_text_and_bytes(tmp_path: Path) -> None:
    for content, held in (("té", "té\n".encode()), (b"\x00\xff", b"\x00\xff")):
        with Export(str(tmp_path / "file"), option="--x") as export:
            export.write(content)
        assert (tmp_path / "file").read_bytes() == held


def test_without_a_report_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("long held")
    for name in ("old", "new"):
        with Export(str(tmp_path / name), option="--x"):
            pass
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "long held"


def test_what_the_work_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with Export(str(folder / "file"), option="--x") as export:
        (folder / "file").unlink()
        folder.rmdir()
        folder.mkdir()
        export.write("report")
    assert (folder / "file").read_text() == "report\n"


def test_an_error_of_the_work_is_not_hidden(tmp_path: Path) -> None:
    def fail() -> None:
        with Export(str(tmp_path / "file"), option="--x"):
            (tmp_path / "file").unlink()
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def test_what_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "file"):
        with pytest.raises(UsageError, match=r"--x .* cannot be written"):
            Export(str(path), option="--x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot be written"):
        Export(str(tmp_path / "pipe"), option="--x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told() -> None:
    with Export("/dev/full", option="--x") as export, pytest.raises(AcacheError, match="No space"):
        export.write("report")
