"""The browser shows what the commands list, and takes the keys that its help names."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from acache.operations.selection import Selection, parse_levels
from acache.store.format import dotted
from acache.tui.views import EntriesView, FunctionsView, LevelsView
from acache.tui.windows import MARGIN
from tests.helpers.browser import Played, play
from tests.helpers.processes import Result

Acache = Callable[..., Result]


@pytest.fixture
def location(librosa_location: Path, tmp_path: Path) -> Path:
    """Copy librosa's store to where entries can be removed."""
    return Path(shutil.copytree(librosa_location, tmp_path / "a location's name"))


def listed(acache: Acache, played: Played) -> list[Any]:
    """Run the command of the header, and return what identifies its rows."""
    _, *words = shlex.split(played.app.command)
    document = acache(*words, "--json").document
    if document["kind"] == "ls":
        return [entry["id"] for entry in document["entries"]]
    rows = document["levels" if "level" in words else "functions"]
    return [row["level" if "level" in words else "function"] for row in rows]


def shown(played: Played) -> list[Any]:
    """Return what identifies the rows on the screen, as the commands write it."""
    view = played.app.view
    if isinstance(view, LevelsView):
        return played.keys[1:]
    if isinstance(view, FunctionsView):
        return [dotted(function) for function in played.keys]
    return [f"{dotted(function)}/{argument_hash}" for function, argument_hash in played.keys]


FILTERS = ["", "hpss", "stft --larger-than 1k", "--level 20-30", "--arg n_fft=2048", "filters.*"]


@pytest.mark.parametrize("words", FILTERS)
def test_header_names_the_command_that_lists_the_rows(
    words: str, librosa_location: Path, acache: Acache
) -> None:
    async def test(played: Played) -> None:
        await played.filter(words)
        while len(played.app.views) > 1:
            await played.press("left")
        assert shown(played) == listed(acache, played) != []
        for row in range(len(played.app.view)):
            await played.press("home", *["down"] * row, "enter")
            assert shown(played) == listed(acache, played) != []
            await played.press("enter")
            assert isinstance(played.app.view, EntriesView)
            assert shown(played) == listed(acache, played) != []
            await played.press("left", "left")

    play(librosa_location, test)


@pytest.mark.parametrize("keys", [["enter"], ["down", "enter", "enter"]])
def test_sorting_goes_through_the_orders_of_the_command(
    keys: list[str], librosa_location: Path, acache: Acache
) -> None:
    async def test(played: Played) -> None:
        await played.press(*keys)
        view = played.app.view
        for order in view.orders:
            await played.until(lambda: view.order == order, order)  # noqa: B023
            assert shown(played) == listed(acache, played)
            before = played.keys
            await played.press("s")
            if order in ("entries", "time"):  # the next one is by name, or by room
                await played.until(lambda: played.keys != before, "other order")  # noqa: B023
        assert view.order == view.orders[0]

    play(librosa_location, test)


def test_levels_are_sorted_too(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        by_level = played.keys
        await played.press("s")
        contents = played.app.contents
        disk = {
            row.level: row.totals.disk_bytes or row.totals.size_bytes for row in contents.levels
        }
        assert played.keys == ["all", *sorted(disk, key=lambda level: -disk[level])]
        await played.press(*"ssss")
        assert played.keys == by_level

    play(librosa_location, test)


def test_keys_lead_down_and_up(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        names = []
        for key in ("right", "enter", "backspace", "left", "left"):
            await played.press(key)
            names.append(type(played.app.view).__name__)
        assert names == [
            "FunctionsView",
            "EntriesView",
            "FunctionsView",
            "LevelsView",
            "LevelsView",
        ]
        await played.press("down", "down")
        assert played.app.view.cursor == 2
        await played.press("enter")
        assert "level 20" in played.text.splitlines()[0]
        await played.press("end", "home", "pagedown", "up")
        assert played.app.view.cursor == len(played.app.view) - 2
        await played.press("left")
        assert played.app.view.cursor == 2  # where it was

    play(librosa_location, test)


def test_columns_are_those_of_stats_and_ls(librosa_location: Path, acache: Acache) -> None:
    def titles(*words: str) -> list[set[str]]:
        output = acache(*words, "--cache-dir", librosa_location, env={"COLUMNS": "130"}).stdout
        headings = [line for line in output.splitlines() if "level" in line and "compute" in line]
        return [set(heading.split()) for heading in headings]

    async def test(played: Played) -> None:
        for expected in (*titles("stats"), *titles("ls")):
            heading = set(played.text.replace("▾", " ").splitlines()[3].split())
            assert heading - {"share"} == expected - {"share"}
            assert "share" in heading  # of the function, where it is an entry
            await played.press("enter")

    play(librosa_location, test, size=(130, 30))


def test_filter_that_is_not_valid_is_an_error_of_one_line(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        await played.filter("stft")
        before = played.keys
        for words, message in [
            ("--level x", "error: Invalid value for '--level': not a level: 'x'"),
            ("no_such_function", "error: no function in this cache matches '*no_such_function*'"),
            ("--no-such-option", "error: No such option"),
            ("'stft", "is not valid: No closing quotation"),
            ("--help", "error: No such option"),
        ]:
            await played.filter(words)
            await played.until(lambda: message in played.text, message)  # noqa: B023
            assert played.app.query_one("#filter", Input).value == words  # to be corrected
            assert (played.keys, played.app.selection.functions) == (before, ("*stft*",))
            await played.press("escape")
        await played.press("slash")
        assert played.app.query_one("#filter", Input).value == "stft"
        await played.press("escape")
        await played.filter("")
        assert len(played.app.contents.functions) > len(before)

    play(librosa_location, test)


def test_filter_notes_what_access_times_cannot_tell(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        await played.filter("--unused-for 1m")
        assert "most systems record an access once a day" in played.text

    play(librosa_location, test)


def test_filter_stays_in_the_level_that_has_it(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        await played.press("down", "down", "enter", "enter")
        await played.filter("stft")
        assert "level 20" in played.text.splitlines()[0]
        assert played.keys == ["librosa/core/spectrum/stft"]
        await played.filter("hpss")  # of level 30
        assert "all levels" in played.text.splitlines()[0]
        assert played.keys == ["librosa/decompose/hpss"]

    play(librosa_location, test)


def test_first_filter_is_the_selection_of_the_command_line(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        assert played.keys == ["all", 20, 30]
        await played.press("slash")
        box = played.app.query_one("#filter", Input)
        assert box.value == "--level '>=20' --level 30-30 --larger-than 100k"

    levels = (parse_levels(">=20"), parse_levels("30-30"))
    play(librosa_location, test, selection=Selection(levels=levels, larger_than=100_000))


def test_show_shows_what_the_command_shows(librosa_location: Path, acache: Acache) -> None:
    async def test(played: Played) -> None:
        await played.press("i")
        assert "i shows a function or an entry" in played.text
        await played.filter("valid_audio")
        for keys in ([], ["enter"]):
            await played.press(*keys)
            name = shown(played)[0]
            await played.press("i")
            await played.until(lambda: len(played.app.screen_stack) == 2, "window")
            columns = {"COLUMNS": str(played.app.size.width - MARGIN)}
            printed = acache("show", name, "--cache-dir", librosa_location, env=columns).stdout
            # Ages go on: "2 seconds ago".
            expected = [line for line in printed.splitlines() if "ago" not in line]
            assert [line for line in expected if line not in played.text] == []
            await played.press("escape")

    play(librosa_location, test, size=(200, 100))


def test_keys_window_names_every_key(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        await played.press("question_mark")
        for key in ("Enter, Right", "Left, Backspace", "s ", "/ ", "Space", "d ", "i ", "q "):
            assert f"│ {key}" in played.text
        await played.press("escape", "q")

    assert play(librosa_location, test).return_code == 0


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_screen_fits(size: tuple[int, int], librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        for keys in (["down"], ["enter"], ["enter"], ["i"], ["escape", "d"], ["n", "slash"]):
            await played.press(*keys)
            lines = played.text.splitlines()
            assert len(lines) <= size[1]
            assert max(map(len, lines)) <= size[0]
        await played.press("escape")
        [heading] = [line for line in played.text.splitlines() if "unused" in line]
        assert heading.endswith("compute")

    play(librosa_location, test, size=size)


def test_ctrl_c_ends_it(librosa_location: Path) -> None:
    async def test(played: Played) -> None:
        await played._pilot.press("ctrl+c")

    assert play(librosa_location, test).return_code == 130
