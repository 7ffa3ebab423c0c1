"""``acache browse`` in a real terminal: it draws, and leaves no trace however it ends."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from acache.cli.browse import parse_filter
from acache.operations.selection import Selection, parse_levels
from acache.system.errors import UsageError
from tests.helpers.marks import needs_posix
from tests.helpers.processes import Result
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]


def test_browse_without_textual_says_how_to_install_it(
    librosa_location: Path, acache: Acache
) -> None:
    code = (
        "import sys; sys.modules['textual'] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name: None if name == 'textual' else found(name)\n"
        "from acache.cli.app import main; main()"
    )
    result = acache("browse", "--cache-dir", librosa_location, code=code)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr == (
        "acache: error: acache browse needs the package textual; pip install 'acache[tui]' installs"
        " it\n"
    )


def test_browse_needs_a_terminal(librosa_location: Path, acache: Acache) -> None:
    result = acache("browse", "--cache-dir", librosa_location)
    assert (result.code, result.stdout) == (2, "")
    assert "needs a terminal; acache stats and acache ls print the same" in result.stderr


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("", Selection()),
        ("hpss", Selection(functions=("*hpss*",))),
        ("hpss stft", Selection(functions=("*hpss*", "*stft*"))),
        ("librosa.filters.*", Selection(functions=("librosa.filters.*",))),
        ("/librosa/filters/mel", Selection(functions=("/librosa/filters/mel",))),
        ("--level 30 --unused-for 30d", Selection((parse_levels("30"),), unused_for=2_592_000.0)),
        ("'a b' --stale", Selection(functions=("*a b*",), stale=True)),
    ],
)
def test_filter_is_read_as_a_command_line(text: str, selection: Selection) -> None:
    assert parse_filter(text) == selection


def test_filter_takes_entries() -> None:
    [one] = parse_filter("stft/57f8").ids or ()
    assert (one.function, one.prefix) == ("stft", "57f8")


@pytest.mark.parametrize("text", ["--level x", "--all", "--json", "'", "--larger-than", "-y"])
def test_filter_that_is_not_valid_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_filter(text)
    assert "\n" not in str(raised.value)


pty = pytest.importorskip("pty") if os.name != "nt" else None
if pty is not None:
    from tests.helpers.terminal import Terminal

WIDTHS = [(80, 24), (120, 40)]


def browsing(location: Path, *, size: tuple[int, int] = (80, 24), **environ: str) -> Terminal:
    """Start the browser in a terminal, from a shell that prints its exit code."""
    command = shlex.join([sys.executable, "-m", "acache", "browse", "--cache-dir", str(location)])
    env = {**os.environ, "PYTHONIOENCODING": "utf-8", **environ}
    for name in ("COLUMNS", "LINES"):  # the terminal's size is what counts
        env.pop(name, None)
    return Terminal(
        ["bash", "--norc", "-c", f"{command}; echo ended with $?; stty -a; read"],
        env=env,
        cwd=location,
        size=size,
    )


@needs_posix
@pytest.mark.parametrize("size", WIDTHS)
def test_browse_draws_and_leaves_the_terminal_as_it_was(
    size: tuple[int, int], librosa_location: Path
) -> None:
    with browsing(librosa_location, size=size) as terminal:
        terminal.wait_for("acache stats --by level", "22 functions", "█", " s\n")
        terminal.wait(lambda screen: len(screen.splitlines()) == size[1], "last line")
        terminal.type("\r")
        terminal.wait_for("all levels", "librosa.core.spectrum.stft", "█")
        terminal.type("/hpss\r")
        terminal.wait_for("--function '*hpss*'", "librosa.decompose.hpss")
        assert "librosa.core.spectrum.stft" not in terminal.text
        terminal.type("\r")
        terminal.wait_for("acache ls --function /librosa/decompose/hpss", "1 entry")
        terminal.type("i")
        terminal.wait_for("arguments", "kernel_size")
        terminal.type("qqq")
        screen = terminal.wait_for("ended with 0", "icanon", "echo ")
        assert "-echo " not in screen
        assert "-icanon" not in screen


@needs_posix
def test_browse_without_colour_draws_without_colour(librosa_location: Path) -> None:
    with browsing(librosa_location) as terminal:
        terminal.wait_for("22 functions")
        assert terminal.colours() > {"default"}
    with browsing(librosa_location, NO_COLOR="1") as terminal:
        terminal.wait_for("22 functions")
        terminal.type("\r")
        terminal.wait_for("all levels", "█")
        assert terminal.colours() == {"default"}


@needs_posix
@pytest.mark.parametrize(
    ("end", "code"), [("\x03", 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "sigterm"]
)
def test_browse_that_is_interrupted_leaves_the_terminal_as_it_was(
    end: str | signal.Signals, code: int, librosa_location: Path
) -> None:
    with browsing(librosa_location) as terminal:
        terminal.wait_for("22 functions")
        if isinstance(end, str):
            terminal.type(end)
        elif sys.platform != "linux":
            pytest.skip("needs /proc to find the process")
        else:
            terminal.signal(end)
        screen = terminal.wait_for(f"ended with {code}", "icanon")
        assert "Traceback" not in screen
        assert "-icanon" not in screen


@needs_posix
def test_browse_whose_terminal_is_closed_leaves_no_half_removed_entry(tmp_path: Path) -> None:
    folder = tmp_path / "joblib" / "m" / "f"
    for number in range(3000):
        write_entry(folder, f"{number:032x}")
    (folder / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    with browsing(tmp_path) as terminal:
        terminal.wait_for("1 function, 3,000 entries")
        terminal.type("d")
        terminal.wait_for("Remove 3,000 entries")
        terminal.type("y")
        terminal.wait(lambda _: len(os.listdir(folder)) < 2990, "removal", poll=True)
        terminal.hang_up()
    left = [entry for entry in os.scandir(folder) if entry.is_dir()]
    assert all(sorted(os.listdir(one)) == ["metadata.json", "output.pkl"] for one in left)
