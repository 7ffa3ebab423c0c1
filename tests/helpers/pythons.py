"""Other Pythons: those that are on this machine, and those with other versions of librosa.

``ACACHE_TEST_PYTHONS`` names the latter, separated as in ``PATH``; `make versions` sets it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LIBROSAS = [*filter(None, os.environ.get("ACACHE_TEST_PYTHONS", "").split(os.pathsep))]
# Syntax that came with a version; the newest last.
SYNTAX = {
    (3, 12): "def newer[T](x: T) -> T:\n    return f\"{f\"{x}\"}\"\n",
    (3, 14): "def newer(x):\n    try:\n        return x\n    except KeyError, OSError: 0\n",
}  # fmt: skip


def newer_python() -> tuple[str, str]:
    """Find a Python, and a function in syntax of its that this one cannot parse; or skip."""
    for version, function in SYNTAX.items():
        if version > sys.version_info:
            for python in _pythons(version):
                return python, function
    pytest.skip("needs a Python with newer syntax than this one, on PATH or made by pyenv")


def _pythons(version: tuple[int, int]) -> list[str]:
    names = [f"python3.{minor}" for minor in range(version[1], version[1] + 5)]
    found = [*filter(None, map(shutil.which, names))]
    found += map(str, Path.home().glob(".pyenv/versions/*/bin/python"))
    return [python for python in found if _version(python) >= version]


def _version(python: str) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    asked = subprocess.run([python, "-c", code], capture_output=True, check=False, text=True)
    return tuple(map(int, asked.stdout.split())) if asked.returncode == 0 else ()
