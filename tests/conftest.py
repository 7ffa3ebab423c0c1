"""Fixtures: a clean environment, the command as a callable, stores that real programs wrote."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tests.helpers.examples  # noqa: F401 - Hypothesis's profiles
from tests.helpers.buckets import MotoServer
from tests.helpers.clusters import Cluster
from tests.helpers.processes import PATIENCE_SECONDS, SLOW_WARNING, Result, run_python
from tests.helpers.stores import LIBROSA_SCRIPT, write_entry
from tests.helpers.users import NOBODY, command_as, reachable_folder

VARIABLES = ("DIR", "LEVEL", "MMAP", "COMPRESS", "VERBOSE", "MAX_SIZE", "MAX_AGE", "MAX_ITEMS")


def pytest_configure(config: pytest.Config) -> None:
    # What runs in the background of a script ignores Ctrl-C, and under nohup SIGHUP; and so would
    # all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGQUIT", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    for name in VARIABLES:
        os.environ.pop(f"LIBROSA_CACHE_{name}", None)
    os.environ["PYTHONWARNINGS"] = SLOW_WARNING
    # Two processes that compile librosa's functions at the same time can leave a cache of Numba's
    # that crashes all later ones: https://github.com/numba/numba/issues/10128
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    os.environ["NUMBA_CACHE_DIR"] = str(config.cache.mkdir("numba") / worker)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix every variable that acache reads."""
    for name in VARIABLES:
        monkeypatch.delenv(f"LIBROSA_CACHE_{name}", raising=False)
    own = ("ACACHE_ENV_PREFIX", "ACACHE_ENGINE", "ACACHE_DEBUG")
    for name in (*own, "VIRTUAL_ENV", "CONDA_PREFIX", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def acache(tmp_path: Path) -> Callable[..., Result]:
    """Run the command line in a process of its own, by ``python -m acache`` or by code."""

    def run(
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        cwd: Path = tmp_path,
        user: int | None = None,
        code: str | None = None,
    ) -> Result:
        code = code if user is None else command_as(user)
        start = ["-m", "acache"] if code is None else ["-c", code]
        done = subprocess.run(
            [sys.executable, *start, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        return Result(done.stdout, done.stderr, done.returncode)

    return run


@pytest.fixture(scope="session")
def librosa_location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have real librosa fill a location at level 50. Only to be read."""
    location = tmp_path_factory.mktemp("librosa")
    run_python(
        LIBROSA_SCRIPT, env={"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_LEVEL": "50"}
    )
    assert len(list(location.rglob("output.pkl"))) > 50, "a test of no entry would show nothing"
    return location


F_SOURCE = "def {name}(x):\n    return x\n"


@pytest.fixture
def drifted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a location with a function, and an entry, of each state that a source can be in.

    Installed is the package ``drifted``, without ``gone`` and with another source of ``changed``.
    """
    package, location = tmp_path / "packages", tmp_path / "location"
    package.mkdir()
    installed = "".join(F_SOURCE.format(name=name) for name in ("current", "changed"))
    (package / "drifted.py").write_text(installed.replace("changed(x)", "changed(x, y=0)"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), *filter(None, sys.path)]))
    for name in ("current", "changed", "gone"):
        folder = location / "joblib" / "drifted" / name
        write_entry(folder, "0" * 32)
        (folder / "func_code.py").write_text(f"# first line: 9\n{F_SOURCE.format(name=name)}")
    folder = location / "joblib" / "no_such_package" / "unknown"
    write_entry(folder, "0" * 32)
    (folder / "func_code.py").write_text(f"# first line: 9\n{F_SOURCE.format(name='unknown')}")
    return location


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """Make a temporary folder, one that everybody can reach where `as_nobody` is asked for.

    Pytest's own are closed to other users, and closed again whenever another pytest starts.
    """
    if "as_nobody" not in request.fixturenames or os.name == "nt" or os.geteuid() != 0:
        yield tmp_path
        return
    folder = reachable_folder()
    if folder is None:
        pytest.skip("needs a temporary folder that other users can reach")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody() -> int | None:
    """Find a user whom permissions hold back: nobody where root runs the tests, else oneself."""
    if os.name == "nt":
        pytest.skip("Windows has no such permissions")
    return NOBODY if os.geteuid() == 0 else None


@pytest.fixture(scope="session")
def moto() -> Iterator[MotoServer]:
    """Start a server that speaks S3."""
    server = MotoServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def cluster(moto: MotoServer) -> Iterator[Cluster]:
    """Start Dask's scheduler, and two workers that reach the server."""
    started = Cluster(moto.environment)
    yield started
    started.close()


@pytest.fixture
def bucket(moto: MotoServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make an empty bucket that the environment leads to, and return the URL of a prefix in it."""
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    return f"{moto.bucket()}/team"
