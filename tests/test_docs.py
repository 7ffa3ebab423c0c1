"""README, docs/ and docstrings are true: programs run, options exist, links lead somewhere."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import acache
from acache.cli.app import COMMANDS, cli
from acache.config.settings import Config
from tests.helpers.processes import run_python
from tests.helpers.sessions import PAGES, ROOT

MODULES = [m.name for m in pkgutil.walk_packages(acache.__path__, "acache.")]
TEXTS = {page: (ROOT / page).read_text(encoding="utf-8") for page in [*PAGES, "CHANGELOG.md"]}
FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
PROGRAMS = [
    pytest.param(code, id=page)
    for page, text in TEXTS.items()
    for language, code in FENCE.findall(text)
    if language == "python"
]
# A command line ends at a pipe, a quote or the line, but a job of CI goes on in indented lines.
COMMAND_LINE = re.compile(rf"\bacache ({'|'.join(COMMANDS)})\b([^\n|`;]*(?:\n {{10}}--[^\n|`;]*)*)")
OPTION = re.compile(r"(?<!\S)(--?[a-z][a-z-]*)")
# `acache completion --offer` is for the shells' scripts, which call it before click is imported.
HIDDEN = {"completion": {"--offer"}}


@pytest.mark.parametrize("module", [m for m in MODULES if m != "acache.__main__"])
def test_docstring_examples(module: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module), raise_on_error=False)
    assert failed == 0


@pytest.mark.parametrize("code", PROGRAMS)
def test_programs_run(code: str, tmp_path: Path, librosa_location: Path) -> None:
    shutil.copytree(librosa_location, tmp_path / ".cache" / "librosa")
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    output = run_python(code, env=home)
    assert ("librosa.core.spectrum.stft 20 " in output) == ("report = stats(" in code)


def test_commands_and_variables_are_all_described() -> None:
    for command in COMMANDS:
        assert f"`acache {command}`" in TEXTS["README.md"]
    for setting in Config.from_env({}).settings:
        assert setting.name == "python" or f"`{setting.variable}`" in TEXTS["docs/settings.md"]


def options(command: str | None = None) -> set[str]:
    """Return the options of a command, the group's included; without a name those of all."""
    context = click.Context(cli)
    names = [command] if command else COMMANDS
    commands = [cli, *(cli.get_command(context, name) for name in names)]
    found = {option for made in commands if made for param in made.params for option in param.opts}
    return found | {"-h", "--help"} | HIDDEN.get(command or "", set())


def unknown_options(text: str) -> list[str]:
    """Find options in a text that their command does not have, or no command has."""
    everywhere = options()
    wrong = [one for one in re.findall(r"`(--[a-z-]+)", text) if one not in everywhere]
    for command, words in COMMAND_LINE.findall(text):
        # What follows the script belongs to the script.
        own = re.split(r" -- |\S+\.py\b", words)[0] if command in ("bench", "run") else words
        wrong += [f"{command} {one}" for one in OPTION.findall(own) if one not in options(command)]
    return wrong


@pytest.mark.parametrize("page", TEXTS)
def test_options_exist(page: str) -> None:
    assert unknown_options(TEXTS[page]) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`--max-sizes`", ["--max-sizes"]),
        ("$ acache prune --max-size 1GB --top 3 -q", ["prune --top"]),
        ("`acache ls --json | jq --raw-output`", []),
        ("acache bench --levels 20\n          --fail-over 2 my.py --any", ["bench --fail-over"]),
        ("acache run -- make --any", []),
    ],
)
def test_options_that_do_not_exist_are_found(text: str, wrong: list[str]) -> None:
    assert unknown_options(text) == wrong


def headings(text: str) -> set[str]:
    """Return the anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", TEXTS[page]):
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in headings(file.read_text(encoding="utf-8")), anchor


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md", "docs/store.md"])
def test_files_that_are_named_exist(page: str) -> None:
    named = re.findall(r"`([a-z]+(?:/[\w.]+)+/?)`", TEXTS[page])
    assert named
    roots = (ROOT, ROOT / "src" / "acache")
    assert [name for name in named if not any((root / name).exists() for root in roots)] == []


def test_architecture_tree_is_as_generated() -> None:
    tool = [sys.executable, ROOT / "tools" / "architecture.py", "--print"]
    made = subprocess.run(tool, capture_output=True, check=True, encoding="utf-8").stdout
    assert made in TEXTS["docs/architecture.md"], "run make docs"
    package = Path(acache.__file__).parent
    modules = {file.relative_to(package).as_posix() for file in package.glob("*/**/*.py")}
    assert paths(made) == {path for path in modules if not path.endswith("__init__.py")}


def paths(tree: str) -> set[str]:
    """Read the paths of the modules in a tree whose folders end with a slash."""
    folders: list[str] = []
    found = set()
    for indent, name in re.findall(r"^    ( *)(\S+)", tree, re.MULTILINE):
        folders[len(indent) // 4 :] = [name]
        if not name.endswith("/"):
            found.add("".join(folders))
    return found


def test_reference_is_as_generated() -> None:
    tool = ROOT / "tools" / "commands.py"
    made = subprocess.run([sys.executable, tool], capture_output=True, check=True, encoding="utf-8")
    assert TEXTS["docs/commands.md"] == made.stdout, (
        "docs/commands.md is out of date; run make docs"
    )
    for command in COMMANDS:
        assert f"\n## acache {command}\n" in made.stdout
