"""What README and docstrings show is what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import acache
from acache.cli.app import COMMANDS
from acache.config.settings import Config
from tests.helpers.processes import Result, run_python

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [m.name for m in pkgutil.walk_packages(acache.__path__, "acache.")]


@pytest.mark.parametrize("module", [m for m in MODULES if m != "acache.__main__"])
def test_docstring_examples(module: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(module), raise_on_error=False)
    assert failed == 0


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_readme_programs_run(code: str, tmp_path: Path, librosa_location: Path) -> None:
    shutil.copytree(librosa_location, tmp_path / ".cache" / "librosa")
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    output = run_python(code, env=home)
    assert ("librosa.core.spectrum.stft 20 " in output) == ("report = stats(" in code)


def test_the_readme_names_every_command_and_variable() -> None:
    for command in COMMANDS:
        assert f"`acache {command}`" in README
    for setting in Config.from_env({}).settings:
        assert setting.name == "python" or f"`{setting.variable}`" in README


def test_the_readmes_options_exist(acache: Callable[..., Result]) -> None:
    helps = "".join(acache(command, "--help").stdout for command in COMMANDS)
    for option in set(re.findall(r"`(--[a-z-]+)", README)):
        assert option in helps, option


def test_links_in_the_docs_lead_somewhere() -> None:
    for file in [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]:
        text = file.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_the_architecture_tree_is_as_generated() -> None:
    tool = [sys.executable, ROOT / "tools" / "architecture.py", "--print"]
    made = subprocess.run(tool, capture_output=True, check=True, encoding="utf-8").stdout
    assert made in (ROOT / "docs" / "architecture.md").read_text("utf-8"), "run make docs"
    modules = {file.name for file in Path(acache.__file__).parent.rglob("*.py")}
    listed = set(re.findall(r"^ +(\w+\.py) ", made, re.MULTILINE))
    assert listed == modules - {"__init__.py", "__main__.py"}


def test_the_reference_is_as_generated() -> None:
    tool = ROOT / "tools" / "commands.py"
    made = subprocess.run([sys.executable, tool], capture_output=True, check=True, encoding="utf-8")
    kept = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert kept == made.stdout, "docs/commands.md is out of date; run make docs"
    for command in COMMANDS:
        assert f"\n## acache {command}\n" in kept
