"""The environment of a child process: real librosa in it uses the cache that is meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from acache.config.child import child_environment, child_environment_at
from acache.config.settings import Config
from tests.helpers.processes import run_python

ASK = "import librosa; print(librosa.cache.memory.location, librosa.cache.level)"


def test_child_environment_has_what_options_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path / "set"))
    monkeypatch.setenv("LIBROSA_CACHE_LEVEL", "30")
    assert child_environment(Config.from_env()) == dict(os.environ)
    child = child_environment(Config.from_env(cache_dir=str(tmp_path / "given"), level=20))
    assert run_python(ASK, env=child) == f"{tmp_path / 'given'} 20\n"


def test_child_environment_at_another_location(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path / "set"))
    monkeypatch.setenv("LIBROSA_CACHE_LEVEL", "30")
    config = Config.from_env()
    child = child_environment_at(config, str(tmp_path / "other"))
    assert run_python(ASK, env=child) == f"{tmp_path / 'other'} 30\n"
    child = child_environment_at(config, str(tmp_path / "other"), level=40)
    assert run_python(ASK, env=child) == f"{tmp_path / 'other'} 40\n"
    assert "LIBROSA_CACHE_DIR" not in child_environment_at(config, None)
