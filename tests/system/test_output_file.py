"""A report's file is known to be writable before the work, and holds the report after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acache.system.errors import AcacheError, UsageError
from acache.system.output_file import OutputFile


def test_output_file_takes_text_and_bytes(tmp_path: Path) -> None:
    for content, held in (("té", "té\n".encode()), (b"\x00\xff", b"\x00\xff")):
        with OutputFile(str(tmp_path / "file"), option="--x") as export:
            export.write(content)
        assert (tmp_path / "file").read_bytes() == held


def test_output_file_without_a_report_is_unchanged(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("long held")
    for name in ("old", "new"):
        with OutputFile(str(tmp_path / name), option="--x"):
            pass
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "long held"


def test_output_file_that_was_removed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with OutputFile(str(folder / "file"), option="--x") as export:
        (folder / "file").unlink()
        folder.rmdir()
        folder.mkdir()
        export.write("report")
    assert (folder / "file").read_text() == "report\n"


def test_output_file_hides_no_error_of_the_work(tmp_path: Path) -> None:
    def fail() -> None:
        with OutputFile(str(tmp_path / "file"), option="--x"):
            (tmp_path / "file").unlink()
            raise KeyError

    with pytest.raises(KeyError):
        fail()


def test_output_file_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "file"):
        with pytest.raises(UsageError, match=r"--x .* cannot be written"):
            OutputFile(str(path), option="--x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_output_file_that_is_a_pipe_without_reader_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="cannot be written"):
        OutputFile(str(tmp_path / "pipe"), option="--x")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_file_on_a_full_disk() -> None:
    with (
        OutputFile("/dev/full", option="--x") as export,
        pytest.raises(AcacheError, match="No space"),
    ):
        export.write("report")
