"""A real store whose function's module can be edited."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.doctored import FUNCTION, call


@pytest.fixture
def location(tmp_path: Path) -> Iterator[Path]:
    """Have joblib make a store with two entries of a function in a module."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "doctored.py").write_text(FUNCTION)
    sys.path.insert(0, str(package))
    call(tmp_path / "location", 1, 2)
    yield tmp_path / "location"
    sys.path.remove(str(package))
