"""Other versions of librosa, each in its own Python: levels, and what each makes of the other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.operations.doctor.registry import examine
from acache.sources.installed import InstalledSources
from acache.sources.staleness import Drift
from acache.store.store import Store
from tests.helpers.pythons import LIBROSAS
from tests.helpers.stores import LIBROSA_SCRIPT

pytestmark = pytest.mark.skipif(
    not LIBROSAS, reason="needs Pythons with other versions of librosa; run make versions"
)


def run(python: str, location: Path, code: str = LIBROSA_SCRIPT, *arguments: str) -> str:
    environ = {"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_LEVEL": "50"}
    command = [python, "-W", "ignore", "-c", code, *arguments]
    return subprocess.check_output(command, env={**os.environ, **environ}, text=True)


@pytest.fixture(scope="module", params=LIBROSAS)
def other(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Have another version of librosa fill a location. Only to be read."""
    location = tmp_path_factory.mktemp("other")
    run(request.param, location)
    return request.param, location


def test_librosas_functions_are_current_and_have_levels(other: tuple[str, Path]) -> None:
    python, location = other
    store, installed = Store(location), InstalledSources(python)
    functions = [*store.functions()]
    assert len(functions) > 15
    drift = Drift(store, installed)
    assert {drift(function) for function in functions} == {"current"}
    assert {installed.level(function) for function in functions} <= {10, 20, 30, 40}
    found = {
        check.id: check
        for check in examine(Config.from_env({}, cache_dir=str(location), python=python))
    }
    assert found["stale"].message == "every function's source is as installed"
    assert f"librosa {installed.version('librosa')} and joblib" in found["versions"].message


# Asks joblib itself whether the source of each function is as stored.
CHECK = """
import importlib, json, librosa, sys
same = {}
for function in sys.argv[1:]:
    module, _, name = function.replace("/", ".").rpartition(".")
    decorated = vars(importlib.import_module(module)).get(name)
    if decorated is not None:
        cached = librosa.cache.memory.cache(decorated.__wrapped__)
        same[function] = cached._check_previous_func_code()
print(json.dumps(same))
"""


def test_librosas_sources_have_changed_if_joblib_says_so(
    other: tuple[str, Path], librosa_location: Path, tmp_path: Path
) -> None:
    """Each version is given the other's store."""
    for python, location in ((other[0], librosa_location), (sys.executable, other[1])):
        copy = tmp_path / Path(location).name
        shutil.copytree(location, copy)
        store = Store(copy)
        drift = Drift(store, InstalledSources(python))
        states = {name: drift(name) for name in store.functions()}
        same = json.loads(run(python, copy, CHECK, *states))
        assert len(same) > 15
        expected = {name: "current" if kept else "changed" for name, kept in same.items()}
        assert {name: states[name] for name in same} == expected
        assert {states[name] for name in states.keys() - same.keys()} <= {"gone"}
