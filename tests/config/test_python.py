"""Finding the Python whose packages are meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.sources.installed import InstalledSources
from acache.system.errors import ConfigurationError


def test_python_is_that_of_the_active_environment(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        setting = Config.from_env({variable: str(tmp_path)}).python
        assert (setting.value, setting.origin) == (str(python), "environment")
    without = tmp_path / "without"
    without.mkdir()
    assert Config.from_env({"CONDA_PREFIX": str(without)}).python.value == sys.executable
    assert Config.from_env({}, python=str(python)).python.value == str(python)


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_python_of_an_environment_that_is_gone(tmp_path: Path, variable: str) -> None:
    gone = Config.from_env({variable: str(tmp_path / "gone")})
    [warning] = gone.warnings()
    assert warning.startswith(f"{variable}=")
    assert "there is no Python in it" in warning
    # Nothing is known of what is installed, rather than something of another Python.
    assert InstalledSources(gone.python.value).search_path == []
    with pytest.raises(ConfigurationError, match="no Python in it"):
        gone.require_python()
    given = Config.from_env({variable: str(tmp_path / "gone")}, python=sys.executable)
    assert given.require_python() == sys.executable
    assert given.warnings() == []
