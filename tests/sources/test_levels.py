"""A function's level: shown by its stored source, recorded, or shown by the installed source."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels, record_level
from acache.store.local import Store


def levels(location: Path) -> Levels:
    return Levels(Store(location), InstalledSources())


def write_source(location: Path, function: str, source: str) -> None:
    folder = location / "joblib" / function
    folder.mkdir(parents=True)
    (folder / "func_code.py").write_text(f"# first line: 3\n{source}", encoding="utf-8")


def test_the_stored_source_wins(tmp_path: Path) -> None:
    write_source(tmp_path, "m/f", "@cache(level=30)\ndef f(): ...\n")
    record_level(str(tmp_path), "m/f", 20)
    assert levels(tmp_path)("m/f") == 30


def test_a_recorded_level_serves_where_the_source_shows_none(tmp_path: Path) -> None:
    write_source(tmp_path, "m/f", "def f(): ...\n")
    write_source(tmp_path, "m/f/<locals>/g", "def g(): ...\n")
    assert levels(tmp_path)("m/f") is None
    record_level(str(tmp_path), "m/f", 20)
    record_level(str(tmp_path), "m/f/<locals>/g", -30)
    assert levels(tmp_path)("m/f") == 20
    assert levels(tmp_path)("m/f/<locals>/g") == -30
    assert (tmp_path / ".acache" / "levels" / "m.f").read_text() == "20\n"


@pytest.mark.parametrize("content", ["", "x", "1" * 100])
def test_a_broken_record_is_no_level(tmp_path: Path, content: str) -> None:
    write_source(tmp_path, "m/f", "def f(): ...\n")
    (tmp_path / ".acache" / "levels").mkdir(parents=True)
    (tmp_path / ".acache" / "levels" / "m.f").write_text(content)
    assert levels(tmp_path)("m/f") is None


def test_recording_leaves_no_temporary_file_and_never_raises(tmp_path: Path) -> None:
    record_level(str(tmp_path), "m/f", 20)
    record_level(str(tmp_path), "m/f", 30)
    assert os.listdir(tmp_path / ".acache" / "levels") == ["m.f"]
    record_level(str(tmp_path), "m" * 300, 30)
    (tmp_path / "file").write_text("")
    record_level(str(tmp_path / "file"), "m/f", 30)


def test_the_installed_source_serves_where_none_is_stored(tmp_path: Path) -> None:
    (tmp_path / "joblib").mkdir()
    assert levels(tmp_path)("librosa/core/spectrum/stft") == 20
    write_source(tmp_path, "librosa/core/spectrum/istft", "def istft(): ...\n")
    assert levels(tmp_path)("librosa/core/spectrum/istft") is None


def test_an_unreadable_source_is_told(tmp_path: Path) -> None:
    (tmp_path / "joblib" / "f" / "func_code.py").mkdir(parents=True)
    looked_up = levels(tmp_path)
    assert looked_up("f") is None
    assert looked_up.warnings == ["cannot read f/func_code.py: is not a regular file"]


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


def test_another_python_is_asked_for_its_folders(tmp_path: Path) -> None:
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
