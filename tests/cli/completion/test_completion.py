"""``acache completion``, and what its scripts ask for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.cli.app import COMMANDS, cli
from acache.cli.completion.command import grammar_of
from acache.cli.completion.grammar import ANYTHING, ASKED, COMMAND, FILES, FOLDERS, WORDS
from tests.helpers.processes import Result
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]
FOLDER = Path(__file__).parents[3] / "completions"
# The user may not be able to read Python's own files: everything is imported before.
ANSWER = """
import os, sys
from acache.cli.completion.offers import answer
os.setuid(int(sys.argv[1]))
answer(sys.argv[2:])
"""
FILES_OF = {"bash": "acache.bash", "zsh": "_acache", "fish": "acache.fish"}


@pytest.fixture
def location(tmp_path: Path) -> Path:
    for function in ("pkg/core/stft", "pkg/core/f/<locals>/g", "pkg/mel", "util/mel", "pkg/a\x1b"):
        folder = tmp_path / "store" / "joblib" / function
        write_entry(folder, "0a" * 16)
        (folder / "func_code.py").write_text("@cache(level=20)\ndef f(): ...\n")
    return tmp_path / "store"


def test_completion_scripts_are_those_of_the_folder(acache: Acache) -> None:
    for shell, name in FILES_OF.items():
        script = acache("completion", shell)
        assert (script.stderr, script.code) == ("", 0)
        assert script.stdout == (FOLDER / name).read_text(encoding="utf-8"), "make completions"


def test_completion_of_an_unknown_shell_lists_the_known_ones(acache: Acache) -> None:
    for arguments in (["tcsh"], []):
        result = acache("completion", *arguments)
        assert (result.stdout, result.code) == ("", 2)
        assert all(shell in result.stderr for shell in FILES_OF)
        assert result.stderr.count("\n") == 1


def test_completion_scripts_know_every_command_and_option() -> None:
    grammar = grammar_of(click.Context(cli, info_name="acache"))
    assert tuple(command.name for command in grammar.commands) == COMMANDS
    kinds = {*ASKED, ANYTHING, COMMAND, FILES, FOLDERS, WORDS}
    for command in grammar.all:
        values = [option.value for option in command.options if option.value is not None]
        assert {value.kind for value in values} <= kinds
        for option in command.options:
            assert option.help
            assert "default" not in option.help
        for script in (FOLDER / name for name in FILES_OF.values()):
            text = script.read_text(encoding="utf-8")
            assert all(name.lstrip("-") in text for o in command.options for name in o.names)


def ask(acache: Acache, location: Path, *words: str) -> list[str]:
    result = acache("completion", "--offer", *words, "--cache-dir", location)
    assert (result.stderr, result.code) == ("", 0)
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("kind", "typed", "offered"),
    [
        ("functions", "st", ["space", "stft"]),
        ("functions", "pkg.c", ["space", "pkg.core.f.<locals>.g", "pkg.core.stft"]),
        ("functions", "core.s", ["space", "core.stft"]),
        ("functions", "uti", ["space", "util.mel"]),
        ("functions", "pkg.a", []),  # nobody can type that name
        ("entry-or-function", "m", ["space", "mel"]),
        ("entries", "pkg.m", ["nospace", "pkg.mel/"]),
        ("entries", "stft/0", ["space", "stft/" + "0a" * 16]),
        ("entries", "stft/1", []),
        ("levels", "", ["space", "20"]),
        ("level", "", ["space", "10", "20", "30", "40"]),
        ("level-list", "10,40,", ["space", "10,40,20", "10,40,30"]),
        ("nonsense", "", []),
    ],
)
def test_offers_of_a_store(
    acache: Acache, location: Path, kind: str, typed: str, offered: list[str]
) -> None:
    assert ask(acache, location, "zsh", kind, typed) == offered


def test_offers_of_too_many_entries_are_the_next_digits(acache: Acache, tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / "joblib" / "f" / f"{number % 3}{number:031x}").mkdir(parents=True)
    digits = ask(acache, tmp_path, "fish", "entries", "f/")
    assert digits == ["nospace", "f/0", "f/1", "f/2"]
    assert len(ask(acache, tmp_path, "fish", "entries", "f/0")) == 101


def test_offers_for_bash_are_quoted_as_the_word_was_begun(acache: Acache, location: Path) -> None:
    inner = "pkg.core.f.<locals>.g"
    for typed, offered in (
        ("pkg.core.f", r"pkg.core.f.\<locals\>.g"),
        (r"pkg.core.f.\<lo", r"pkg.core.f.\<locals\>.g"),
        ('"pkg.core.f', inner),
        ("'pkg.core.f", inner),
        ('pkg.co"re.f', "re.f.<locals>.g"),  # bash inserts it after the quote
    ):
        assert ask(acache, location, "bash", "functions", typed) == ["space", offered]


@pytest.mark.skipif(os.name == "nt", reason="needs bash")
def test_quoting_for_bash_is_read_back() -> None:
    from acache.cli.completion.quoting import read, write

    @given(
        st.text(st.characters(blacklist_categories=("Cs", "Cc"))), st.sampled_from(("", "'", '"'))
    )
    def check(text: str, quote: str) -> None:
        written = write(text, quote)
        if written is not None:
            words.append((text, quote + written + quote))
            assert read(quote + written).text == text
            assert read(quote + written).quote == quote

    words: list[tuple[str, str]] = []
    check()
    script = "printf '%s\\0' " + " ".join(word or "''" for _, word in words)
    read_back = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert read_back.decode().split("\0")[:-1] == [text for text, _ in words]


@pytest.mark.parametrize(
    "words", [[], ["bash"], ["zsh", "functions"], ["bash", "levels", '"$(', "--cache-dir"]]
)
def test_offers_for_invalid_words_are_none(acache: Acache, words: list[str]) -> None:
    assert acache("completion", "--offer", *words) == ("", "", 0)


def test_offers_of_no_store_or_a_broken_one_are_none(
    acache: Acache, location: Path, tmp_path: Path, as_nobody: int | None
) -> None:
    (tmp_path / "file").touch()
    for place in ("none", "file", "store/joblib/pkg/mel/func_code.py"):
        assert ask(acache, tmp_path / place, "bash", "functions", "") == []
    (location / "joblib").chmod(0)
    try:
        arguments = ["bash", "functions", "", "--cache-dir", str(location)]
        run = [sys.executable, "-c", ANSWER, str(as_nobody or os.geteuid()), *arguments]
        done = subprocess.run(run, capture_output=True, check=False)
    finally:
        (location / "joblib").chmod(0o755)
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)


def test_offers_without_a_reader_are_no_error(location: Path) -> None:
    command = [sys.executable, "-m", "acache", "completion", "--offer", "zsh", "functions", ""]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*command, "--cache-dir", str(location)], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert (done.stderr, done.returncode) == (b"", 0)
