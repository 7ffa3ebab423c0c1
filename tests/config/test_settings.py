"""Settings: value and origin."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.system.errors import ConfigurationError, UsageError
from tests.helpers.librosa_settings import config


def test_settings_by_default() -> None:
    defaults = config()
    assert defaults.location is None
    assert defaults.level.value == 10
    assert defaults.prefix == "LIBROSA"
    assert defaults.python.value == sys.executable
    assert {s.name: s.value for s in defaults.settings} == {
        "cache-dir": None,
        "level": 10,
        "mmap": None,
        "compress": False,
        "verbose": 0,
        "max-size": None,
        "max-age": None,
        "max-items": None,
        "policy": "lru",
        "env-prefix": "LIBROSA",
        "python": sys.executable,
    }
    assert {s.origin for s in defaults.settings} == {"default"}
    assert all(s.ok and s.documented for s in defaults.settings)
    assert defaults.warnings() == []


def test_settings_take_flags_over_environment_over_default(tmp_path: Path) -> None:
    environ = {"LIBROSA_CACHE_DIR": "/a", "MY_CACHE_DIR": "/b", "ACACHE_ENV_PREFIX": "MY"}
    assert Config.from_env(environ).location == os.path.abspath("/b")
    assert Config.from_env(environ).cache_dir.origin == "environment"
    assert Config.from_env(environ, prefix="LIBROSA").location == os.path.abspath("/a")
    flagged = Config.from_env(environ, cache_dir=str(tmp_path))
    assert flagged.location == str(tmp_path)
    assert flagged.cache_dir.origin == "flag"


DOCUMENTED = {
    "LEVEL": {"0": 0, "30": 30, "-10": -10, " 20 ": 20},
    "MMAP": {"none": None, "r": "r", "c": "c", "r+": "r+", "w+": "w+"},
    "COMPRESS": {"0": False, "1": True, "9": 9, "zlib": "zlib", "xz": "xz", "lz4": "lz4"},
    "VERBOSE": {"0": 0, "11": 11},
    "MAX_SIZE": {"10GB": 10**10},
    "MAX_AGE": {"7d": 604_800},
    "MAX_ITEMS": {"1000": 1000},
    "POLICY": {"lru": "lru", "cost": "cost"},
}


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [(name, raw, value) for name, values in DOCUMENTED.items() for raw, value in values.items()],
)
def test_settings_of_documented_values(name: str, raw: str, value: object) -> None:
    setting = getattr(config(**{name: raw}), name.lower())
    assert setting.value == value
    assert type(setting.value) is type(value) or name == "MAX_AGE"
    assert setting.documented
    assert (setting.origin, setting.raw) == ("environment", raw)


UNDOCUMENTED = {
    "LEVEL": ["", "high", "1.5"],
    "MMAP": ["", "None", "x", "R", "write"],
    "COMPRESS": ["", "True", "10", "-1", "ZLIB", "snappy"],
    "VERBOSE": ["", "x"],
    "MAX_SIZE": ["", "-1", "5XB", "1e400"],
    "MAX_AGE": ["", "7", "-7d"],
    "MAX_ITEMS": ["", "-1", "1.5", "x", "٣"],
    "POLICY": ["", "LRU", "gdsf"],
}


@pytest.mark.parametrize(
    ("name", "raw"), [(name, raw) for name, values in UNDOCUMENTED.items() for raw in values]
)
def test_settings_of_other_values_mean_nothing_and_warn(name: str, raw: str) -> None:
    told = config(**{name: raw})
    setting = getattr(told, name.lower())
    assert setting.value is None
    assert not setting.documented
    assert not setting.ok
    [warning] = told.warnings()
    assert warning.startswith(f"LIBROSA_CACHE_{name}={raw!r}: ")


def test_level_that_is_no_number_is_none() -> None:
    assert config(LEVEL="high").level.value is None


def test_cache_dir_if_empty_is_the_current_folder() -> None:
    assert config(DIR="").location == os.getcwd()
    assert not config(DIR="").cache_dir.ok


def test_cache_dir_if_relative_has_another_effect() -> None:
    setting = config(DIR="cache").cache_dir
    assert setting.value == os.path.abspath("cache")
    assert "relative" in setting.effect


@pytest.mark.parametrize("url", ["s3://me:secret@b/x", "s3://b/x?key=secret", "gcs://:secret@b/x"])
def test_cache_dir_that_is_no_url_of_a_bucket_is_told_without_secrets(url: str) -> None:
    for settings, given in (
        (config(DIR=url), "LIBROSA_CACHE_DIR="),
        (Config.from_env({}, cache_dir=url), "--cache-dir "),
    ):
        assert settings.location is None
        with pytest.raises(ConfigurationError, match=f"^{given}.*no location; write s3://"):
            settings.require_location()
        assert "secret" not in repr(settings)


def test_require_location_names_both_ways_to_give_one() -> None:
    with pytest.raises(ConfigurationError, match=r"LIBROSA_CACHE_DIR .* --cache-dir"):
        config().require_location()
    assert config(DIR="/x").require_location() == os.path.abspath("/x")


def test_arguments_that_can_have_no_meaning() -> None:
    for prefix in ("", "A B", "1A", "Ä"):
        with pytest.raises(UsageError, match="--env-prefix"):
            Config.from_env({}, prefix=prefix)
        with pytest.raises(UsageError, match="ACACHE_ENV_PREFIX"):
            Config.from_env({"ACACHE_ENV_PREFIX": prefix})
    with pytest.raises(UsageError, match="--cache-dir"):
        Config.from_env({}, cache_dir="")
    with pytest.raises(UsageError, match="--python"):
        Config.from_env({}, python="/no/such/python")
