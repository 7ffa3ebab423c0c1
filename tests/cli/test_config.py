"""``acache config``: every setting, its value, its origin, its effect."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import Result

Acache = Callable[..., Result]


def test_config_json_is_as_documented(acache: Acache, tmp_path: Path) -> None:
    env = {"LIBROSA_CACHE_LEVEL": "30", "LIBROSA_CACHE_COMPRESS": "1"}
    result = acache("config", "--json", "--cache-dir", tmp_path, env=env)
    assert (result.stderr, result.code) == ("", 0)
    document = result.document
    assert (document["schema"], document["kind"]) == (1, "config")
    settings = {setting.pop("name"): setting for setting in document["settings"]}
    assert settings["cache-dir"] == {
        "variable": "LIBROSA_CACHE_DIR",
        "value": str(tmp_path),
        "origin": "flag",
        "raw": str(tmp_path),
        "effect": "results are stored here",
        "ok": True,
    }
    assert settings["level"]["value"] == 30
    assert settings["level"]["origin"] == "environment"
    assert settings["compress"]["value"] is True
    assert settings["compress"]["ok"] is False
    assert settings["verbose"]["origin"] == "default"
    assert settings["verbose"]["raw"] is None


def test_config_needs_no_location(acache: Acache) -> None:
    result = acache("config")
    assert (result.stderr, result.code) == ("", 0)
    assert "caching is off" in result.stdout


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_config_table_fits(acache: Acache, columns: int) -> None:
    env = {"COLUMNS": str(columns), "LIBROSA_CACHE_DIR": "/a/" + "long/" * 30}
    result = acache("config", env=env)
    assert max(map(len, result.stdout.splitlines())) <= columns
    words = result.stdout.replace("\n", " ")
    for expected in ("cache-dir", "max-size", "python", "export LIBROSA_CACHE_LEVEL=30"):
        assert expected in words


def test_config_shows_limits_with_units(acache: Acache) -> None:
    env = {"LIBROSA_CACHE_MAX_SIZE": "10GB", "LIBROSA_CACHE_MAX_AGE": "7d"}
    result = acache("config", env=env)
    assert "10.0 GB" in result.stdout
    assert "7d 00h" in result.stdout


def test_config_looks_for_lz4_in_the_chosen_python(acache: Acache, tmp_path: Path) -> None:
    import venv

    venv.create(tmp_path / "env", with_pip=False)
    folder = "Scripts" if os.name == "nt" else "bin"
    env = {"LIBROSA_CACHE_COMPRESS": "lz4"}
    ours = acache("config", "--json", env=env).document
    python = tmp_path / "env" / folder / "python"
    theirs = acache("config", "--json", "--python", python, env=env).document
    [ok] = [s["ok"] for s in ours["settings"] if s["name"] == "compress"]
    [missing] = [s for s in theirs["settings"] if s["name"] == "compress"]
    assert ok
    assert not missing["ok"]
    assert "lz4 is missing" in missing["effect"]
