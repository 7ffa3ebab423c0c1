"""The check of permissions: what it says others can do they can, until it is fixed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from acache.operations.doctor.check import Check
from acache.operations.verify.store import verify
from acache.store import parallel
from acache.store.store import Store
from tests.helpers.doctored import call, checks, followed, needs_root, private
from tests.helpers.marks import needs_fork, needs_links, needs_posix
from tests.helpers.processes import Result, run_line, run_python
from tests.helpers.stores import write_entry
from tests.helpers.users import NOBODY


@needs_root
def test_permissions_of_a_function_let_others_run_code(location: Path, as_nobody: int) -> None:
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
        f"os.setgroups([]); os.setuid({as_nobody})\n"
        "for entry in [e for e in function.iterdir() if e.is_dir()]:\n"
        "    entry.rename(function / f'old-{entry.name}'); entry.mkdir()\n"
        "    pickle = f'cos\\nmkdir\\n(V{canary}\\ntR.'\n"
        "    (entry / 'output.pkl').write_bytes(pickle.encode())\n"
    )
    run_python(code, function, canary)
    call(location, 1)
    assert canary.exists(), "joblib did not run what nobody had written"
    shutil.rmtree(function)
    assert found.fix is not None
    (location / "joblib").chmod(0o777)
    subprocess.run(shlex.split(checks(location)["permissions"].fix or ""), check=True)
    assert checks(location)["permissions"].status == "ok"


@needs_root
def test_permissions_of_folders_above_and_other_owners(location: Path) -> None:
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


def fix_permissions(location: Path) -> Check:
    """Run the fix of the permissions as it stands, examine what is used then, return what was."""
    found = checks(location)["permissions"]
    assert found.fix is not None
    used = location
    if found.fix.startswith("export "):
        used = Path(followed(found.fix)["DIR"]).expanduser()
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
def test_permissions_of_a_result_let_others_run_code(
    location: Path, mode: int, status: str
) -> None:
    private(location)
    entry = entry_of(location)
    for path in (entry, entry / "output.pkl"):
        path.chmod(path.stat().st_mode | mode)
        os.chown(path, 0, 100)
        found = fix_permissions(location)
        assert found.status == status
        assert str(path) in found.message
        assert found.fix == f"chmod -R go-w {location / 'joblib'}"
    os.chown(entry / "output.pkl", NOBODY, NOBODY)
    found = fix_permissions(location)
    assert found.status == "warning"
    assert f"another user owns {entry / 'output.pkl'}" in found.message
    assert followed(found.fix) == {"DIR": "~/.cache/librosa"}


@needs_fork
@needs_posix
def test_permissions_of_all_results_with_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
def test_permissions_of_links_on_the_way_to_the_store(location: Path, tmp_path: Path) -> None:
    private(location)
    (tmp_path / "open").mkdir()
    (tmp_path / "way").symlink_to("open/../open/./link")
    (tmp_path / "open" / "link").symlink_to("../location")
    assert checks(tmp_path / "way")["permissions"].status == "ok"
    (tmp_path / "open").chmod(0o777)
    found = fix_permissions(tmp_path / "way")
    assert found.status == "problem"
    assert f"everybody may replace what is in {tmp_path / 'open'}" in found.message
    (tmp_path / "open").chmod(0o1777)
    assert checks(tmp_path / "way")["permissions"].status == "ok"
    os.chown(tmp_path / "open" / "link", NOBODY, NOBODY, follow_symlinks=False)
    assert fix_permissions(tmp_path / "way").status == "warning"
    (tmp_path / "loop").symlink_to("loop")
    assert checks(tmp_path / "loop")["cache-dir"].status == "problem"


@needs_root
def test_permissions_above_the_location(tmp_path: Path) -> None:
    above = tmp_path / "a" / "b"
    (above / "location").mkdir(parents=True)
    write_entry(above / "location" / "joblib" / "m" / "f", "0" * 32)
    private(above)
    for folder in (above, tmp_path / "a"):
        os.chown(folder, 0, 100)
        folder.chmod(0o775)
        found = fix_permissions(above / "location")
        assert found.status == "warning"
        assert f"a group may write to {folder};" in found.message
        os.chown(folder, NOBODY, 0)
        folder.chmod(0o755)
        found = fix_permissions(above / "location")
        assert found.status == "warning"
        assert f"another user owns {folder};" in found.message
        os.chown(folder, 0, 0)
    assert checks(above / "location")["permissions"].status == "ok"


@needs_root
def test_permissions_of_several_places_are_fixed_at_once(location: Path, tmp_path: Path) -> None:
    private(location)
    (location / "joblib").rename(tmp_path / "real")
    (location / "joblib").symlink_to(tmp_path / "real")
    location.chmod(0o777)
    (tmp_path / "real" / "doctored").chmod(0o777)
    (entry_of(tmp_path / "real") / "output.pkl").chmod(0o666)
    found = fix_permissions(location)
    assert found.fix == f"chmod go-w {location} && chmod -R go-w {tmp_path / 'real'}"
    os.chown(tmp_path / "real" / "doctored", NOBODY, NOBODY)
    location.chmod(0o777)
    assert (fix_permissions(location).fix or "").startswith("export ")


@needs_root
def test_permissions_fix_offers_no_location_that_is_no_better(
    location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private(location)
    os.chown(location, NOBODY, NOBODY)
    monkeypatch.setenv("HOME", str(location))
    found = checks(location)["permissions"]
    assert (found.status, found.fix) == ("warning", None)


@needs_links
def test_permissions_check_finds_links_that_joblib_follows(location: Path, tmp_path: Path) -> None:
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
    fix_permissions(location)
    assert (tmp_path / "elsewhere" / "f").exists()


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
def test_permissions_of_a_folder_that_may_not_be_used(  # noqa: PLR0917
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
        "warnings.filterwarnings('ignore', 'Persisting input')\n"
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
    warnings.filterwarnings("ignore", "Persisting input")
    memory.cache(doctored.f)(3)
print([w.category.__name__ for w in told])
doctored.f.__name__ = doctored.f.__qualname__ = "g"
try:
    memory.cache(doctored.f)
except PermissionError:
    print("raises PermissionError")
"""


def test_permissions_of_a_store_that_may_not_be_written(
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


@needs_root
def test_permissions_of_others_come_before_those_of_the_user(
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
def test_permissions_of_a_location_that_others_may_make_first(tmp_path: Path) -> None:
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
def test_permissions_of_a_folder_that_may_not_be_listed(
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
