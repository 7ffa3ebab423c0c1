"""Checks of settings: what they say really happens with librosa or joblib, until it is fixed."""

from __future__ import annotations

import os
import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest

from acache.config.settings import Config
from acache.operations.doctor.registry import examine
from tests.helpers.doctored import call, checks, followed, needs_root
from tests.helpers.librosa_settings import probe
from tests.helpers.marks import needs_links
from tests.helpers.processes import Result, run_line, run_python
from tests.helpers.pythons import LIBROSAS
from tests.helpers.stores import write_entry


@pytest.mark.parametrize(
    ("name", "raw", "status", "does"),
    [
        ("LEVEL", "high", "problem", "raises ValueError"),
        ("LEVEL", "5", "problem", "nothing is cached"),
        ("MMAP", "None", "problem", "raises ValueError"),
        ("MMAP", "r+", "problem", "overwrite"),
        ("COMPRESS", "1", "problem", "every write fails"),
        ("COMPRESS", "0", "problem", "every write fails"),
        ("VERBOSE", "x", "problem", "raises ValueError"),
        ("VERBOSE", "-1", "warning", "stored"),
    ],
)
def test_settings_do_what_is_said_until_fixed(
    tmp_path: Path, name: str, raw: str, status: str, does: str
) -> None:
    found = checks(tmp_path, **{name: raw})[name.lower()]
    assert found.status == status
    assert f"LIBROSA_CACHE_{name}={raw!r}" in found.message
    if status == "problem":
        assert does in found.message
        assert probe(tmp_path, **{"DIR": str(tmp_path / "ill"), name: raw}) == does
    after = followed(found.fix)
    assert checks(tmp_path, **after)[name.lower()].status == "ok"
    assert probe(tmp_path, **{"DIR": str(tmp_path / "well"), **after}) == "stored"


@pytest.mark.parametrize("raw", ["r", "r+", "none", "None", "", "foo"])
def test_mmap_of_compressed_results_is_a_warning(tmp_path: Path, raw: str) -> None:
    found = checks("/nowhere", MMAP=raw, COMPRESS="zlib")["mmap"]
    assert (found.status, found.fix) == ("warning", "unset LIBROSA_CACHE_MMAP")
    assert "each load warns" in found.message
    python = tmp_path / "bin" / "python"  # of an environment with an old joblib
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    packages = tmp_path / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    (packages / "joblib-1.4.2.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: joblib\nVersion: 1.4.2\n"
    (packages / "joblib-1.4.2.dist-info" / "METADATA").write_text(metadata)
    (tmp_path / "pyvenv.cfg").write_text(f"home = {os.path.dirname(sys.executable)}\n")
    variables = {"LIBROSA_CACHE_MMAP": raw, "LIBROSA_CACHE_COMPRESS": "zlib"}
    variables["LIBROSA_CACHE_DIR"] = "/nowhere"
    found = {one.id: one for one in examine(Config.from_env(variables, python=str(python)))}["mmap"]
    fix = "unset LIBROSA_CACHE_MMAP"
    if raw in ("r", "r+"):
        fix += f" && acache verify --delete --python {python}"
    assert (found.status, found.fix) == ("problem", fix)


def test_compress_looks_for_lz4_in_the_chosen_python(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False)
    python = next(p for p in (tmp_path / "env").rglob("python*") if p.stem == "python")
    environ = {"LIBROSA_CACHE_COMPRESS": "lz4", "VIRTUAL_ENV": str(tmp_path / "env")}
    environ["LIBROSA_CACHE_DIR"] = str(tmp_path / "location")
    config = Config.from_env(environ, has_lz4=lambda _: False)
    found = {check.id: check for check in examine(config)}
    assert found["compress"].fix == "export LIBROSA_CACHE_COMPRESS=zlib"  # there is no pip
    [packages] = (tmp_path / "env").rglob("site-packages")
    (packages / "pip").mkdir()
    (packages / "pip" / "__init__.py").touch()
    found = {check.id: check for check in examine(config)}
    assert found["compress"].fix == f"{python} -m pip install lz4"
    assert found["versions"].status == "warning"
    assert "does not have librosa and joblib" in found["versions"].message
    write_entry(tmp_path / "location" / "joblib" / "m" / "f", "0" * 32)
    others = {check.id: check for check in examine(config)}["versions"]
    assert "does not have joblib:" in others.message, "librosa does not use this cache"
    assert found["versions"].message.endswith("--python PATH chooses it")
    assert found["versions"].fix is None


def test_versions_are_those_of_the_chosen_python() -> None:
    found = checks()["versions"]
    librosa = run_python("import librosa; print(librosa.__version__)").strip()
    assert f"librosa {librosa} and joblib {joblib.__version__}" in found.message
    false = shutil.which("false")
    if false is not None:
        config = Config.from_env({}, python=false)
        found = {check.id: check for check in examine(config)}["versions"]
        assert found.status == "warning"
        assert found.fix is None
        assert found.message.endswith("--python PATH chooses another Python")


def test_cache_dir_if_empty_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = checks("")["cache-dir"]
    assert (found.status, found.fix) == ("problem", "unset LIBROSA_CACHE_DIR")
    assert "./joblib of the current folder" in found.message
    found = checks("here")["cache-dir"]
    assert found.status == "warning"
    assert followed(found.fix) == {"DIR": str(tmp_path / "here")}


def test_cache_dir_that_is_a_file_makes_librosa_raise(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = checks(tmp_path / "file")["cache-dir"]
    assert found.status == "problem"
    assert "raises an error at its first use" in found.message
    code = (
        "import librosa\n"
        "try: librosa.filters.get_window\n"
        "except OSError as error: print('raises', type(error).__name__)"
    )
    output = run_python(code, env={"LIBROSA_CACHE_DIR": str(tmp_path / "file")})
    assert output.startswith("raises")
    assert followed(found.fix) == {"DIR": "~/.cache/librosa"}


def test_cache_dir_given_as_a_flag_is_not_fixed_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "librosa").touch()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    flag = Config.from_env({}, cache_dir=str(tmp_path / ".cache" / "librosa"))
    for config in (flag, Config.from_env({"LIBROSA_CACHE_DIR": "~/.cache/librosa"})):
        found = examine(config)[0]
        assert (found.id, found.status, found.fix) == ("cache-dir", "problem", None)


@needs_links
def test_cache_dir_that_is_no_folder_makes_joblib_raise(tmp_path: Path) -> None:
    (tmp_path / "location").mkdir()
    (tmp_path / "location" / "joblib").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "joblib").symlink_to(tmp_path / "none")
    for name, error in (
        ("location", "NotADirectoryError"),
        ("dangling", "FileNotFoundError"),
        ("inside", "FileNotFoundError"),
    ):
        found = checks(tmp_path / name)["cache-dir"]
        assert found.status == "problem"
        assert "raises an error at its first use" in found.message
        code = (
            "import joblib, sys\n"
            "def f(x): return x\n"
            "try: joblib.Memory(sys.argv[1], verbose=0).cache(f)(1)\n"
            "except OSError as error: print(type(error).__name__)"
        )
        assert run_python(code, tmp_path / name) == f"{error}\n"
        assert followed(found.fix) == {"DIR": "~/.cache/librosa"}


@needs_root
def test_cache_dir_of_the_users_own_is_made_readable_again(
    acache: Callable[..., Result], location: Path, as_nobody: int
) -> None:
    os.chown(location, as_nobody, -1)
    location.chmod(0)
    result = acache("doctor", "--json", "--cache-dir", location, user=as_nobody)
    [found] = [c for c in result.document["checks"] if c["id"] == "cache-dir"]
    assert found["status"] == "problem"
    assert found["fix"] == f"chmod u+rwx {location}"
    run_line(found["fix"])
    assert call(location, 1) == [1]


CACHED = """
import sys, warnings
warnings.simplefilter("ignore", Warning)
from acache import cache
@cache(level=10)
def f(x): return [x]
f(1); f(1)
"""


@pytest.mark.parametrize(("name", "raw"), [("COMPRESS", "1"), ("MMAP", "none"), ("LEVEL", "x")])
def test_settings_of_another_library_are_warnings(tmp_path: Path, name: str, raw: str) -> None:
    environ = {"ACACHE_ENV_PREFIX": "FOO", "FOO_CACHE_DIR": str(tmp_path), f"FOO_CACHE_{name}": raw}
    (tmp_path / "script.py").write_text(CACHED)
    run_python(
        "import runpy, sys; runpy.run_path(sys.argv[1])", tmp_path / "script.py", env=environ
    )
    # acache's own cache has no trouble.
    assert [path.name for path in tmp_path.rglob("output.pkl*")] == ["output.pkl"]
    found = {one.id: one for one in examine(Config.from_env(environ))}[name.lower()]
    assert found.status == "warning"
    assert found.message.endswith("as long as it passes the value on to joblib as it is")


RECURRENCE = """
import librosa, numpy
try: print(librosa.segment.recurrence_matrix(numpy.eye(8)).shape)
except TypeError: print("TypeError")
"""


@pytest.mark.parametrize("python", [sys.executable, *LIBROSAS])
@pytest.mark.parametrize("level", ["20", "30", "50"])
def test_level_at_which_librosa_cannot_call_a_function(
    tmp_path: Path, python: str, level: str
) -> None:
    environ = {"LIBROSA_CACHE_DIR": str(tmp_path), "LIBROSA_CACHE_LEVEL": level}
    raises = run_python(RECURRENCE, env=environ, python=python) == "TypeError\n"
    assert raises == (int(level) >= 30)
    assert ("recurrence_matrix raises TypeError" in checks(LEVEL=level)["level"].message) == raises
