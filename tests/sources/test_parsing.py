"""Sources in a newer grammar: the Python that they belong to is asked, once."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.sources.staleness import Drift
from acache.store.store import Store
from tests.helpers.marks import needs_posix
from tests.helpers.pythons import newer_python
from tests.helpers.stores import write_entry

F = "@cache(level=20)\ndef {name}(x):\n    return {value}\n"


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package in newer syntax, and a Python that notes each of its runs in a file."""
    python, function = newer_python()
    package = tmp_path / "packages" / "newer"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    functions = [F.format(name=name, value=1) for name in ("current", "changed", "bound")]
    (package / "one.py").write_text("\n".join([*functions, function, "bound = print\n"]))
    (package / "two.py").write_text(f"@cache(level=30)\n{function}")
    noting = tmp_path / "python"
    noting.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/runs\nexec {shlex.quote(python)} "$@"\n')
    noting.chmod(0o755)
    return noting


def write_source(location: Path, function: str, source: str) -> None:
    entry = write_entry(location / "joblib" / function, "0" * 32)
    (entry.parent / "func_code.py").write_text(f"# first line: 1\n{source}")


@needs_posix
def test_sources_in_a_newer_grammar_are_compared(newer: Path, tmp_path: Path) -> None:
    location = tmp_path / "location"
    for name, value in (("current", 1), ("changed", 2), ("bound", 2), ("gone", 2)):
        write_source(location, f"newer/one/{name}", F.format(name=name, value=value))
    function = (tmp_path / "packages" / "newer" / "two.py").read_text()
    write_source(location, "newer/two/newer", function.replace("return", "return  "))
    store, installed = Store(location), InstalledSources(str(newer))
    drift = Drift(store, installed)
    assert {name: drift(name) for name in store.functions()} == {
        "newer/one/current": "current",
        "newer/one/changed": "changed",
        "newer/one/bound": "unknown",
        "newer/one/gone": "gone",
        "newer/two/newer": "changed",
    }
    assert drift.compare("newer/two/newer").installed == function
    # Once for where it looks for modules, and once for all functions.
    assert (tmp_path / "runs").read_text().split() == ["-c", "-I"]


@needs_posix
def test_sources_in_a_newer_grammar_show_their_level(newer: Path, tmp_path: Path) -> None:
    location = tmp_path / "location"
    for name in ("one/current", "two/newer"):
        write_entry(location / "joblib" / "newer" / name, "0" * 32)
    store, installed = Store(location), InstalledSources(str(newer))
    levels = Levels(store, installed)
    found = {name: levels(name) for name in store.functions()}
    assert found == {"newer/one/current": 20, "newer/two/newer": 30}
    assert (tmp_path / "runs").read_text().split() == ["-c", "-I"]


@needs_posix
def test_sources_that_no_grammar_has_are_unknown(newer: Path, tmp_path: Path) -> None:
    (tmp_path / "packages" / "newer" / "one.py").write_text("def f(:\n")
    location = tmp_path / "location"
    write_source(location, "newer/one/f", "def f(): ...\n")
    installed = InstalledSources(str(newer))
    assert Drift(Store(location), installed)("newer/one/f") == "unknown"
    assert installed.level("newer/one/f") is None
