"""Fixtures: a clean environment, the command as a callable, stores that real programs wrote."""

from __future__ import annotations

import ast
import functools
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import acache as acache_package

NOBODY = 65534
VARIABLES = ("DIR", "LEVEL", "MMAP", "COMPRESS", "VERBOSE", "MAX_SIZE", "MAX_AGE", "MAX_ITEMS")

needs_du = pytest.mark.skipif(
    not Path("/usr/bin/du").exists() or sys.platform != "linux", reason="needs GNU du"
)
needs_posix = pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell and signals")
needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows makes links for admins alone")


AS_USER = """
os.setgroups([])
os.setuid(int(sys.argv[1]))
acache.cli.app.main(sys.argv[2:])
"""


@functools.cache
def with_all_imported() -> str:
    """Write code that imports all that acache may: another user may not read Python's own files."""
    package = Path(acache_package.__file__).parent
    names = {"acache.cli.app", "difflib", "email.parser", "encodings.raw_unicode_escape"}
    for file in package.rglob("*.py"):
        if file.parent.name in ("child", "memory") or file.name in ("__main__.py", "plot.py"):
            continue
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules = [alias.name for alias in node.names if alias.name.islower()]
                names |= {node.module, *(f"{node.module}.{name}" for name in modules)}
    # What is imported where a function is cached, for which no command asks, takes time.
    names = {name for name in names if not name.startswith(("joblib", "acache.memory"))}
    return (
        "import contextlib, importlib, os, sys\n"
        "import acache\n"
        f"for name in {sorted(names)!r}:\n"
        "    with contextlib.suppress(ImportError): importlib.import_module(name)\n"
    )


class Result(NamedTuple):
    """What a command printed, and its exit code."""

    stdout: str
    stderr: str
    code: int

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.stdout)


def pytest_configure() -> None:
    # What runs in the background of a script ignores Ctrl-C, and under nohup SIGHUP; and so would
    # all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGHUP", "SIGQUIT", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    for name in VARIABLES:
        os.environ.pop(f"LIBROSA_CACHE_{name}", None)


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
    """Run the command line in a process of its own."""

    def run(
        *arguments: str | Path,
        env: dict[str, str] | None = None,
        cwd: Path = tmp_path,
        user: int | None = None,
    ) -> Result:
        start = (
            ["-m", "acache"] if user is None else ["-c", with_all_imported() + AS_USER, str(user)]
        )
        done = subprocess.run(
            [sys.executable, *start, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        return Result(done.stdout, done.stderr, done.returncode)

    return run


def run_python(code: str, *arguments: str | Path, env: dict[str, str] | None = None) -> str:
    """Run code in a Python of its own, and return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, **(env or {})},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def run_line(line: str, **environ: str | Path) -> None:
    """Run a line in bash as it was printed, but for the question that acache asks."""
    acache = f'acache() {{ {shlex.quote(sys.executable)} -m acache "$@" --yes; }}'
    subprocess.run(
        ["bash", "-c", f"{acache}\n{line}"],
        env={**os.environ, **{name: str(value) for name, value in environ.items()}},
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )


LIBROSA_SCRIPT = """
import librosa
y = librosa.chirp(fmin=110, fmax=880, duration=3, sr=22050)
harmonic, percussive = librosa.effects.hpss(y)
print(librosa.estimate_tuning(y=harmonic))
librosa.feature.melspectrogram(y=y)
librosa.feature.chroma_cqt(y=y)
librosa.onset.onset_strength(y=percussive)
librosa.feature.delta(librosa.feature.mfcc(y=y))
"""


@pytest.fixture(scope="session")
def librosa_location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have real librosa fill a location at level 50. Only to be read."""
    location = tmp_path_factory.mktemp("librosa")
    run_python(
        LIBROSA_SCRIPT, env={"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_LEVEL": "50"}
    )
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
def as_nobody(tmp_path: Path) -> Iterator[int | None]:
    """Find a user whom permissions hold back: nobody where root runs the tests, else oneself."""
    if os.name == "nt":
        pytest.skip("Windows has no such permissions")
    if os.geteuid() != 0:
        yield None
        return
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != folder.parent:
            folder.chmod(folder.stat().st_mode | 0o055)
    yield NOBODY


def write_entry(
    folder: Path,
    argument_hash: str,
    *,
    output: bytes = b"result",
    duration: float | None = 1.5,
    metadata: bytes | None = None,
) -> Path:
    """Write an entry by hand, for shapes that joblib itself would never make."""
    entry = folder / argument_hash
    entry.mkdir(parents=True)
    (entry / "output.pkl").write_bytes(output)
    if metadata is None and duration is not None:
        metadata = json.dumps({"duration": duration, "input_args": {}, "time": 1.7e9}).encode()
    if metadata is not None:
        (entry / "metadata.json").write_bytes(metadata)
    return entry
