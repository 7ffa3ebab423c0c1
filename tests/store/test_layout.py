"""Every layout of a store that joblib has written, or is going to write, is read and emptied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acache.cli.completion.offers import offered
from acache.operations.clear import plan_clear
from acache.operations.execute import execute
from acache.operations.prune import Limits, plan_prune
from acache.operations.selection import Selection
from acache.operations.show import describe_entry
from acache.operations.stats import StatsReport, stats
from acache.operations.verify.store import verify
from acache.sources.installed import InstalledSources
from acache.sources.integrity import source_trouble
from acache.sources.levels import Levels
from acache.store.ids import parse_entry_id
from acache.store.model import Entry, Leftover
from acache.store.store import Store
from tests.helpers.marks import needs_du, needs_links
from tests.helpers.processes import Result, dead_pid, run_python
from tests.helpers.stores import tree, write_entry, write_temporary

Acache = Callable[..., Result]


MODULE = "def double(x):\n    return 2 * x\n\n\ndef triple(x):\n    return 3 * x\n"
# joblib does not write the source of a function that the same process has stored elsewhere.
CALLS = """
import sys, pathlib, joblib
sys.path.insert(0, sys.argv[1])
import numbered
location = pathlib.Path(sys.argv[2]) if sys.argv[3] == "path" else sys.argv[2]
memory = joblib.Memory(location, verbose=0)
for call in sys.argv[4:]:
    name, number = call.split(":")
    memory.cache(getattr(numbered, name))(int(number))
"""


def call(location: Path, kind: str, *calls: str) -> None:
    """Have joblib store calls, ``name:argument`` each, in a location given as str or Path."""
    packages = location.parent / "packages"
    packages.mkdir(exist_ok=True)
    (packages / "numbered.py").write_text(MODULE)
    run_python(CALLS, packages, location, kind, *calls)


def divide_entries(store: Path, keep: Callable[[str], bool] = lambda name: False) -> None:
    """Move the entries of a store to where joblib's pull request 1781 would have put them."""
    for output in sorted(store.rglob("output.pkl")):
        folder = output.parent
        if len(folder.name) == 32 and not keep(folder.name):
            group = folder.parent / folder.name[:3]
            group.mkdir(exist_ok=True)
            folder.rename(group / folder.name[3:])


def report_of(location: Path, *, fork: bool = False) -> StatsReport:
    store = Store(location)
    return stats(store, Levels(store, InstalledSources()), fork=fork)


def entries_of(location: Path) -> list[Entry]:
    return [found for found in Store(location).scan() if isinstance(found, Entry)]


def clear(location: Path, selection: Selection) -> int:
    store = Store(location)
    outcome = execute(plan_clear(store, selection.resolve(store)))
    assert outcome.failed == ()
    return outcome.removed.entries


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """Have joblib store some results."""
    location = tmp_path / "flat"
    call(location, "str", *(f"{name}:{n}" for name in ("double", "triple") for n in range(6)))
    return location


@pytest.fixture(params=["split", "mixed"])
def split(request: pytest.FixtureRequest, flat: Path, tmp_path: Path) -> Path:
    """Copy these results into the next layout, or every other one of them."""
    location = tmp_path / "split"
    subprocess.run(["cp", "-a", flat, location], check=True)
    keep = (lambda name: int(name[-1], 16) % 2 == 0) if request.param == "mixed" else None
    divide_entries(location, *filter(None, [keep]))
    assert list(location.rglob("???/*/output.pkl"))
    return location


# -- the split layout ------------------------------------------------------------------------------


@needs_du
@pytest.mark.parametrize("fork", [False, True])
def test_split_entries_count_as_flat_ones(flat: Path, split: Path, fork: bool) -> None:
    before, after = report_of(flat), report_of(split, fork=fork)
    for row, same in zip(before.functions, after.functions, strict=True):
        assert row.function == same.function
        assert row.totals._replace(last_access=None) == same.totals._replace(last_access=None)
    assert after.misplaced == ()
    du = subprocess.check_output(["du", "-s", "-B1", f"{split}/joblib/"], text=True)
    assert after.disk.disk_bytes == int(du.split()[0])


def test_split_entries_have_the_same_ids_and_contents(flat: Path, split: Path) -> None:
    store, same = Store(flat), Store(split)
    functions = sorted(store.functions())
    assert sorted(same.functions()) == functions
    assert {(e.function, e.hash) for e in entries_of(split)} == {
        (e.function, e.hash) for e in entries_of(flat)
    }
    for function in functions:
        hashes = sorted(store.hashes(function))
        assert sorted(same.hashes(function)) == hashes
        assert same.hashes(function, hashes[0][:5]) == hashes[:1]
        assert same.source(function) == store.source(function)
        for argument_hash in hashes:
            assert same.metadata(function, argument_hash) == store.metadata(function, argument_hash)
            with (
                same.open_output(function, argument_hash) as one,
                store.open_output(function, argument_hash) as other,
            ):
                assert one.read() == other.read()


def test_functions_of_a_split_store_without_sources(split: Path) -> None:
    known = sorted(Store(split).functions())
    for source in split.rglob("func_code.py"):
        source.unlink()
    assert sorted(Store(split).functions()) == known


@pytest.mark.parametrize("name", ["add", "fad", "f0d"])
def test_function_named_like_a_group_is_a_function(tmp_path: Path, name: str) -> None:
    outer = tmp_path / "joblib" / "m" / "f"
    inner = outer / name
    for folder in (outer, inner):
        write_entry(folder, "0" * 32)
        (folder / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    write_entry(inner, "1" * 29)  # of the outer one
    store = Store(tmp_path)
    assert sorted(store.functions()) == ["m/f", f"m/f/{name}"]
    assert sorted((e.function, e.hash) for e in entries_of(tmp_path)) == [
        ("m/f", "0" * 32),
        ("m/f", name + "1" * 29),
        (f"m/f/{name}", "0" * 32),
    ]
    clear(tmp_path, Selection())
    assert (inner / "func_code.py").exists()
    (inner / "func_code.py").unlink()  # decorating alone leaves an empty folder
    clear(tmp_path, Selection())
    assert inner.exists()


def test_clearing_a_split_store_leaves_sources_alone(split: Path) -> None:
    assert clear(split, Selection()) == 12
    left = [path for path in split.rglob("*") if path.is_file()]
    assert {path.name for path in left} == {"func_code.py", ".gitignore"}
    assert not [path for path in split.rglob("*") if len(path.name) in (3, 29, 32)]


def test_split_entry_is_cleared_by_its_id(split: Path) -> None:
    chosen = entries_of(split)[0]
    name = f"{chosen.function}/{chosen.hash[:6]}"
    assert clear(split, Selection(ids=(parse_entry_id(name),))) == 1
    left = {(e.function, e.hash) for e in entries_of(split)}
    assert len(left) == 11
    assert (chosen.function, chosen.hash) not in left


def test_pruning_a_split_store(split: Path) -> None:
    for number, entry in enumerate(entries_of(split)):
        folder = Store(split).entry_address(entry.function, entry.hash, entry.place)
        os.utime(Path(folder) / "output.pkl", (number, number))
    store = Store(split)
    outcome = execute(plan_prune(store, Limits(max_items=4)))
    assert (outcome.removed.entries, outcome.failed) == (8, ())
    assert sorted(e.last_access for e in entries_of(split)) == [8, 9, 10, 11]


def test_leftovers_of_a_split_store(tmp_path: Path) -> None:
    function = tmp_path / "joblib" / "m" / "f"
    function.mkdir(parents=True)
    (function / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    entry = write_entry(function / "0ab", "1" * 29)
    stray = write_temporary(entry, "output.pkl", dead_pid(), modified=1e9)
    emptied = function / "1ab" / ("2" * 29)
    emptied.mkdir(parents=True)
    (function / "2ab").mkdir()
    living = write_temporary(
        function / "3ab" / ("3" * 29), "output.pkl", os.getpid(), modified=2e9
    ).parent
    os.utime(next(living.iterdir()))
    found = {one.path: one for one in Store(tmp_path).scan() if isinstance(one, Leftover)}
    assert {path: (one.kind, one.in_flight) for path, one in found.items()} == {
        f"m/f/0ab/{'1' * 29}/{stray.name}": ("file", False),
        f"m/f/1ab/{'2' * 29}": ("folder", False),
        "m/f/2ab": ("folder", False),
        f"m/f/3ab/{'3' * 29}": ("folder", True),
        f"m/f/3ab/{'3' * 29}/{next(living.iterdir()).name}": ("file", True),
    }
    store = Store(tmp_path)
    execute(plan_clear(store, None, leftovers=True))
    assert sorted(path.name for path in function.iterdir()) == ["0ab", "3ab", "func_code.py"]
    assert sorted(path.name for path in entry.iterdir()) == ["metadata.json", "output.pkl"]
    assert verify(Store(tmp_path)).entries == 1


def test_verify_follows_split_entries(split: Path) -> None:
    damaged = next(split.rglob("???/*/output.pkl"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    report = verify(Store(split), fork=True)
    assert report.entries == 12
    group, rest = damaged.parts[-3:-1]
    assert [one.id.rpartition("/")[2] for one in report.findings] == [group + rest]


@needs_links
def test_links_in_a_split_store_are_reported(tmp_path: Path) -> None:
    function = tmp_path / "joblib" / "m" / "f"
    write_entry(function / "0ab", "1" * 29, output=b"N.")
    (function / "func_code.py").write_text("def f(): ...\n")
    (function / "0ab" / ("2" * 29)).symlink_to(function / "0ab" / ("1" * 29))
    outside = write_entry(tmp_path / "outside", "3" * 29)
    folder = function / "0ab" / ("4" * 29)
    folder.mkdir()
    (folder / "output.pkl").symlink_to(outside / "output.pkl")
    report = verify(Store(tmp_path))
    assert sorted((one.id, one.kind) for one in report.findings) == [
        (f"m/f/0ab/{'2' * 29}", "unreadable"),
        (f"m/f/0ab/{'4' * 29}/output.pkl", "unreadable"),
    ]


def test_completion_offers_split_entries(split: Path) -> None:
    function = next(iter(Store(split).functions()))
    argument_hash = Store(split).hashes(function)[0]
    before = ["acache", "--cache-dir", str(split), "show"]
    name = function.replace("/", ".")
    for digits in (2, 3, 7):
        words = offered("entries", f"{name}/{argument_hash[:digits]}", before).words
        assert f"{name}/{argument_hash}" in list(words)


def test_show_describes_a_split_entry(split: Path, acache: Acache) -> None:
    entry = next(one for one in entries_of(split) if one.place)
    name = f"{entry.function.replace('/', '.')}/{entry.hash}"
    document = acache("show", "--json", name, "--cache-dir", split).document
    assert (document["id"], document["value"]["type"]) == (name, "int")


NEXT_JOBLIB = """
import sys, joblib
from joblib._store_backends import FileSystemStoreBackend
def divided(name):
    method = getattr(FileSystemStoreBackend, name)
    def changed(self, call_id, *args, **kwargs):
        function, *hashes = call_id
        parts = [part for one in hashes for part in (one[:3], one[3:])]
        return method(self, (function, *parts), *args, **kwargs)
    return changed
names = ("load_item", "dump_item", "contains_item", "clear_item", "get_metadata", "store_metadata")
joblib.register_store_backend(
    "local", type("Next", (FileSystemStoreBackend,), {name: divided(name) for name in names})
)
def square(x):
    return [x * x] * 1000
square = joblib.Memory(sys.argv[1], verbose=0).cache(square)
for number in range(3):
    square(number)
"""


def test_run_traces_a_joblib_that_writes_the_split_layout(tmp_path: Path, acache: Acache) -> None:
    script, location = tmp_path / "script.py", tmp_path / "cache"
    script.write_text(NEXT_JOBLIB)
    for hits in (0, 3):
        exported = tmp_path / f"{hits}.json"
        arguments = ["--cache-dir", location, "--export-json", exported, script, location]
        result = acache("run", *arguments)
        assert result.code == 0, result.stderr
        [row] = json.loads(exported.read_text())["functions"]
        assert (row["hits"], row["misses"]) == (hits, 3 - hits)
        assert row["bytes_loaded" if hits else "bytes_stored"] > 3000
        if hits:
            assert row["saved_seconds"] is not None
    assert len(list(location.rglob("???/*/output.pkl"))) == 3
    assert report_of(location).total.entries == 3


# -- two stores in one location --------------------------------------------------------------------


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """Have joblib store results of one location given as str, and as Path."""
    location = tmp_path / "both"
    call(location, "str", "double:0", "double:1", "double:2")
    # Two calls are in both stores.
    call(location, "path", "double:1", "double:2", "double:3", "triple:0", "triple:1", "triple:2")
    return location


@needs_du
def test_both_stores_are_one(both: Path) -> None:
    report = report_of(both)
    assert {row.function: row.totals.entries for row in report.functions} == {
        "numbered.double": 6,
        "numbered.triple": 3,
    }
    assert (report.store, report.misplaced) == (str(both), ())
    du = subprocess.check_output(["du", "-s", "-B1", f"{both}/"], text=True)
    assert report.disk.disk_bytes == int(du.split()[0])
    assert sorted(Store(both).functions()) == ["numbered/double", "numbered/triple"]


def test_id_in_both_stores_means_both(both: Path) -> None:
    store = Store(both)
    function = "numbered/double"
    assert len(store.hashes(function)) == 4
    ids = [(e.function, e.hash) for e in entries_of(both)]
    [twice, *_] = [one for one in ids if ids.count(one) == 2]
    details = describe_entry(store, *twice, InstalledSources())
    assert "stored 2 times" in details.warnings[0]
    assert clear(both, Selection(ids=(parse_entry_id("/".join(twice)),))) == 2
    assert len(list(both.rglob("output.pkl"))) == 7


def test_pruning_both_stores(both: Path) -> None:
    execute(plan_prune(Store(both), Limits(max_items=0)))
    assert not list(both.rglob("output.pkl"))
    assert len(list(both.rglob("func_code.py"))) == 3
    call(both, "str", "double:1")
    call(both, "path", "double:1")
    assert report_of(both).total.entries == 2


def test_verify_checks_both_copies(both: Path) -> None:
    for output in both.rglob("double/*/output.pkl"):
        if output.is_relative_to(both / "joblib"):
            output.write_bytes(b"damaged")
    report = verify(Store(both), fork=True)
    assert (report.entries, len(report.broken)) == (9, 3)
    from acache.operations.verify.store import plan_removal

    execute(plan_removal(report, broken=True, unsafe=False))
    assert not list((both / "joblib").rglob("output.pkl"))
    assert len(list(both.rglob("output.pkl"))) == 6


def test_source_that_is_missing_in_one_of_two_stores_is_found(both: Path) -> None:
    function = "numbered/double"
    assert source_trouble(Store(both), function) is None
    gone = both / "joblib" / function / "func_code.py"
    gone.unlink()
    trouble = source_trouble(Store(both), function)
    assert trouble is not None
    assert (trouble.what, trouble.address) == ("no", str(gone))


def test_source_that_is_the_latest_counts(both: Path) -> None:
    function = "numbered/double"
    old = both / "joblib" / function / "func_code.py"
    old.write_text("# first line: 1\ndef double(x): ...\n")
    os.utime(old, (1e9, 1e9))
    source = Store(both).source(function)
    assert source is not None
    assert "return 2 * x" in source


def test_empty_folder_joblib_hides_nothing(tmp_path: Path) -> None:
    location = tmp_path / "location"
    call(location, "path", "double:1")
    (location / "joblib").mkdir()
    assert report_of(location).total.entries == 1
    assert clear(location, Selection()) == 1


def test_second_store_without_any_source_is_seen(both: Path) -> None:
    """As of functions that one process has stored in the other store before."""
    for source in both.rglob("func_code.py"):
        if not source.is_relative_to(both / "joblib"):
            source.unlink()
    assert report_of(both).total.entries == 9
    divide_entries(both)
    assert report_of(both).total.entries == 9


@pytest.mark.parametrize("name", ["joblib.bak", "joblib_old", "cache-2024.05"])
def test_copy_of_a_store_beside_it_is_left_alone(flat: Path, name: str) -> None:
    shutil.copytree(flat / "joblib", flat / name)
    assert clear(flat, Selection()) == 12
    assert len(list((flat / name).rglob("output.pkl"))) == 12


@pytest.mark.parametrize("at", ["file", "marked", "hidden"])
def test_store_below_a_location_is_not_its_own(tmp_path: Path, at: str) -> None:
    """A location may be somebody's project, or home."""
    location = tmp_path / "home"
    call(location, "str", "double:1")
    other = location / (".other" if at == "hidden" else "other") / "cache"
    other.mkdir(parents=True)
    call(other, "path", "double:2")
    shutil.rmtree(other.parent / "packages")
    (other / ".gitignore").unlink(missing_ok=True)
    if at == "file":
        (other.parent / "notes.txt").write_text("mine")
    if at == "marked":
        (other / ".gitignore").write_text("# Created by joblib automatically.\n*\n")
    assert Store(location).path == str(location / "joblib")
    assert report_of(location).total.entries == 1


def test_run_knows_what_a_path_store_saved_beside_a_folder_joblib(
    tmp_path: Path, acache: Acache
) -> None:
    script, location = tmp_path / "script.py", tmp_path / "cache"
    script.write_text(
        "import sys, pathlib, joblib\n"
        "def square(x): return [x * x] * 1000\n"
        "for location in (pathlib.Path(sys.argv[1]), sys.argv[1])[:int(sys.argv[2])]:\n"
        "    cached = joblib.Memory(location, verbose=0).cache(square)\n"
        "    cached(1), cached(2)\n"
    )
    document: Any = None
    for count in (1, 1, 2, 2):
        exported = tmp_path / "report.json"
        arguments = ["--cache-dir", location, "--export-json", exported, script, location]
        assert acache("run", *arguments, str(count)).code == 0
        (location / "joblib").mkdir(exist_ok=True)
        document = json.loads(exported.read_text())
        [row] = document["functions"]
        assert row["saved_seconds"] is not None or row["hits"] == 0
    [row] = document["functions"]  # of both stores
    assert (row["hits"], row["misses"]) == (4, 0)


# -- neither ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder",
    [
        "m/f/" + "a" * 32 + "/" + "b" * 32,  # joblib's pull request 487: by the code's hash
        "m/f/ab/" + "c" * 30,
        "m/f/abcd/" + "c" * 28,
        "m/f/result",
    ],
)
def test_results_where_no_layout_has_them_are_a_finding(
    tmp_path: Path, acache: Acache, folder: str
) -> None:
    path = tmp_path / "joblib" / folder
    write_entry(path.parent, path.name)
    (tmp_path / "joblib" / "m" / "f" / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    before = tree(tmp_path)
    assert report_of(tmp_path).misplaced == (f"{folder}/output.pkl",)
    checks = acache("doctor", "--json", "--cache-dir", tmp_path).document["checks"]
    [check] = [one for one in checks if one["id"] == "layout"]
    assert check["status"] == "warning"
    assert f"{path}/output.pkl" in check["message"]
    report = verify(Store(tmp_path))
    assert f"{folder}/output.pkl" in [one.id for one in report.findings if one.kind == "foreign"]
    assert acache("clear", "--all", "-y", "--cache-dir", tmp_path).code == 0
    assert tree(tmp_path) == before


def test_sound_store_has_no_such_finding(flat: Path, acache: Acache) -> None:
    checks = acache("doctor", "--json", "--cache-dir", flat).document["checks"]
    assert [one["status"] for one in checks if one["id"] == "layout"] == ["ok"]
