"""Memories of both engines, on one store."""

from __future__ import annotations

from pathlib import Path

import pytest
from joblib.memory import Memory

from acache.memory.engine.engine import FastMemory
from tests.helpers.cached_functions import calls


@pytest.fixture(autouse=True)
def no_calls() -> None:
    calls.clear()


@pytest.fixture
def fast(tmp_path: Path) -> FastMemory:
    return FastMemory(str(tmp_path), verbose=0)


@pytest.fixture
def slow(tmp_path: Path) -> Memory:
    return Memory(str(tmp_path), verbose=0)
