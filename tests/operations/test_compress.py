"""Compressing changes the form of results, and nothing else, whoever reads them meanwhile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from acache.operations.compress import CompressReport, compress
from acache.operations.selection import Selection
from acache.pickles.compression import detect
from acache.store.store import Store
from tests.helpers.copies import SOURCE, accesses, age, files
from tests.helpers.marks import needs_fork, needs_posix
from tests.helpers.processes import PATIENCE_SECONDS, run_python
from tests.helpers.stores import LIBROSA_SCRIPT, tree, write_entry


def compressed(location: Path, method: str, **options: object) -> CompressReport:
    return compress(Store(location), method=method, **options)  # type: ignore[arg-type]


@pytest.fixture
def location(tmp_path: Path, librosa_location: Path) -> Path:
    shutil.copytree(librosa_location, tmp_path / "location")
    age(tmp_path / "location")
    return tmp_path / "location"


def methods(location: Path) -> set[str | None]:
    return {detect(path.read_bytes()[:5]) for path in location.rglob("output.pkl")}


@pytest.mark.parametrize("fork", [False, pytest.param(True, marks=needs_fork)])
def test_compressing_and_back_gives_the_same_files(location: Path, fork: bool) -> None:
    touched = accesses(location)
    report = compressed(location, "zlib", fork=fork)
    assert report.total.entries > 30
    assert report.total.after_bytes < report.total.before_bytes
    assert report.total.entries + report.total.not_smaller == len(touched)
    assert not report.failed
    assert accesses(location) == touched
    again = compressed(location, "zlib", fork=fork).total
    assert (again.entries, again.same) == (0, report.total.entries)
    assert compressed(location, "gzip", fork=fork).total.entries >= report.total.entries
    assert compressed(location, "none", fork=fork).total.entries >= report.total.entries
    assert accesses(location) == touched
    assert methods(location) == {None}
    assert not list(location.rglob("*pkl.*"))


def test_files_are_the_same_after_all(location: Path) -> None:
    known = files(location)
    for method in ("gzip", "bz2", "lz4", "none"):
        compressed(location, method)
    assert files(location) == known


@pytest.mark.parametrize("method", ["zlib", pytest.param("lz4", marks=pytest.mark.slow)])
def test_librosa_hits_what_was_compressed(location: Path, method: str) -> None:
    environment = {"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_LEVEL": "50"}
    before = run_python(LIBROSA_SCRIPT, env=environment)
    compressed(location, method)
    known = sorted(path.as_posix() for path in location.rglob("output.pkl"))
    assert run_python(f"{LIBROSA_SCRIPT}", env=environment) == before
    assert sorted(path.as_posix() for path in location.rglob("output.pkl")) == known


def test_dry_runs_measure_and_write_nothing(location: Path) -> None:
    before = tree(location)
    planned = compressed(location, "gzip", dry_run=True)
    assert tree(location) == before
    assert compressed(location, "gzip").total == planned.total


def test_selections_are_all_that_is_compressed(location: Path) -> None:
    store = Store(location)
    selector = Selection(functions=("stft",)).resolve(store)
    report = compress(store, selector, method="zlib")
    assert [row.function for row in report.rows] == ["librosa.core.spectrum.stft"]
    assert compress(store, method="none").total.entries == report.total.entries


def test_damaged_results_are_named_and_stay(tmp_path: Path) -> None:
    folder = tmp_path / "joblib" / "m" / "f"
    write_entry(folder, "0" * 32, output=b"\x78\x9cdamaged")
    write_entry(folder, "1" * 32, output=b"\x80\x04" + bytes(5000) + b".")
    before = (folder / ("0" * 32) / "output.pkl").read_bytes()
    report = compressed(tmp_path, "gzip")
    assert [one.id for one in report.failed] == [f"m.f/{'0' * 32}"]
    assert report.failed[0].reason == "the zlib stream ends too early"
    assert report.total.entries == 1
    assert (folder / ("0" * 32) / "output.pkl").read_bytes() == before


CHANGING = """
import sys
from pathlib import Path
import acache.store.files as files
from acache.operations.compress import compress
from acache.store.store import Store

location, moment = Path(sys.argv[1]), sys.argv[2]
[output] = location.rglob("output.pkl")

def changed(*_):
    if moment == "removed":
        output.unlink()
        return
    new = output.with_name("output.pkl." + "0" * 32 + "-1-1")
    new.write_bytes(b"new result")
    new.replace(output)

def late(before):
    '''Look at the file, and have it change right after.'''
    def identity(status):
        found = before(status)
        global looks
        looks += 1
        if looks == 2:  # once for each of the two that are compared
            changed()
        return found
    return identity

looks = 0
if moment == "late":
    files.identity_of = late(files.identity_of)
else:
    write = files._write_like
    files._write_like = lambda *args: (write(*args), changed())[0]
report = compress(Store(location), method="zlib")
print(report.total.entries, [path.name for path in location.rglob("*pkl*")])
if moment != "removed":
    print(output.read_bytes().decode())
"""


@pytest.mark.parametrize(
    "moment",
    [
        "early",
        "removed",
        pytest.param("late", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux's")),
    ],
)
def test_results_that_were_written_again_stay(tmp_path: Path, moment: str) -> None:
    folder = tmp_path / "joblib" / "m" / "f"
    write_entry(folder, "1" * 32, output=b"\x80\x04" + bytes(5000) + b".")
    told = run_python(CHANGING, tmp_path, moment).splitlines()
    assert told[0] == ("0 []" if moment == "removed" else "0 ['output.pkl']")
    assert told[1:] == ([] if moment == "removed" else ["new result"])


READER = """
import sys, joblib
location, stop = sys.argv[1:]
cached = joblib.Memory(location, verbose=0).cache(bytes)
calls = 0
print("ready", flush=True)
import os
while not os.path.exists(stop):
    for number in range(0, 20_000, 1_000):
        assert cached.check_call_in_cache(number)
        assert cached(number) == bytes(number)
        calls += 1
print(calls)
"""


@needs_posix
def test_readers_go_on_while_results_are_compressed(tmp_path: Path) -> None:
    location, stop = tmp_path / "location", tmp_path / "stop"
    fill = "import sys, joblib\nf = joblib.Memory(sys.argv[1], verbose=0).cache(bytes)\n"
    run_python(f"{fill}for n in range(0, 20_000, 1_000): f(n)", location)
    readers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", READER, str(location), str(stop)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for _ in range(3):
        for method in ("zlib", "bz2", "none", "lz4", "xz"):
            assert not compressed(location, method).failed
    stop.touch()
    for reader in readers:
        output, told = reader.communicate(timeout=PATIENCE_SECONDS)
        assert reader.returncode == 0, told
        assert int(output) >= 20


@needs_posix
@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_entries_have_one_form_or_the_other_after_a_kill(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "joblib" / "m" / "f"
    for number in range(60):
        data = b"\x80\x04" + os.urandom(20_000) + bytes(200_000) + b"."
        write_entry(folder, f"{number:032x}", output=data)
    (folder / "func_code.py").write_bytes(SOURCE)
    age(tmp_path)
    known = files(tmp_path)
    command = [sys.executable, "-m", "acache", "compress", "--all", "-q", "--method"]
    for method in ("zlib", "none", "bz2"):
        process = subprocess.Popen(
            [*command, method, "--cache-dir", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )
        while process.poll() is None and not list(tmp_path.rglob("*pkl.*")):
            time.sleep(0.001)
        time.sleep(seed * 0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.2)  # its second process finds the pipe closed
    assert not compressed(tmp_path, "none").failed
    assert files(tmp_path) == known
