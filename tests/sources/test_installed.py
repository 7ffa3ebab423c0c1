"""Installed sources: found and parsed, never imported."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from acache.sources.installed import InstalledSources
from tests.helpers.marks import needs_posix


@needs_posix
def test_installed_sources_of_a_python_that_prints_when_it_starts(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf noise\n{shlex.quote(sys.executable)} "$@"\necho more\n')
    python.chmod(0o755)
    asked = InstalledSources(str(python)).search_path
    assert all(os.path.isabs(folder) for folder in asked)
    assert os.path.dirname(os.__file__) in asked


PACKAGE = {
    "pkg/__init__.py": "@cache(level=1)\ndef here(): ...\n@cache(level=2)\ndef twin(): ...\n",
    "pkg/twin.py": "",
    "pkg/module.py": """
if True:
    @cache(level=3)
    def f():
        @cache(level=4)
        def g(): ...
@cache(level=5)
def twice(): ...
@cache(level=6)
def twice(): ...
class C:
    @cache(level=7)
    def method(self): ...
try:
    pass
except ImportError:
    @cache(level=8)
    def fallback(): ...
""",
    "space/inner/module.py": "@cache(level=9)\ndef f(): ...\n",
    "broken.py": "def (",
    "canary.py": "import pathlib; pathlib.Path(__file__).with_name('imported').touch()\n"
    "@cache(level=10)\ndef f(): ...\n",
}


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PACKAGE.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("function", "level"),
    [
        ("pkg/here", 1),
        ("pkg/twin", 2),
        ("pkg/module/f", 3),
        ("pkg/module/f/<locals>/g", 4),
        ("pkg/module/twice", 6),
        ("pkg/module/C/method", 7),
        ("pkg/module/fallback", 8),
        ("space/inner/module/f", 9),
        ("canary/f", 10),
        ("pkg/module/nothing", None),
        ("pkg/module", None),
        ("pkg/module/<locals>", None),
        ("pkg", None),
        ("broken/f", None),
        ("nowhere/f", None),
        ("__main__--tmp-script/f", None),
        ("", None),
    ],
)
def test_installed_sources_are_parsed_not_imported(
    packages: Path, function: str, level: int | None
) -> None:
    assert InstalledSources().level(function) == level
    assert not (packages / "imported").exists()


def test_installed_sources_of_another_python(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    folder = "Scripts" if os.name == "nt" else "bin"
    python = str(tmp_path / "env" / folder / "python")
    site = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    Path(site, "only_there.py").write_text("@cache(level=20)\ndef f(): ...\n")
    assert InstalledSources(python).level("only_there/f") == 20
    assert InstalledSources().level("only_there/f") is None
    assert InstalledSources(python).has_module("only_there")
    assert not InstalledSources(python).has_module("librosa")
    assert InstalledSources(sys.executable).has_module("librosa")
    assert InstalledSources(str(tmp_path / "no-python")).level("only_there/f") is None
