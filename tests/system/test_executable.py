"""What is started for a script or a command, and what is said where nothing can be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from acache.system.executable import NotExecutableError, NotFoundError, start_arguments

PYTHON = "/some/python"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_start_arguments_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "a b.py").touch()
    assert start_arguments(["a b.py", "-x", "1"], python=PYTHON) == [PYTHON, "a b.py", "-x", "1"]


def test_start_arguments_of_a_command_on_the_path() -> None:
    name = "cmd" if os.name == "nt" else "sh"
    program, *rest = start_arguments([name, "-c", "true"], python=PYTHON)
    assert os.path.isabs(program)
    assert rest == ["-c", "true"]
    assert start_arguments([sys.executable], python=PYTHON) == [sys.executable]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("none.py", "there is no script none.py"),
        ("none", "there is no command 'none'"),
        ("ls -l", "there is no command 'ls -l'; give its arguments as words of their own"),
        ("", "there is no command ''"),
        ("\x1b[2J.py", "there is no script \\x1b[2J.py"),
    ],
)
def test_start_arguments_of_what_is_not_there(name: str, told: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        start_arguments([name], python=PYTHON)
    assert str(caught.value) == told
    assert caught.value.exit_code == 127


def test_start_arguments_of_what_cannot_be_executed(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("#!/bin/sh\n")
    (tmp_path / "folder.py").mkdir()
    for name in ("text", "folder.py", os.curdir):
        if os.name == "nt" and name == "text":
            continue
        with pytest.raises(NotExecutableError) as caught:
            start_arguments([name], python=PYTHON)
        assert caught.value.exit_code == 126


@pytest.mark.skipif(os.name == "nt", reason="Windows looks into the current folder")
def test_start_arguments_of_a_program_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(NotFoundError, match=r"tool is not on PATH; write \./tool"):
        start_arguments(["tool"], python=PYTHON)
    assert start_arguments(["./tool"], python=PYTHON) == ["./tool"]
