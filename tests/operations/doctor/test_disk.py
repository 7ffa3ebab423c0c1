"""Checks of the disk: what they say really happens on a disk that is full, until it is fixed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from acache.config.settings import Config
from acache.operations.doctor.check import Subject
from acache.operations.doctor.disk import check_access_times
from acache.sources.installed import InstalledSources
from acache.store.store import Store
from tests.helpers.processes import run_python
from tests.helpers.users import with_all_imported

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


FIX = """
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


Checks = dict[str, dict[str, str]]


def on_small_disk(
    folder: Path, options: str, *, before: str = ""
) -> tuple[float, int, Checks, Checks]:
    """Fill a disk, examine it, fix it: an access time, failed writes, checks before and after.

    What is run before finds the disk at ``$2``.
    """
    if sys.platform != "linux" or shutil.which("unshare") is None:
        pytest.skip("needs a file system of its own")
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs a file system of its own")
    disk = folder / "disk"
    disk.mkdir()
    command = ["unshare", "-rm", "sh", "-c", ON_SMALL_DISK, "sh", options, disk, sys.executable]
    output = subprocess.run([*command, FILL, folder, FIX, before],
                            stdout=subprocess.PIPE, text=True, check=True).stdout  # fmt: skip
    accessed, failed = output.split()
    ill, well = (
        {check["id"]: check for check in json.loads((folder / name).read_text())["checks"]}
        for name in ("ill", "well")
    )
    return float(accessed), int(failed), ill, well


def test_free_space_on_a_full_disk(tmp_path: Path) -> None:
    _, failed, found, after = on_small_disk(tmp_path, "size=1m")
    assert failed > 0
    assert found["free-space"]["status"] == "problem"
    assert "writes fail, with a warning at each call" in found["free-space"]["message"]
    assert after["free-space"]["status"] == "ok"


def test_inodes_on_a_disk_without_any(tmp_path: Path) -> None:
    accessed, failed, found, after = on_small_disk(tmp_path, "size=500m,nr_inodes=100,strictatime")
    assert failed > 0
    assert found["inodes"]["status"] == "problem"
    assert "writes fail" in found["inodes"]["message"]
    assert after["inodes"]["status"] == "ok"
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
def test_fixes_do_not_empty_a_cache_for_nothing(
    tmp_path: Path, check: str, options: str, before: str
) -> None:
    _, failed, found, after = on_small_disk(tmp_path, options, before=before)
    assert failed > 0
    assert found[check]["status"] == "problem"
    assert found[check]["fix"] is None
    assert "the cache holds only " in found[check]["message"]
    assert after[check]["status"] == "problem"


def test_access_times_with_noatime(tmp_path: Path) -> None:
    accessed, failed, found, after = on_small_disk(tmp_path, "size=100m,noatime")
    assert (accessed, failed) == (0, 0)
    assert found["access-times"]["status"] == "warning"
    assert "--policy lru go by when it was written" in found["access-times"]["message"]
    assert after["access-times"]["status"] == "ok"
    assert "is mounted with relatime" in after["access-times"]["message"]


def test_access_times_are_fixed_with_sudo_unless_by_root(
    tmp_path: Path, as_nobody: int | None
) -> None:
    (tmp_path / "mounts").write_text("22 1 254:0 / / rw,noatime - ext4 /dev/vda rw\n")
    code = (
        "from acache.config.settings import Config\n"
        "from acache.operations.doctor.check import Subject\n"
        "from acache.operations.doctor.disk import check_access_times\n"
        "from acache.sources.installed import InstalledSources\n"
        "from acache.store.store import Store\n"
        "os.setuid(int(sys.argv[1]) or os.getuid())\n"
        "store = Store(sys.argv[2])\n"
        "subject = Subject(Config.from_env({}), store, InstalledSources())\n"
        "print(check_access_times(subject, sys.argv[3]).fix)"
    )
    code = with_all_imported() + code
    output = run_python(code, str(as_nobody or 0), tmp_path, tmp_path / "mounts")
    assert output == "sudo mount -o remount,atime,relatime /\n"


def test_access_times_where_mounts_are_not_known(tmp_path: Path) -> None:
    config = Config.from_env({"LIBROSA_CACHE_DIR": str(tmp_path)})
    subject = Subject(config, Store(tmp_path), InstalledSources())
    found = check_access_times(subject, str(tmp_path / "none"))
    assert found.status == "ok"
    assert "is not known" in found.message
