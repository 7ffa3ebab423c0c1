"""One name per command on every floor."""

from __future__ import annotations

from pathlib import Path

import pytest

import acache
from acache.cli.app import COMMANDS

PACKAGE = Path(acache.__file__).parent
TESTS = Path(__file__).parent
# Its operation is the room `config`; printing a script is all that `completion` does, and a screen
# is no document.
ELSEWHERE = {
    "config": {"operations"},
    "completion": {"operations", "render/tables", "render/json"},
    "browse": {"render/json"},
    "report": {"render/tables"},  # its tables are HTML, see below
}
# The JSON of `prune` is that of every command that deletes.
SHARED = {"render/json/prune": "render/json/clear"}


def is_there(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("floor", ["cli", "operations", "render/tables", "render/json"])
def test_command_has_its_name_on_every_floor(command: str, floor: str) -> None:
    path = f"{floor}/{command}"
    expected = floor not in ELSEWHERE.get(command, ())
    assert is_there(PACKAGE / SHARED.get(path, path)) is expected


def test_report_is_made_of_html() -> None:
    assert is_there(PACKAGE / "render/html/report")


@pytest.mark.parametrize("command", COMMANDS)
def test_command_has_a_test_of_its_name(command: str) -> None:
    assert [*(TESTS / "cli").rglob(f"test_{command}.py")]
