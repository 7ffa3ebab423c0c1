"""Completion in real shells: TAB is pressed in a terminal, and its screen read."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acache import Store
from tests.helpers.processes import run_python

if TYPE_CHECKING:
    from tests.helpers.terminal import Terminal

if os.name == "nt":
    pytest.skip("Windows has no such terminals", allow_module_level=True)

# Real joblib writes a store with functions at two levels; names that shells would misread.
FEATURES = """
import sys
from acache import CacheManager

cache = CacheManager(sys.argv[1], level=50, verbose=0)

@cache(level=20)
def stft(y):
    return y

def outer():
    @cache(level=30)
    def inner(y):
        return y
    return inner

def odd(y):
    return y

odd.__name__ = odd.__qualname__ = "it's $HOME"
stft(1); outer()(1); cache.memory.cache(odd)(1)
"""
START = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "PS1='READY''>'; bind 'set show-all-if-ambiguous on'; bind 'set bell-style none';"
        'bind "set enable-bracketed-paste off"; eval "$(acache completion bash)"; clear\n',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "PS1='READY''>'; unsetopt beep prompt_sp; autoload -U compinit; compinit -u -D;"
        'eval "$(acache completion zsh)"; clear\n',
    ),
    "fish": (
        ["fish", "--no-config", "-i"],
        "function fish_prompt; echo -n 'READY''>'; end; set -g fish_autosuggestion_enabled 0;"
        "acache completion fish | source; clear\n",
    ),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with a store, a script, a folder, and acache on the PATH."""
    home = tmp_path_factory.mktemp("home")
    (home / "features.py").write_text(FEATURES)
    run_python("import features", home / "store", env={"PYTHONPATH": with_path(home)})
    (home / "bin").mkdir()
    (home / "bin" / "acache").write_text(f'#!/bin/sh\nexec {sys.executable} -m acache "$@"\n')
    (home / "bin" / "acache").chmod(0o755)
    (home / "script.py").touch()
    (home / "folder").mkdir()
    return home


def with_path(folder: Path) -> str:
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


@pytest.fixture(scope="module", params=START)
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    pytest.importorskip("pyte", reason="reading a terminal's screen needs pyte")
    return name


@pytest.fixture(scope="module")
def shared_terminal(shell: str, home: Path) -> Iterator[Terminal]:
    from tests.helpers.terminal import PROMPT, Terminal

    command, setup = START[shell]
    env = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": with_path(home),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "LIBROSA_CACHE_DIR": str(home / "store"),
    }
    with Terminal(command, env=env, cwd=home) as terminal:
        terminal.type(setup)
        terminal.wait(lambda screen: screen.strip() == PROMPT, "prompt")
        yield terminal


@pytest.fixture
def terminal(shared_terminal: Terminal) -> Iterator[Terminal]:
    yield shared_terminal
    shared_terminal.clear()


def test_shells_offer_commands_with_their_summaries(terminal: Terminal, shell: str) -> None:
    terminal.type("acache s\t")
    screen = terminal.wait_for("show", "stats")
    if shell != "bash":
        assert "Show one entry, or one function." in screen
        assert "Show what the cache holds, per level and function." in screen
    assert "clear" not in screen


def test_shells_offer_options_with_their_help(terminal: Terminal, shell: str) -> None:
    terminal.type("acache prune --max-\t")
    screen = terminal.wait_for("--max-size", "--max-items", "--max-age")
    if shell != "bash":
        assert "Size of all entries: 500MB, 10GiB." in screen
    assert "--min-free" not in screen


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("acache prune --poli\t", "acache prune --policy"),
        ("acache prune --policy la\t", "acache prune --policy largest"),
        ("acache prune --policy=la\t", "acache prune --policy=largest"),
        ("acache stats --by m\t", "acache stats --by module"),
        ("acache completion fi\t", "acache completion fish"),
        ("true; acache --version sta\t", "true; acache --version stats"),
        ("acache ls --function st\t", "acache ls --function stft"),
        ("acache ls --function=st\t", "acache ls --function=stft"),
        ("acache show features.s\t", "acache show features.stft"),
        ("acache show 'features.s\t", "acache show 'features.stft'"),
        ("acache clear -n st\t", "acache clear -n stft/"),
        ("acache stats --level 2\t", "acache stats --level 20"),
        ("acache bench --levels 10,20,3\t", "acache bench --levels 10,20,30"),
        ("acache run --level=1\t", "acache run --level=10"),
        ("acache bench scr\t", "acache bench script.py"),
        ("acache run --level 10 scr\t", "acache run --level 10 script.py"),
        ("acache run -- scr\t", "acache run -- script.py"),
        ("acache run script.py fo\t", "acache run script.py folder/"),
        ("acache stats --cache-dir fo\t", "acache stats --cache-dir folder/"),
        ("acache stats --python scr\t", "acache stats --python script.py"),
        ("acache --cache-dir none show --js\t", "acache --cache-dir none show --json"),
    ],
)
def test_shells_complete_what_is_unique(terminal: Terminal, typed: str, completed: str) -> None:
    terminal.type(typed)
    terminal.wait(lambda _: terminal.line().removesuffix("=") == completed, completed)


@pytest.mark.parametrize(
    ("typed", "function"),
    [
        ("acache show features.outer.", "features.outer.<locals>.inner"),
        ('acache show "features.outer.', "features.outer.<locals>.inner"),
        ("acache show 'features.outer.", "features.outer.<locals>.inner"),
        ("acache show features.it", "features.it's $HOME"),
        ('acache show "features.it', "features.it's $HOME"),
        ("acache show 'features.it", "features.it's $HOME"),
    ],
)
def test_shells_pass_what_they_insert_to_acache_unchanged(
    terminal: Terminal, typed: str, function: str
) -> None:
    terminal.type(f"{typed}\t")
    terminal.wait(lambda _: len(terminal.line()) > len(typed) + 3, "completion")
    terminal.type("\r")
    terminal.wait_for(f"\n{function}\n", " 1 entry, ")


def test_shells_offer_an_entry_once_its_function_is_typed(terminal: Terminal, home: Path) -> None:
    [argument_hash] = Store(home / "store").hashes("features/stft")
    terminal.type("acache show stft/\t")
    terminal.wait(lambda _: terminal.line().endswith(f"stft/{argument_hash}"), "entry")
    terminal.type("\r")
    terminal.wait_for("level      20", "arguments\n  y  1")


def test_shells_offer_levels_and_functions_of_the_store(terminal: Terminal) -> None:
    terminal.type("acache ls --level \t")
    terminal.wait_for("20", "30")
    terminal.clear()
    terminal.type("acache ls --function \t")
    terminal.wait_for("inner", "stft")
    assert "features" not in terminal.text
    terminal.clear()
    terminal.type("acache ls --function /features/s\t")
    line = "acache ls --function /features/stft"
    terminal.wait(lambda _: terminal.line() == line, line)


def test_shells_use_a_location_on_the_line(terminal: Terminal, home: Path) -> None:
    other = home / "other store" / "joblib" / "other" / "mel"
    other.mkdir(parents=True, exist_ok=True)
    (other / "func_code.py").write_text("")
    for given in ('--cache-dir "other store"', "--cache-dir=~/other\\ store"):
        terminal.type(f"acache {given} ls --function \t")
        completed = f"acache {given} ls --function mel"
        terminal.wait(lambda _, line=completed: terminal.line() == line, completed)
        terminal.clear()


@pytest.mark.parametrize(
    "typed",
    [
        "acache show --cache-dir none ",
        "acache show --cache-dir script.py ",
        "acache show --cache-dir shut ",
        "acache --env-prefix 1+1 show ",
        "acache --env-prefix OTHER show ",
        "acache show features.nothing",
        "acache show 'sti\"ll/",
        "acache show stft/xyz",
        "acache stats --nonsense=",
        "acache nonsense --level ",
        "acache stats --top ",
    ],
)
def test_shells_print_nothing_where_there_is_nothing_to_offer(
    terminal: Terminal, home: Path, typed: str
) -> None:
    if "shut" in typed and os.geteuid() != 0:
        (home / "shut" / "joblib").mkdir(parents=True, exist_ok=True)
        (home / "shut").chmod(0)
    terminal.type(f"{typed}\t\tX")
    terminal.wait(lambda _: terminal.line() == f"{typed}X", f"{typed}X")
    assert terminal.text.count("\n") == 0
