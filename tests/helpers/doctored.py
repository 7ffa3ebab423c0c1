"""What the tests of `acache doctor` share: a function to cache and edit, checks by id, fixes."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from acache.config.settings import Config
from acache.operations.doctor.check import Check
from acache.operations.doctor.registry import examine

needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs two users, so root"
)
FUNCTION = """
import os, sys, warnings
import joblib
def f(x):
    return x
"""


def checks(location: Path | str | None = None, **environ: str) -> dict[str, Check]:
    variables = {f"LIBROSA_CACHE_{name}": value for name, value in environ.items()}
    if location is not None:
        variables["LIBROSA_CACHE_DIR"] = os.fspath(location)
    return {check.id: check for check in examine(Config.from_env(variables))}


def followed(fix: str | None) -> dict[str, str]:
    """Follow a line of the shell: return what it sets, or nothing where it unsets."""
    assert fix is not None
    word, what = shlex.split(fix.partition(" && ")[0])
    name, _, value = what.partition("=")
    assert name.startswith("LIBROSA_CACHE_")
    return {name.removeprefix("LIBROSA_CACHE_"): value} if word == "export" else {}


def run_fix(fix: str | None, location: Path) -> None:
    """Run a fix as it stands, but for the question."""
    assert fix is not None
    name, *arguments = shlex.split(fix)
    assert name == "acache"
    environ = {**os.environ, "LIBROSA_CACHE_DIR": str(location)}
    command = [sys.executable, "-m", "acache", *arguments, "--yes"]
    subprocess.run(command, env=environ, check=True, capture_output=True)


def call(location: Path, *values: int) -> list[int]:
    """Call the function as its module is now, through joblib."""
    sys.modules.pop("doctored", None)
    importlib.invalidate_caches()
    module = importlib.import_module("doctored")
    cached = joblib.Memory(str(location), verbose=0).cache(module.f)
    return [cached(value) for value in values]


def edit(location: Path, old: str, new: str) -> None:
    file = location.parent / "package" / "doctored.py"
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)  # it goes by seconds
    file.write_text(file.read_text().replace(old, new))


def private(location: Path) -> None:
    for path in (location, *location.rglob("*")):
        path.chmod(0o755)
