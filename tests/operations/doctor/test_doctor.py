"""What the doctor says of a failure really happens with librosa or joblib, and its fix mends it."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import joblib
import pytest

from acache.config.settings import Config
from acache.operations.doctor.check import Check
from acache.operations.doctor.disk import check_access_times, mount_of
from acache.operations.doctor.registry import examine
from acache.operations.verify.store import verify
from acache.sources.installed import InstalledSources
from acache.store import parallel
from acache.store.store import Store
from tests.config.test_settings import probe
from tests.conftest import (
    NOBODY,
    Result,
    needs_links,
    needs_posix,
    run_line,
    run_python,
    with_all_imported,
    write_entry,
)
from tests.store.test_parallel import needs_fork
from tests.store.test_remove import dead_pid

needs_root = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0, reason="needs two users, so root"
)
FUNCTION = """
import os, sys, warnings
import joblib
def f(x):
    return x
"""


def checks(location: Path | str | None = None, **environ: str) -> dict[str, Check]:
    variables = {f"LIBROSA_CACHE_{name}": value for name, value in environ.items()}
    if location is not None:
        variables["LIBROSA_CACHE_DIR"] = os.fspath(location)
    return {check.id: check for check in examine(Config.from_env(variables))}


def mended(fix: str | None) -> dict[str, str]:
    """Follow a line of the shell: return what it sets, or nothing where it unsets."""
    assert fix is not None
    word, what = shlex.split(fix.partition(" && ")[0])
    name, _, value = what.partition("=")
    assert name.startswith("LIBROSA_CACHE_")
    return {name.removeprefix("LIBROSA_CACHE_"): value} if word == "export" else {}


def run_fix(fix: str | None, location: Path) -> None:
    """Run a command that mends something, as it stands, but for the question."""
    assert fix is not None
    name, *arguments = shlex.split(fix)
    assert name == "acache"
    environ = {**os.environ, "LIBROSA_CACHE_DIR": str(location)}
    command = [sys.executable, "-m", "acache", *arguments, "--yes"]
    subprocess.run(command, env=environ, check=True, capture_output=True)


@pytest.fixture
def location(tmp_path: Path) -> Iterator[Path]:
    """Have joblib make a store with two entries of a function in a module."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "doctored.py").write_text(FUNCTION)
    sys.path.insert(0, str(package))
    call(tmp_path / "location", 1, 2)
    yield tmp_path / "location"
    sys.path.remove(str(package))


def call(location: Path, *values: int) -> list[int]:
    """Call the function as its module is now, through joblib."""
    sys.modules.pop("doctored", None)
    importlib.invalidate_caches()
    module = importlib.import_module("doctored")
    cached = joblib.Memory(str(location), verbose=0).cache(module.f)
    return [cached(value) for value in values]


def edit(location: Path, old: str, new: str) -> None:
    file = location.parent / "package" / "doctored.py"
    shutil.rmtree(file.parent / "__pycache__", ignore_errors=True)  # it goes by seconds
    file.write_text(file.read_text().replace(old, new))


def test_a_sound_cache_is_well(location: Path) -> None:
    found = checks(location)
    assert [*found] == [
        "cache-dir", "level", "mmap", "compress", "verbose", "limits", "versions", "permissions",
        "access-times", "free-space", "inodes", "leftovers", "stale", "sources",
    ]  # fmt: skip
    ill = [c for c in found.values() if c.status != "ok" and c.id not in SURROUNDINGS]
    assert ill == []
    assert all(check.message and check.fix is None for check in found.values() if check not in ill)


SURROUNDINGS = ("permissions", "access-times", "free-space", "inodes")  # of whoever runs the tests


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
def test_settings_do_what_is_said_until_mended(
    tmp_path: Path, name: str, raw: str, status: str, does: str
) -> None:
    found = checks(tmp_path, **{name: raw})[name.lower()]
    assert found.status == status
    assert f"LIBROSA_CACHE_{name}={raw!r}" in found.message
    if status == "problem":
        assert does in found.message
        assert probe(tmp_path, **{"DIR": str(tmp_path / "ill"), name: raw}) == does
    after = mended(found.fix)
    assert checks(tmp_path, **after)[name.lower()].status == "ok"
    assert probe(tmp_path, **{"DIR": str(tmp_path / "well"), **after}) == "stored"


@pytest.mark.parametrize("raw", ["r", "r+", "none", "None", "", "foo"])
def test_a_mapping_of_compressed_results_is_a_warning(tmp_path: Path, raw: str) -> None:
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


def test_lz4_is_looked_for_in_the_python_that_is_meant(tmp_path: Path) -> None:
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
    assert found["versions"].message.endswith("--python PATH chooses it")
    assert found["versions"].fix is None


def test_versions_are_those_of_the_python_that_is_meant() -> None:
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


def test_where_caching_is_off(tmp_path: Path) -> None:
    found = checks()
    assert found["cache-dir"].status == "warning"
    assert "caching is off" in found["cache-dir"].message
    assert [*found] == [*checks(tmp_path)]
    assert mended(found["cache-dir"].fix) == {"DIR": "~/.cache/librosa"}


def test_the_empty_location_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = checks("")["cache-dir"]
    assert (found.status, found.fix) == ("problem", "unset LIBROSA_CACHE_DIR")
    assert "./joblib of the current folder" in found.message
    found = checks("here")["cache-dir"]
    assert found.status == "warning"
    assert mended(found.fix) == {"DIR": str(tmp_path / "here")}


def test_a_file_as_location_makes_librosa_raise(tmp_path: Path) -> None:
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
    assert mended(found.fix) == {"DIR": "~/.cache/librosa"}


def test_a_flag_is_not_mended_by_the_environment(
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


def test_limits(location: Path) -> None:
    assert checks(location)["limits"].status == "ok"
    found = checks(location, MAX_SIZE="big")["limits"]
    assert (found.status, found.fix) == ("problem", "unset LIBROSA_CACHE_MAX_SIZE")
    over = checks(location, MAX_ITEMS="1")["limits"]
    assert over.status == "warning"
    assert over.message.startswith("1 entry is over the limits")
    assert over.fix == "acache prune"
    assert checks(location, MAX_ITEMS="2", MAX_AGE="1d")["limits"].status == "ok"
    assert checks(location.parent / "none", MAX_ITEMS="1")["limits"].status == "ok"


def private(location: Path) -> None:
    for path in (location, *location.rglob("*")):
        path.chmod(0o755)


@needs_root
def test_who_can_write_to_a_function_can_run_code(location: Path) -> None:
    private(location)
    (location.parent).chmod(0o755)
    assert checks(location)["permissions"].status == "ok"
    function = location / "joblib" / "doctored" / "f"
    for mode, status in ((0o775, "warning"), (0o777, "problem")):
        function.chmod(mode)
        os.chown(function, 0, NOBODY)
        found = checks(location)["permissions"]
        assert found.status == status
        assert str(function) in found.message
    canary = location.parent / "ran"
    code = (
        "import os, pathlib, sys\n"
        "function, canary = map(pathlib.Path, sys.argv[1:])\n"
        "os.setgroups([]); os.setuid(65534)\n"
        "for entry in [e for e in function.iterdir() if e.is_dir()]:\n"
        "    entry.rename(function / f'old-{entry.name}'); entry.mkdir()\n"
        "    pickle = f'cos\\nmkdir\\n(V{canary}\\ntR.'\n"
        "    (entry / 'output.pkl').write_bytes(pickle.encode())\n"
    )
    for parent in location.parents:
        if not parent.stat().st_mode & 0o001:
            parent.chmod(0o755)
    run_python(code, function, canary)
    call(location, 1)
    assert canary.exists(), "joblib did not run what nobody had written"
    shutil.rmtree(function)
    assert found.fix is not None
    (location / "joblib").chmod(0o777)
    subprocess.run(shlex.split(checks(location)["permissions"].fix or ""), check=True)
    assert checks(location)["permissions"].status == "ok"


@needs_root
def test_folders_above_and_other_owners(location: Path) -> None:
    private(location)
    location.chmod(0o777)
    found = checks(location)["permissions"]
    assert (found.status, found.fix) == ("problem", f"chmod go-w {location}")
    location.chmod(0o1777)  # as /tmp: others cannot replace what is not theirs
    assert checks(location)["permissions"].status == "ok"
    location.chmod(0o755)
    os.chown(location, NOBODY, NOBODY)  # who may put another store in its place
    assert checks(location)["permissions"].status == "warning"
    os.chown(location, 0, 100)
    location.chmod(0o2775)
    found = checks(location)["permissions"]
    assert (found.status, "a group may write to" in found.message) == ("warning", True)
    os.chown(location, 0, 0)
    location.chmod(0o755)
    os.chown(location / "joblib" / "doctored", NOBODY, NOBODY)
    found = checks(location)["permissions"]
    assert found.status == "warning"
    assert "another user owns" in found.message


def mend_permissions(location: Path) -> Check:
    """Run what mends the permissions as it stands, examine what is used then, return what was."""
    found = checks(location)["permissions"]
    assert found.fix is not None
    used = location
    if found.fix.startswith("export "):
        used = Path(mended(found.fix)["DIR"]).expanduser()
        assert used != location
    else:
        subprocess.run(["bash", "-c", found.fix], check=True)
    after = checks(used)["permissions"]
    assert (after.status, after.fix) == ("ok", None), after
    return found


def entry_of(location: Path) -> Path:
    return next(location.rglob("output.pkl")).parent


@needs_root
@pytest.mark.parametrize(("mode", "status"), [(0o022, "problem"), (0o020, "warning")])
def test_who_can_write_to_a_result_can_run_code(location: Path, mode: int, status: str) -> None:
    private(location)
    entry = entry_of(location)
    for path in (entry, entry / "output.pkl"):
        path.chmod(path.stat().st_mode | mode)
        os.chown(path, 0, 100)
        found = mend_permissions(location)
        assert found.status == status
        assert str(path) in found.message
        assert found.fix == f"chmod -R go-w {location / 'joblib'}"
    os.chown(entry / "output.pkl", NOBODY, NOBODY)
    found = mend_permissions(location)
    assert found.status == "warning"
    assert f"another user owns {entry / 'output.pkl'}" in found.message
    assert mended(found.fix) == {"DIR": "~/.cache/librosa"}


@needs_fork
@needs_posix
def test_two_processes_look_at_all_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_PATIENCE_SECONDS", 0.0)
    for number in range(2100):
        write_entry(tmp_path / "joblib" / "m" / "f", f"{number:032x}")
    private(tmp_path)
    for output in tmp_path.rglob("output.pkl"):
        output.chmod(0o666)
    found = checks(tmp_path)["permissions"]
    assert found.status == "problem"
    told = re.search(r" and at least ([\d,]+) other places;", found.message)
    assert told is not None
    assert 997 <= int(told[1].replace(",", "")) <= 1997


@needs_root
def test_links_on_the_way_to_the_store(location: Path, tmp_path: Path) -> None:
    private(location)
    (tmp_path / "open").mkdir()
    (tmp_path / "way").symlink_to("open/../open/./link")
    (tmp_path / "open" / "link").symlink_to("../location")
    assert checks(tmp_path / "way")["permissions"].status == "ok"
    (tmp_path / "open").chmod(0o777)
    found = mend_permissions(tmp_path / "way")
    assert found.status == "problem"
    assert f"everybody may replace what is in {tmp_path / 'open'}" in found.message
    (tmp_path / "open").chmod(0o1777)
    assert checks(tmp_path / "way")["permissions"].status == "ok"
    os.chown(tmp_path / "open" / "link", NOBODY, NOBODY, follow_symlinks=False)
    assert mend_permissions(tmp_path / "way").status == "warning"
    (tmp_path / "loop").symlink_to("loop")
    assert checks(tmp_path / "loop")["cache-dir"].status == "problem"


@needs_root
def test_who_can_write_above_the_location(tmp_path: Path) -> None:
    above = tmp_path / "a" / "b"
    (above / "location").mkdir(parents=True)
    write_entry(above / "location" / "joblib" / "m" / "f", "0" * 32)
    private(above)
    for folder in (above, tmp_path / "a"):
        os.chown(folder, 0, 100)
        folder.chmod(0o775)
        found = mend_permissions(above / "location")
        assert found.status == "warning"
        assert f"a group may write to {folder};" in found.message
        os.chown(folder, NOBODY, 0)
        folder.chmod(0o755)
        found = mend_permissions(above / "location")
        assert found.status == "warning"
        assert f"another user owns {folder};" in found.message
        os.chown(folder, 0, 0)
    assert checks(above / "location")["permissions"].status == "ok"


@needs_root
def test_several_places_are_mended_at_once(location: Path, tmp_path: Path) -> None:
    private(location)
    (location / "joblib").rename(tmp_path / "real")
    (location / "joblib").symlink_to(tmp_path / "real")
    location.chmod(0o777)
    (tmp_path / "real" / "doctored").chmod(0o777)
    (entry_of(tmp_path / "real") / "output.pkl").chmod(0o666)
    found = mend_permissions(location)
    assert found.fix == f"chmod go-w {location} && chmod -R go-w {tmp_path / 'real'}"
    os.chown(tmp_path / "real" / "doctored", NOBODY, NOBODY)
    location.chmod(0o777)
    assert (mend_permissions(location).fix or "").startswith("export ")


@needs_root
def test_no_location_is_offered_that_is_no_better(
    location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(location)
    os.chown(location, NOBODY, NOBODY)
    monkeypatch.setenv("HOME", str(location))
    found = checks(location)["permissions"]
    assert (found.status, found.fix) == ("warning", None)


@needs_links
def test_links_in_the_store_are_followed_by_joblib_alone(location: Path, tmp_path: Path) -> None:
    private(location)
    store = location / "joblib"
    (store / "doctored").rename(tmp_path / "elsewhere")
    (store / "doctored").symlink_to(tmp_path / "elsewhere")
    before = call(location, 1)
    assert before == [1]
    found = checks(location)["permissions"]
    assert found.status == "problem"
    assert f"joblib follows links, {store / 'doctored'}, to what acache does not" in found.message
    told = [one.severity for one in verify(Store(location)).findings if one.id == "doctored"]
    assert told == ["problem"]
    mend_permissions(location)
    assert (tmp_path / "elsewhere" / "f").exists()


@needs_links
def test_what_is_no_folder_makes_joblib_raise(tmp_path: Path) -> None:
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
        assert mended(found.fix) == {"DIR": "~/.cache/librosa"}


@needs_posix
@pytest.mark.parametrize(
    ("folder", "mode", "does", "says"),
    [
        ("joblib/doctored", 0o555, "PermissionError", "raises PermissionError at the first use"),
        ("joblib/doctored", 0o111, "PermissionError", "raises PermissionError at the first use"),
        ("joblib/doctored/f", 0o555, "CacheWarning", "stores nothing new there, with a warning"),
        ("joblib/doctored/f", 0o000, "PermissionError", "PermissionError at each call"),
        ("joblib/doctored/f", 0o644, "PermissionError", "PermissionError at each call"),
    ],
)
def test_a_folder_that_may_not_be_used(  # noqa: PLR0917
    acache: Callable[..., Result],
    location: Path,
    as_nobody: int | None,
    folder: str,
    mode: int,
    does: str,
    says: str,
) -> None:
    private(location)
    for path in (location, *location.rglob("*")):
        os.chown(path, NOBODY if as_nobody else -1, -1)
    (location / folder).chmod(mode)
    code = (
        "import os, sys, warnings, joblib, joblib.numpy_pickle\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import doctored\n"
        "os.setgroups([]); os.setuid(int(sys.argv[3])) if os.geteuid() == 0 else None\n"
        "warnings.simplefilter('error')\n"
        "def call(name, *values):\n"
        "    doctored.f.__name__ = doctored.f.__qualname__ = name\n"
        "    for value in values: joblib.Memory(sys.argv[2], verbose=0).cache(doctored.f)(value)\n"
        "try: call('f', 1, 5); call('g', 1)\n"
        "except Exception as error: print(type(error).__name__)"
    )
    assert (
        run_python(code, location.parent / "package", location, str(as_nobody or 0)) == f"{does}\n"
    )
    result = acache("doctor", "--json", "--cache-dir", location, user=as_nobody)
    assert result.code == 3
    [found] = [c for c in result.document["checks"] if c["id"] == "permissions"]
    assert found["status"] == "problem"
    assert says in found["message"]
    assert found["fix"] == f"chmod -R u+rwX {location / 'joblib'}"
    subprocess.run(["bash", "-c", found["fix"]], check=True)
    result = acache("doctor", "--json", "--cache-dir", location, user=as_nobody)
    [found] = [c for c in result.document["checks"] if c["id"] == "permissions"]
    assert found["status"] == "ok"


READ_ONLY = """
import os, sys, warnings, joblib, joblib.numpy_pickle
sys.path.insert(0, sys.argv[1])
import doctored
os.setgroups([]); os.setuid(int(sys.argv[3])) if os.geteuid() == 0 else None
memory = joblib.Memory(sys.argv[2], verbose=0)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    memory.cache(doctored.f)(3)
print([w.category.__name__ for w in told])
doctored.f.__name__ = doctored.f.__qualname__ = "g"
try:
    memory.cache(doctored.f)
except PermissionError:
    print("raises PermissionError")
"""


def test_a_store_that_may_not_be_written(
    acache: object, location: Path, as_nobody: int | None
) -> None:
    for folder in (location, *(p for p in location.rglob("*") if p.is_dir())):
        folder.chmod(0o555)
    try:
        package = location.parent / "package"
        output = run_python(READ_ONLY, package, location, str(as_nobody or 0))
        result = acache("doctor", "--json", "--cache-dir", location, user=as_nobody)
    finally:
        private(location)
    assert output == "['CacheWarning']\nraises PermissionError\n"
    assert result.code == 3
    [found] = [c for c in result.document["checks"] if c["id"] == "permissions"]
    assert found["status"] == "problem"
    assert "raises PermissionError" in found["message"]
    assert "stores nothing new" in found["message"]


ON_SMALL_DISK = """
set -e
mount -t tmpfs -o "$1" none "$2"
eval "$7"
"$3" -c "$4" "$2/location"
"$3" -m acache doctor --json --cache-dir "$2/location" > "$5/ill" || true
"$3" -c "$6" "$5/ill"
"$3" -m acache doctor --json --cache-dir "$2/location" > "$5/well" || true
"""
FILL = """
import os, sys, warnings, joblib
def f(x):
    return b"x" * 20_000
f.__module__ = "m"
memory = joblib.Memory(sys.argv[1], verbose=0)
f = memory.cache(f)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    f(0)
    [output] = [os.path.join(d, n) for d, _, names in os.walk(sys.argv[1]) for n in names
                if n == "output.pkl"]
    os.utime(output, (0, 0))
    f(0)
    accessed = os.stat(output).st_atime
    for number in range(60):
        f(number)
print(accessed, sum(w.category.__name__ == "CacheWarning" for w in told))
"""


MEND = """
import json, shlex, subprocess, sys
with open(sys.argv[1]) as file:
    fixes = {check["id"]: check["fix"] for check in json.load(file)["checks"]}
for fix in (fixes["free-space"], fixes["inodes"]):
    if fix:
        command = [sys.executable, "-m", *shlex.split(fix), "--yes", "--quiet"]
        subprocess.run(command, check=True)
if fixes["access-times"]:
    subprocess.run(fixes["access-times"], shell=True, check=True)
"""
Told = dict[str, dict[str, str]]


def on_small_disk(folder: Path, options: str, *, before: str = "") -> tuple[float, int, Told, Told]:
    """Fill a disk, examine it, mend it: an access time, failed writes, checks before and after.

    What is run before finds the disk at ``$2``.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("needs a file system of its own")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a file system of its own")
    disk = folder / "disk"
    disk.mkdir()
    command = ["unshare", "-rm", "sh", "-c", ON_SMALL_DISK, "sh", options, disk, sys.executable]
    output = subprocess.run([*command, FILL, folder, MEND, before],
                            stdout=subprocess.PIPE, text=True, check=True).stdout  # fmt: skip
    accessed, failed = output.split()
    ill, well = (
        {check["id"]: check for check in json.loads((folder / name).read_text())["checks"]}
        for name in ("ill", "well")
    )
    return float(accessed), int(failed), ill, well


def test_on_a_full_disk_writes_fail(tmp_path: Path) -> None:
    _, failed, found, mended = on_small_disk(tmp_path, "size=1m")
    assert failed > 0
    assert found["free-space"]["status"] == "problem"
    assert "writes fail, with a warning at each call" in found["free-space"]["message"]
    assert mended["free-space"]["status"] == "ok"


def test_without_inodes_writes_fail(tmp_path: Path) -> None:
    accessed, failed, found, mended = on_small_disk(tmp_path, "size=500m,nr_inodes=100,strictatime")
    assert failed > 0
    assert found["inodes"]["status"] == "problem"
    assert "writes fail" in found["inodes"]["message"]
    assert mended["inodes"]["status"] == "ok"
    assert found["free-space"]["status"] == "ok"
    assert accessed > 0
    assert found["access-times"]["status"] == "ok"
    assert "exact" in found["access-times"]["message"]


@pytest.mark.parametrize(
    ("check", "options", "before"),
    [
        ("free-space", "size=1m", 'head -c 980000 /dev/zero > "$2/others"'),
        ("inodes", "size=500m,nr_inodes=200", 'cd "$2"; touch $(seq 188); cd /'),
    ],
)
def test_a_cache_is_not_emptied_for_nothing(
    tmp_path: Path, check: str, options: str, before: str
) -> None:
    _, failed, found, after = on_small_disk(tmp_path, options, before=before)
    assert failed > 0
    assert found[check]["status"] == "problem"
    assert found[check]["fix"] is None
    assert "the cache holds only " in found[check]["message"]
    assert after[check]["status"] == "problem"


def test_with_noatime_no_use_is_noted(tmp_path: Path) -> None:
    accessed, failed, found, mended = on_small_disk(tmp_path, "size=100m,noatime")
    assert (accessed, failed) == (0, 0)
    assert found["access-times"]["status"] == "warning"
    assert "--policy lru go by when it was written" in found["access-times"]["message"]
    assert mended["access-times"]["status"] == "ok"
    assert "is mounted with relatime" in mended["access-times"]["message"]


def test_the_mount_of_a_folder_is_the_last_of_the_nearest() -> None:
    mounts = (
        "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "30 22 0:40 / /data rw,noatime shared:1 - ext4 /dev/vdb rw\n"
        "31 22 0:41 / /data\\040set rw - ext4 /dev/vdc rw\n"
        "32 22 0:42 / /data\\040set rw,nosuid,relatime - ext4 /dev/vdc rw\n"
    )

    def found(path: str) -> tuple[str, set[str]] | None:
        return mount_of(path, io.StringIO(mounts))

    assert found("/data/x") == ("/data", {"rw", "noatime"})
    assert found("/database") == ("/", {"rw", "relatime"})
    assert found("/data set/x") == ("/data set", {"rw", "nosuid", "relatime"})
    assert mount_of("/data", ()) is None


def test_who_is_not_root_mounts_with_sudo(tmp_path: Path, as_nobody: int | None) -> None:
    (tmp_path / "mounts").write_text("22 1 254:0 / / rw,noatime - ext4 /dev/vda rw\n")
    code = (
        "from acache.config.settings import Config\n"
        "from acache.operations.doctor.disk import check_access_times\n"
        "from acache.store.store import Store\n"
        "os.setuid(int(sys.argv[1]) or os.getuid())\n"
        "print(check_access_times(Config.from_env({}), Store(sys.argv[2]), sys.argv[3]).fix)"
    )
    code = with_all_imported() + code
    output = run_python(code, str(as_nobody or 0), tmp_path, tmp_path / "mounts")
    assert output == "sudo mount -o remount,atime,relatime /\n"


def test_a_system_that_tells_no_mounts(tmp_path: Path) -> None:
    config = Config.from_env({"LIBROSA_CACHE_DIR": str(tmp_path)})
    found = check_access_times(config, Store(tmp_path), str(tmp_path / "none"))
    assert found.status == "ok"
    assert "does not tell" in found.message


def test_leftovers_of_failed_writes(tmp_path: Path) -> None:
    pid = dead_pid()
    location = tmp_path / "location"
    code = (
        "import sys, warnings, joblib\n"
        "warnings.simplefilter('ignore')\n"
        "def f(x): return x\n"
        "joblib.Memory(sys.argv[1], compress='1', verbose=0).cache(f)(1)"
    )
    run_python(code, location)
    [stray] = location.rglob("output.pkl.*")
    found = checks(location)["leftovers"]
    assert found.status == "ok"
    assert "1 temporary file of the last hour" in found.message
    os.utime(stray, (time.time() - 4000,) * 2)
    assert pid != int(stray.name.split("-")[1])
    found = checks(location)["leftovers"]
    assert found.status == "warning"
    assert "1 temporary file and 1 folder without result" in found.message
    run_fix(found.fix, location)
    assert checks(location)["leftovers"].message == "none"
    assert not [*location.rglob("output.pkl*")]


def test_two_environments_wipe_each_others_results(location: Path) -> None:
    assert checks(location)["stale"].status == "ok"
    edit(location, "return x", "return +x")  # the other environment's version
    found = checks(location)["stale"]
    assert found.status == "warning"
    assert "doctored.f" in found.message
    assert "joblib drops 2 entries" in found.message
    call(location, 1)
    assert len([*location.rglob("output.pkl")]) == 1
    assert checks(location)["stale"].status == "ok"
    edit(location, "return +x", "return x")
    assert checks(location)["stale"].fix == "acache clear --stale"
    call(location, 1, 2)
    edit(location, "return x", "return +x")
    call(location, 3)
    assert len([*location.rglob("output.pkl")]) == 1


def test_without_a_source_results_are_trusted_whatever_the_code_is(location: Path) -> None:
    [source] = location.rglob("func_code.py")
    source.unlink()
    found = checks(location)["sources"]
    assert found.status == "problem"
    assert "of doctored.f is missing or unreadable: joblib computes the next call" in found.message
    assert "of 2 entries may return results of old code" in found.message
    kept = location.parent / "kept"
    shutil.copytree(location, kept)
    edit(location, "return x", "return -x")
    assert call(location, 1, 2) == [-1, 2]  # the first is computed, the second one trusted
    run_fix(found.fix, kept)
    assert checks(kept)["sources"].status == "ok"
    assert call(kept, 1, 2) == [-1, -2]


@pytest.mark.filterwarnings("ignore:Possible name collisions")
@pytest.mark.parametrize("text", ["", "# first line: 4\n", "# first line: 4\ndef f(x"])
def test_with_an_empty_or_cut_source_results_are_dropped(location: Path, text: str) -> None:
    [source] = location.rglob("func_code.py")
    source.write_text(text)
    found = checks(location)["sources"]
    assert found.status == "warning"
    assert "of doctored.f is empty or cut: joblib drops 2 entries at the next call" in found.message
    [finding] = verify(Store(location)).findings
    assert finding.severity == "problem"
    assert finding.message.endswith("joblib drops them at the function's next call")
    kept = location.parent / "kept"
    shutil.copytree(location, kept)
    call(location, 3)
    assert len([*location.rglob("output.pkl")]) == 1
    assert checks(location)["sources"].status == "ok"
    run_fix(found.fix, kept)
    assert checks(kept)["sources"].status == "ok"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"# first line: 4\ndef f(x):\n    return '\xe9'\n", UnicodeDecodeError),
        (b"# first line:", ValueError),
        (None, IsADirectoryError),
    ],
)
def test_with_a_damaged_source_each_call_raises_until_mended(
    location: Path, content: bytes | None, error: type[Exception]
) -> None:
    [source] = location.rglob("func_code.py")
    source.unlink()
    if content is None:
        source.mkdir()
    else:
        source.write_bytes(content)
    for _ in range(2):
        with pytest.raises(error):
            call(location, 1)
    found = checks(location)
    assert found["sources"].status == "problem"
    assert found["sources"].message == "func_code.py of doctored.f is damaged: each call raises"
    assert found["stale"].message.startswith("none known")
    [finding] = verify(Store(location)).findings
    assert (finding.kind, finding.severity) == ("missing-source", "problem")
    assert finding.message.endswith("func_code.py: joblib raises at each call")
    run_line(found["sources"].fix or "", LIBROSA_CACHE_DIR=location)
    assert checks(location)["sources"].status == "ok"
    assert call(location, 1) == [1]


def test_a_source_of_zeros_is_cut(location: Path) -> None:
    [source] = location.rglob("func_code.py")
    source.write_bytes(bytes(100))
    assert "of doctored.f is empty or cut" in checks(location)["sources"].message
    call(location, 3)
    assert len([*location.rglob("output.pkl")]) == 1


@needs_links
def test_a_linked_source_is_read(location: Path) -> None:
    [source] = location.rglob("func_code.py")
    source.rename(location / "elsewhere")
    source.symlink_to(location / "elsewhere")
    assert call(location, 1, 2) == [1, 2]
    assert checks(location)["sources"].status == "ok"


def test_sources_that_are_lost_and_cut_are_told_apart(location: Path) -> None:
    for name, text in (("lost", None), ("cut", "# first line: 4\n")):
        write_entry(location / "joblib" / "m" / name, "0" * 32)
        if text is not None:
            (location / "joblib" / "m" / name / "func_code.py").write_text(text)
    found = checks(location)["sources"]
    assert found.status == "problem"
    assert "of m.lost is missing" in found.message
    assert "of 1 entry may return" in found.message
    assert found.message.endswith("of m.cut is empty or cut: joblib drops 1 entry at the next call")
    assert found.fix == "acache clear --function /m/cut --function /m/lost"


def test_without_a_cache_no_setting_fails_yet() -> None:
    found = checks(COMPRESS="1", MMAP="None", LEVEL="high")
    assert [found[name].status for name in ("compress", "mmap", "level")] == [
        *("warning", "warning", "problem")
    ]
    assert found["compress"].message.endswith("; now caching is off")


CACHED = """
import sys, warnings
warnings.simplefilter("ignore", Warning)
from acache import cache
@cache(level=10)
def f(x): return [x]
f(1); f(1)
"""


@pytest.mark.parametrize(("name", "raw"), [("COMPRESS", "1"), ("MMAP", "none"), ("LEVEL", "x")])
def test_of_another_librarys_settings_a_warning_is_enough(
    tmp_path: Path, name: str, raw: str
) -> None:
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


def test_an_environment_that_is_gone_tells_nothing_of_what_is_stale(
    drifted: Path, tmp_path: Path
) -> None:
    environ = {"LIBROSA_CACHE_DIR": str(drifted), "VIRTUAL_ENV": str(tmp_path / "gone")}
    found = {one.id: one for one in examine(Config.from_env(environ))}
    assert found["stale"].status == "ok"
    assert "4 functions cannot be compared" in found["stale"].message
    assert found["versions"].status == "warning"
    assert found["versions"].fix == "unset VIRTUAL_ENV"


@needs_root
def test_that_others_run_code_is_told_before_that_one_may_not_write(
    acache: Callable[..., Result], location: Path, as_nobody: int
) -> None:
    private(location)
    (location / "joblib" / "doctored").chmod(0o777)
    (location / "joblib").chmod(0o755)
    (location / "joblib" / "doctored" / "f").chmod(0o555)
    result = acache("doctor", "--json", "--cache-dir", location, user=as_nobody)
    [found] = [c for c in result.document["checks"] if c["id"] == "permissions"]
    assert found["status"] == "problem"
    assert found["message"].startswith("everybody may write to ")
    assert "; you may not write to " in found["message"]


@needs_posix
def test_a_location_that_others_may_make_first(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    location = shared / "librosa"
    found = checks(location)["permissions"]
    assert found.status == "warning"
    assert "which is not there yet, before you do; whoever can write there" in found.message
    run_line(found.fix or "")
    assert location.stat().st_mode & 0o777 == 0o700
    assert checks(location)["permissions"].status == "ok"


@needs_root
def test_what_may_not_be_looked_into_is_told(
    acache: Callable[..., Result], location: Path, as_nobody: int
) -> None:
    private(location)
    for path in (location, *location.rglob("*")):
        os.chown(path, as_nobody, -1)
    folder = location / "joblib" / "doctored"
    folder.chmod(0o300)
    result = acache("doctor", "--json", "--cache-dir", location, user=as_nobody)
    [found] = [c for c in result.document["checks"] if c["id"] == "permissions"]
    assert found["status"] == "warning"
    assert found["message"].endswith("what is in there was not checked")
    run_line(found["fix"])
    assert folder.stat().st_mode & 0o777 == 0o700


@needs_root
def test_a_location_that_is_ones_own_is_opened_again(
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


def test_all_limits_that_mean_nothing_are_unset_at_once(tmp_path: Path) -> None:
    found = checks(tmp_path, MAX_SIZE="x", MAX_AGE="y", MAX_ITEMS="5")["limits"]
    assert found.status == "problem"
    assert found.fix == "unset LIBROSA_CACHE_MAX_SIZE LIBROSA_CACHE_MAX_AGE"


@needs_posix
def test_what_a_python_prints_when_it_starts_does_not_matter(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf noise\n{shlex.quote(sys.executable)} "$@"\necho more\n')
    python.chmod(0o755)
    asked = InstalledSources(str(python)).search_path
    assert all(os.path.isabs(folder) for folder in asked)
    assert os.path.dirname(os.__file__) in asked


RECURRENCE = """
import librosa, numpy
try: print(librosa.segment.recurrence_matrix(numpy.eye(8)).shape)
except TypeError: print("TypeError")
"""


@pytest.mark.parametrize("level", ["20", "30", "50"])
def test_a_function_that_librosa_cannot_cache(tmp_path: Path, level: str) -> None:
    environ = {"LIBROSA_CACHE_DIR": str(tmp_path), "LIBROSA_CACHE_LEVEL": level}
    raises = run_python(RECURRENCE, env=environ) == "TypeError\n"
    assert raises == (int(level) >= 30)
    assert ("recurrence_matrix raises TypeError" in checks(LEVEL=level)["level"].message) == raises
