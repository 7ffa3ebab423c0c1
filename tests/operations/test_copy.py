"""Copies are the same to the byte, times included; what is there stays; what differs stays out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from acache.operations.copy import CopyReport, copy, open_source, open_target
from acache.operations.selection import Selection, parse_levels
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.levels import record_level, recorded_level
from acache.store.model import Entry
from acache.store.store import Store
from acache.system.errors import ConfigurationError, UsageError
from tests.helpers.copies import SOURCE, accesses, age, files, fill
from tests.helpers.marks import needs_links
from tests.helpers.processes import run_python
from tests.helpers.stores import VERSIONS, tree, unpack_recorded, write_entry

HASHES = [digit * 32 for digit in "0369cf"]
ARCHIVES = ["a.tar", "a.tar.gz", "a.tgz", "a.tar.zst"]


def copied(source: Path, target: Path, **options: object) -> CopyReport:
    return copy(open_source(str(source)), open_target(str(target)), **options)  # type: ignore[arg-type]


def one_function(location: Path, *, source: bytes = SOURCE, entries: str = "036") -> Path:
    folder = location / "joblib" / "m" / "f"
    for digit in entries:
        write_entry(folder, digit * 32, output=f"of {location.name} {digit}".encode())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "func_code.py").write_bytes(source)
    return location


def outputs(location: Path) -> dict[str, tuple[bytes, int]]:
    """Return each result and its time, by the last parts of its path."""
    return {
        "/".join(path.parts[-4:]): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in location.rglob("output.pkl")
    }


def test_copy_of_librosas_store_is_the_same(librosa_location: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(librosa_location, source)
    age(source)
    touched = accesses(source)
    report = copied(source, tmp_path / "target")
    assert report.is_complete
    assert report.copied == len(touched)
    assert accesses(tmp_path / "target") == touched == accesses(source)
    assert files(tmp_path / "target") == files(source)
    assert (tmp_path / "target" / ".gitignore").read_text().endswith("\n*\n")
    again = copied(source, tmp_path / "target")
    assert (again.copied, again.present, again.is_complete) == (0, report.copied, True)


@pytest.mark.parametrize("name", ARCHIVES)
def test_copy_through_an_archive_is_the_same(
    librosa_location: Path, tmp_path: Path, name: str
) -> None:
    source, archive = tmp_path / "source", tmp_path / name
    shutil.copytree(librosa_location, source)
    age(source)
    touched = accesses(source)
    assert copied(source, archive).is_complete
    assert accesses(source) == touched
    assert copied(archive, tmp_path / "target").is_complete
    assert accesses(tmp_path / "target") == touched
    assert files(tmp_path / "target") == files(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["source", name, "target"])


def test_copy_of_a_copy_is_an_archive_that_tar_unpacks(tmp_path: Path) -> None:
    fill(tmp_path / "source")
    copied(tmp_path / "source", tmp_path / "a.tar.zst")
    copied(tmp_path / "a.tar.zst", tmp_path / "b.tar")
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    tar = ["tar", "xf", str(tmp_path / "b.tar"), "-C", str(unpacked)]
    assert subprocess.run(tar, check=True, capture_output=True).stderr == b""
    assert files(unpacked) == files(tmp_path / "source")
    check = joblib.Memory(str(unpacked), verbose=0).cache(bytes).check_call_in_cache
    assert all(check(number) for number in range(5))


@pytest.mark.parametrize("version", VERSIONS)
def test_copy_of_what_old_joblibs_wrote(tmp_path: Path, version: str) -> None:
    unpack_recorded(version, tmp_path)
    for kind in ("str", "path"):
        source = next(path for path in tmp_path.rglob(kind) if path.is_dir())
        report = copied(source, tmp_path / f"{kind}.tar.gz")
        last = copied(tmp_path / f"{kind}.tar.gz", tmp_path / f"{kind}-copy", allow_unsafe=True)
        assert last.copied == report.copied > 0
        known, new = outputs(source), outputs(tmp_path / f"{kind}-copy")
        assert len(new) == last.copied
        assert {key: known[key] for key in new} == new


@pytest.mark.parametrize("target", ["target", "target.tar", "target.tar.gz"])
def test_copies_merge(tmp_path: Path, target: str) -> None:
    one = one_function(tmp_path / "one", entries="03")
    two = one_function(tmp_path / "two", entries="36")
    first = copied(one, tmp_path / target)
    second = copied(two, tmp_path / target, allow_unsafe=True)
    assert (first.copied, second.copied, second.present) == (2, 1, 1)
    out = tmp_path / "out"
    copied(tmp_path / target, out, allow_unsafe=True)
    outputs = {path.parent.name[0]: path.read_bytes() for path in out.rglob("output.pkl")}
    assert outputs == {"0": b"of one 0", "3": b"of one 3", "6": b"of two 6"}


@pytest.mark.parametrize("target", ["target", "target.tar"])
def test_overwriting_replaces_what_differs(tmp_path: Path, target: str) -> None:
    one = one_function(tmp_path / "one", entries="03")
    two = one_function(tmp_path / "two", entries="36")
    age(two)
    copied(one, tmp_path / target)
    report = copied(two, tmp_path / target, overwrite=True)
    assert report.copied == 2
    out = tmp_path / "out"
    copied(tmp_path / target, out, allow_unsafe=True)
    outputs = {path.parent.name[0]: path.read_bytes() for path in out.rglob("output.pkl")}
    assert outputs == {"0": b"of one 0", "3": b"of two 3", "6": b"of two 6"}
    if target == "target":  # the same size and time are the same result
        assert copied(two, tmp_path / target, overwrite=True).present == 2


@pytest.mark.parametrize("target", ["target", "target.tar"])
@pytest.mark.parametrize("dry_run", [False, True])
def test_functions_that_differ_are_left_out(tmp_path: Path, target: str, dry_run: bool) -> None:
    one = one_function(tmp_path / "one", entries="0")
    changed = SOURCE.replace(b"return x", b"return 2 * x")
    two = one_function(tmp_path / "two", source=changed, entries="3")
    write_entry(two / "joblib" / "m" / "g", "0" * 32)
    (two / "joblib" / "m" / "g" / "func_code.py").write_bytes(SOURCE)
    copied(one, tmp_path / target)
    report = copied(two, tmp_path / target, dry_run=dry_run)
    assert [row.function for row in report.rows] == ["m.g"]
    assert [(one.id, one.reason) for one in report.left_out] == [
        ("m.f", "its source differs in the target")
    ]
    assert not report.is_complete


def test_sources_that_begin_in_another_line_are_the_same(tmp_path: Path) -> None:
    one = one_function(tmp_path / "one", entries="0")
    moved = SOURCE.replace(b": 1", b": 77")
    two = one_function(tmp_path / "two", source=moved, entries="3")
    assert copied(one, two).is_complete
    assert (two / "joblib" / "m" / "f" / "func_code.py").read_bytes() == moved


def test_functions_that_cannot_be_compared_are_left_out(tmp_path: Path) -> None:
    write_entry(tmp_path / "one" / "joblib" / "m" / "f", "0" * 32)
    report = copied(tmp_path / "one", tmp_path / "target")
    assert "has no source" in report.left_out[0].reason
    assert not (tmp_path / "target").exists()
    one_function(tmp_path / "two", entries="3")
    report = copied(tmp_path / "two", tmp_path / "one")
    assert "results of it and no source" in report.left_out[0].reason
    assert len(list((tmp_path / "one").rglob("output.pkl"))) == 1


@pytest.mark.parametrize("name", ["new", "new.tar.gz"])
def test_dry_runs_write_nothing(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "source")
    before = tree(tmp_path)
    report = copied(tmp_path / "source", tmp_path / name, dry_run=True)
    assert (report.copied, report.size_bytes > 0) == (5, True)
    assert tree(tmp_path) == before


def test_selections_narrow_what_is_copied(tmp_path: Path, librosa_location: Path) -> None:
    store = Store(librosa_location)
    for target in ("target", "target.tar"):
        levels = Levels(store, InstalledSources())
        selector = Selection(levels=(parse_levels("30"),)).resolve(store, levels)
        report = copy(store, open_target(str(tmp_path / target)), selector)
        assert {row.function for row in report.rows} >= {"librosa.decompose.hpss"}
        assert "librosa.core.spectrum.stft" not in {row.function for row in report.rows}
    # An archive is selected from as a store is.
    source = open_source(str(tmp_path / "target.tar"))
    for selection in (
        Selection(functions=("hpss",)),
        Selection(functions=("hpss",), arguments=(("mask", "False"),)),
        Selection(functions=("hpss",), larger_than=1000),
    ):
        report = copy(source, Store(tmp_path / "nowhere"), selection.resolve(source), dry_run=True)
        assert [(row.function, row.copied) for row in report.rows] == [
            ("librosa.decompose.hpss", 1)
        ]
    nothing = Selection(arguments=(("mask", "no such"),)).resolve(source)
    assert copy(source, Store(tmp_path / "nowhere"), nothing, dry_run=True).copied == 0
    with pytest.raises(UsageError, match="no function in this cache matches"):
        Selection(functions=("stft",)).resolve(source)


def test_layouts_are_chosen_or_kept(tmp_path: Path) -> None:
    fill(tmp_path / "flat", 3)
    assert copied(tmp_path / "flat", tmp_path / "split", split=True).copied == 3
    folder = tmp_path / "split" / "joblib" / "builtins" / "bytes"
    assert all(len(path.name) == 3 for path in folder.iterdir() if path.is_dir())
    fill(tmp_path / "more", 6)
    # A function goes on as it began, and an entry of either layout is there already.
    report = copied(tmp_path / "more", tmp_path / "split")
    assert (report.copied, report.present) == (3, 3)
    assert not [path for path in folder.iterdir() if len(path.name) == 32]
    for name in ("back", "back.tar", "again.tar"):
        copied(tmp_path / "split", tmp_path / name, split=name.startswith("again"))
    assert copied(tmp_path / "back.tar", tmp_path / "a").copied == 6
    assert copied(tmp_path / "again.tar", tmp_path / "b").copied == 6
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "back")
    assert {*files(tmp_path / "more")} == {*files(tmp_path / "back")}


def test_levels_go_with_their_functions(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 1)
    record_level(str(source), "builtins/bytes", 30)
    copied(source, tmp_path / "a.tar")
    copied(tmp_path / "a.tar", tmp_path / "b.tar.gz")
    fill(tmp_path / "other", 2)
    copied(tmp_path / "other", tmp_path / "b.tar.gz")  # what was in it stays, levels included
    copied(tmp_path / "b.tar.gz", tmp_path / "target")
    assert recorded_level(str(tmp_path / "target"), "builtins/bytes") == 30
    assert recorded_level(str(tmp_path / "target"), "m/f") is None


def test_two_stores_of_one_location_are_both_copied(tmp_path: Path) -> None:
    location = tmp_path / "location"
    run_python(
        "import joblib, pathlib, sys\n"
        "joblib.Memory(sys.argv[1], verbose=0).cache(bytes)(7)\n"
        "joblib.Memory(pathlib.Path(sys.argv[1]), verbose=0).cache(divmod)(7, 2)",
        location,
    )
    assert copied(location, tmp_path / "target").copied == 2
    assert (
        joblib.Memory(str(tmp_path / "target"), verbose=0).cache(divmod).check_call_in_cache(7, 2)
    )


def test_entries_that_vanish_meanwhile_are_no_failure(tmp_path: Path) -> None:
    source = Store(fill(tmp_path / "source"))

    class Vanishing(type(source)):  # type: ignore[misc]
        def scan(self, *options: object) -> object:
            for found in super().scan(*options):
                if isinstance(found, Entry) and found.hash < "b":
                    shutil.rmtree(self.entry_address(found.function, found.hash))
                yield found

    report = copy(Vanishing(source.location), Store(tmp_path / "target"))
    left = list((tmp_path / "source").rglob("output.pkl"))
    assert report.copied == len(left) < 5
    assert report.is_complete


@needs_links
def test_links_are_not_followed(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 1)
    [output] = source.rglob("output.pkl")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = tmp_path / "target"
    (target / "joblib").mkdir(parents=True)
    (target / "joblib" / "builtins").symlink_to(elsewhere)
    report = copied(source, target)
    assert len(report.failed) == 1
    assert not list(elsewhere.iterdir())
    (target / "joblib" / "builtins").unlink()
    entry = target / output.relative_to(source).parent
    entry.parent.mkdir(parents=True)
    entry.symlink_to(elsewhere)
    report = copied(source, target)
    assert (report.copied, len(report.failed)) == (0, 1) or report.left_out
    assert not list(elsewhere.iterdir())


def test_stores_in_one_another_are_refused(tmp_path: Path) -> None:
    source = fill(tmp_path / "source")
    for target in (source, source / "joblib" / "x", source / "joblib" / "a.tar"):
        with pytest.raises(UsageError, match=r"are the same|must not be in one another"):
            copied(source, target)
    with pytest.raises(ConfigurationError, match="neither a cache nor an archive"):
        open_source(str(tmp_path / "none"))


def test_copying_stops_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    source = fill(tmp_path / "source")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("acache.store.write.write_output", full)
    report = copied(source, tmp_path / "target")
    assert [one.reason for one in report.failed] == ["No space left on device"]
    assert not [path for path in (tmp_path / "target").rglob("*") if "output" in path.name]


CHANGING = """
import sys
from pathlib import Path
import acache.store.write as write
from acache.operations.copy import copy, open_source, open_target
import joblib

source, target, moment = sys.argv[1:]
place, count = write.replace_in, 0

def other_code():
    '''Have joblib find that the function has changed, and clear it.'''
    folder = Path(target, "joblib", "m", "f")
    memory = joblib.Memory(target, verbose=0)
    memory.store_backend.clear_path(["m/f"])
    memory.store_backend.store_cached_func_code(["m/f"], "# first line: 1\\ndef f(x): return -x\\n")

def replace_in(old, new, folder):
    global count
    if new == "output.pkl":
        count += 1
        if count == 2 and moment == "before":
            other_code()
    place(old, new, folder)
    if new == "output.pkl" and count == 2 and moment == "after":
        other_code()

write.replace_in = replace_in
report = copy(open_source(source), open_target(target))
print(report.left_out[0].reason)
print(len(list(Path(target).rglob("output.pkl"))))
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_results_do_not_come_back_to_a_function_that_joblib_clears(
    tmp_path: Path, moment: str
) -> None:
    source = one_function(tmp_path / "source")
    told = run_python(CHANGING, source, tmp_path / "target", moment).splitlines()
    assert told[0] in (
        "its source in the target has changed meanwhile",
        "its folder in the target was removed meanwhile",
    )
    assert told[1] == "0"


@pytest.mark.parametrize("name", ["target", "target.tar"])
def test_results_of_new_code_are_not_copied_as_those_of_old(tmp_path: Path, name: str) -> None:
    """Joblib finds other code in the source while entries of it are copied."""
    source = Store(one_function(tmp_path / "source", entries="036"))
    folder = tmp_path / "source" / "joblib" / "m" / "f"

    class Changing(type(source)):  # type: ignore[misc]
        def scan(self, *options: object) -> object:
            for number, found in enumerate(
                one for one in super().scan(*options) if isinstance(one, Entry)
            ):
                if number == 1:
                    shutil.rmtree(folder)
                    for digit in "036":
                        write_entry(folder, digit * 32, output=b"of new code")
                    (folder / "func_code.py").write_bytes(SOURCE.replace(b"x", b"y"))
                yield found

    report = copy(Changing(source.location), open_target(str(tmp_path / name)))
    assert report.copied == 1
    assert [one.reason for one in report.left_out] == ["its source differs in the target"]
    copied(tmp_path / name, tmp_path / "out", allow_unsafe=True)
    [output] = (tmp_path / "out").rglob("output.pkl")
    assert output.read_bytes().startswith(b"of source")


def test_sources_that_are_written_again_are_no_others(tmp_path: Path) -> None:
    source = Store(one_function(tmp_path / "source", entries="036"))

    class Touching(type(source)):  # type: ignore[misc]
        def scan(self, *options: object) -> object:
            for found in super().scan(*options):
                (tmp_path / "source" / "joblib" / "m" / "f" / "func_code.py").touch()
                yield found

    report = copy(Touching(source.location), Store(tmp_path / "target"))
    assert (report.copied, report.is_complete) == (3, True)


WORKER = """
import sys, joblib
location, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
cached = joblib.Memory(location, verbose=0).cache(bytes)
print("ready", flush=True)
for number in range(count):
    value = (number * 7 + seed) % 400
    assert cached(value) == bytes(value)
"""


@pytest.mark.parametrize("name", ["target", "target.tar.gz"])
def test_joblib_may_use_both_sides_meanwhile(tmp_path: Path, name: str) -> None:
    source, target = fill(tmp_path / "source", 100), tmp_path / name
    used = [source] if name.endswith("gz") else [source, target]
    if target in used:
        fill(target, 1)
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", WORKER, str(location), str(seed), "800"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONWARNINGS": ""},
        )
        for location in used
        for seed in (0, 200)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    reports = []
    while any(worker.poll() is None for worker in workers):
        reports.append(copied(source, target))
    for worker in workers:
        _, told = worker.communicate()
        assert worker.returncode == 0, told
    reports.append(copied(source, target))
    assert all(report.is_complete for report in reports)
    copied(target, tmp_path / "out")
    out = joblib.Memory(str(tmp_path / "out"), verbose=0).cache(bytes)
    assert all(out.check_call_in_cache(number) for number in range(400))
    assert all(out(number) == bytes(number) for number in range(400))
    assert not list(tmp_path.rglob("*pkl.*"))
