"""The browser removes what is marked, as ``acache clear`` would, and says what it could not."""

from __future__ import annotations

import ctypes
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acache.operations.execute import execute
from acache.tui import browse, reading
from tests.helpers.browser import Played, play
from tests.helpers.marks import needs_posix
from tests.helpers.processes import Result
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]


@pytest.fixture
def location(librosa_location: Path, tmp_path: Path) -> Path:
    """Copy librosa's store to where entries can be removed."""
    return Path(shutil.copytree(librosa_location, tmp_path / "it's a copy"))


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Make a store of so many entries that removing them takes a while."""
    folder = tmp_path / "joblib" / "m" / "f"
    for number in range(2000):
        write_entry(folder, f"{number:032x}")
    (folder / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    return tmp_path


def outputs(location: Path) -> set[str]:
    return {path.parent.relative_to(location).as_posix() for path in location.rglob("output.pkl")}


async def asked(played: Played) -> str:
    """Press `d`, wait for the question, and return the command of the plan."""
    await played.press("d")
    await played.until(lambda: "[y/n]" in played.text, "question")
    return str(played.app.screen._command)


@pytest.mark.parametrize(
    "keys",
    [
        ["down", "down", "space", "space"],  # levels 20 and 30
        ["home"],  # all
        ["enter", "space", "down", "space"],  # functions
        ["down", "enter", "down"],  # the function under the cursor
        ["down", "enter", "enter", "space", "space"],  # entries
    ],
)
def test_removal_is_that_of_the_command_it_shows(
    keys: list[str], location: Path, tmp_path: Path, acache: Acache
) -> None:
    async def test(played: Played) -> None:
        await played.press(*keys)
        program, *words = shlex.split(await asked(played))
        assert program == "acache"
        copy = Path(shutil.copytree(location, tmp_path / "beside it"))
        words[words.index("--cache-dir") + 1] = str(copy)
        planned = acache(*words, "--dry-run", env={"COLUMNS": "110"}).stdout.splitlines()
        table = [line.rstrip() for line in planned if line]
        assert [line for line in table if line not in played.text] == []
        before = outputs(location)
        await played.press("y")
        await played.until(lambda: "removed" in played.text, "outcome")
        assert acache(*words, "--yes").code == 0
        assert tree(location) == tree(copy)
        assert outputs(location) < before
        assert not played.app.view.marks

    play(location, test, size=(120, 60))


def test_removal_of_filtered_rows_keeps_the_others(location: Path) -> None:
    async def test(played: Played) -> None:
        await played.filter("normalize --larger-than 20k")
        kept = outputs(location) - {
            f"joblib/{function}/{argument_hash}"
            for function in played.keys
            for argument_hash in large
        }
        await asked(played)
        await played.press("y")
        await played.until(lambda: "removed" in played.text, "outcome")
        assert outputs(location) == kept
        assert played.keys == []

    folder = location / "joblib" / "librosa" / "util" / "utils" / "normalize"
    large = [
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and sum(file.stat().st_size for file in entry.iterdir()) > 20_000
    ]
    assert 0 < len(large) < len(list(folder.iterdir())) - 1
    play(location, test)


@pytest.mark.parametrize("key", ["n", "escape", "q", "enter"])
def test_removal_needs_a_yes(key: str, location: Path) -> None:
    async def test(played: Played) -> None:
        await played.press("space")
        await asked(played)
        await played.press(key)
        if key == "enter":  # is no answer
            assert "[y/n]" in played.text
            await played.press("n")
        assert "nothing was removed" in played.text
        assert list(played.app.view.marks) == ["all"]
        assert tree(location) == before

    before = tree(location)
    play(location, test)


def test_removal_of_nothing_asks_nothing(tmp_path: Path) -> None:
    async def test(played: Played) -> None:
        shutil.rmtree(entry)
        await played.press("d")
        await played.until(lambda: "nothing to remove" in played.text, "answer")

    entry = write_entry(tmp_path / "joblib" / "m" / "f", "0" * 32)
    (entry.parent / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    play(tmp_path, test)


@needs_posix
def test_removal_that_fails_says_so(
    many: Path, as_nobody: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute_as_nobody(*arguments: Any, **options: Any) -> Any:
        if as_nobody is not None:  # only this thread, and only in its use of files
            ctypes.CDLL(None).setfsuid(as_nobody)
        return execute(*arguments, **options)

    async def test(played: Played) -> None:
        await asked(played)
        await played.press("y")
        await played.until(lambda: "could not be removed" in played.text, "failures")
        assert "removed no entries, 0 B on disk; 2,000 things could not be removed" in played.text
        assert f"/m/f/{0:032x}" in played.text.replace("\n", "")
        assert "Permission denied" in played.text
        await played.press("escape")
        assert len(outputs(many)) == 2000

    monkeypatch.setattr(browse, "execute", execute_as_nobody)
    folder = many / "joblib" / "m" / "f"
    folder.chmod(0o555)
    for entry in folder.iterdir():
        if entry.is_dir():
            entry.chmod(0o555)
    try:
        play(many, test, size=(120, 30))
    finally:
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)


@pytest.mark.parametrize("key", ["ctrl+c", "escape"])
def test_removal_stops_between_two_entries(
    key: str, many: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(played: Played) -> None:
        def one_step(done: int) -> None:
            steps.append(done)
            if len(steps) == 3:
                played.app.call_from_thread(played._pilot.press, key)

        def stepping(*arguments: Any, progress: Any, **options: Any) -> Any:
            return execute(*arguments, progress=one_step, **options)

        monkeypatch.setattr(browse, "execute", stepping)
        await asked(played)
        await played.press("y")
        await played.until(lambda: "interrupted: removed" in played.text, "outcome")
        left = outputs(many)
        assert 0 < len(left) < 2000
        folders = [path for path in (many / "joblib" / "m" / "f").iterdir() if path.is_dir()]
        assert len(folders) == len(left)
        assert all((folder / "metadata.json").exists() for folder in folders)

    steps: list[int] = []
    assert play(many, test).return_code is None  # it goes on


@pytest.mark.parametrize("keys", [[], ["enter"], ["enter", "enter"]])
def test_rows_that_others_remove_vanish(
    keys: list[str], location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(played: Played) -> None:
        await played.press(*keys, "end", "space")
        view = played.app.view
        gone, last = played.keys[-1], len(view) - 1
        count = played.app.contents.total.entries
        removed = 0
        for path in list(location.rglob("output.pkl")):
            function = path.parent.parent.relative_to(location / "joblib").as_posix()
            row = next(r for r in played.app.contents.functions if r.function == function)
            if gone in (row.level, function, (function, path.parent.name)):
                shutil.rmtree(path.parent)
                removed += 1
        assert removed
        await played.until(lambda: gone not in played.keys, "end of the row")
        await played.until(lambda: played.app.contents.total.entries == count - removed, "total")
        assert view.cursor == last - 1
        assert not view.marks

    monkeypatch.setattr(reading, "_SECONDS_BETWEEN", 0.05)
    monkeypatch.setattr(reading, "_TIMES_AS_LONG", 0)
    play(location, test)


def test_rows_that_others_write_appear_on_the_way_up(location: Path) -> None:
    async def test(played: Played) -> None:
        await played.press("enter", "enter")
        count = played.app.contents.total.entries
        write_entry(location / "joblib" / "m" / "new", "0" * 32)
        await played.press("left")
        await played.until(lambda: "m/new" in played.keys, "new function")
        assert played.app.contents.total.entries == count + 1

    play(location, test)


def test_cursor_stays_on_its_row(location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(played: Played) -> None:
        await played.press("enter", "enter", "end")
        view = played.app.view
        key, row = view.key(view.cursor), view.cursor
        first, *_ = view.key(0)
        shutil.rmtree(location / "joblib" / first / view.key(0)[1])
        await played.press("r")
        await played.until(lambda: len(view) == row, "end of the row")
        assert view.key(view.cursor) == key

    play(location, test)


def test_store_that_vanishes_is_empty(location: Path) -> None:
    async def test(played: Played) -> None:
        await played.press("enter")
        shutil.rmtree(location)
        await played.press("r")
        await played.until(lambda: len(played.app.view) == 0, "empty list")
        await played.press("enter", "space", "i", "d", "left")
        assert "no functions, no entries" in played.text

    play(location, test)
