"""Scripts to be timed, and the command line that times them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.benches import LEVELLED, SCRIPT, WITH_ITS_CLOCK, write
from tests.helpers.processes import Result


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a script with a cache, and have its temporary folder to itself."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("CLOCK", str(tmp_path / "clock"))
    (tmp_path / "clock").touch()
    (tmp_path / "work" / "levelled.py").write_bytes(LEVELLED.read_bytes())
    return write(tmp_path, SCRIPT)


@pytest.fixture
def acache(acache: Callable[..., Result], script: Path) -> Callable[..., Result]:
    """Run the command line with a clock that only the scripts advance."""
    return functools.partial(acache, code=WITH_ITS_CLOCK)
