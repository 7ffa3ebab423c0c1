"""The scan's figures equal those of an independent slow walk, on trees of every shape."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acache.operations.stats import StatsReport, stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.model import Entry, Leftover, Other, Unreadable
from acache.store.store import ScanOptions, Store
from tests.helpers.examples import examples
from tests.helpers.marks import needs_du, needs_links, needs_posix
from tests.helpers.processes import Result
from tests.helpers.slow_scan import figures, slow_figures
from tests.helpers.stores import write_entry

HASHES = [digit * 32 for digit in "0369cf"]
NEW = "0123456789abcdef0123456789abcdef-12-345"


def report_of(store: Store) -> StatsReport:
    return stats(store, Levels(store, InstalledSources()))


NAMES = st.sampled_from(
    [
        *HASHES,
        "0" * 29,
        "f" * 29,
        "000",
        "fad",
        "module",
        "function",
        "<locals>",
        "<lambda>",
        "größe",
        "__main__--tmp-x-script",
        "output.pkl",
        "metadata.json",
        "func_code.py",
        f"output.pkl.{NEW}",
        "output.pkl.thread-1-pid-2",
        f"metadata.json.{NEW}",
        f"func_code.py.{NEW}",
        ".DS_Store",
        "photo.jpg",
        "0123456789abcdef" * 2 + "0",
        "A" * 32,
    ]
)
# A node is a file (its content), a link (its target), or a folder (its nodes by name).
CONTENTS = st.sampled_from([b"", b"x", b"y" * 5000, b'{"duration": 0.5, "input_args": {}}'])
TARGETS = st.sampled_from(["../", ".", "nowhere", "output.pkl", "/"])
TREES = st.recursive(
    CONTENTS | TARGETS,
    lambda nodes: st.dictionaries(NAMES, nodes, max_size=5),
    max_leaves=40,
)


def build(folder: Path, tree: dict[str, object]) -> None:
    folder.mkdir()
    for name, node in tree.items():
        if isinstance(node, dict):
            build(folder / name, node)
        elif isinstance(node, bytes):
            (folder / name).write_bytes(node)
        else:
            (folder / name).symlink_to(node)


@needs_links
@settings(max_examples=examples(150))
@given(st.dictionaries(NAMES, TREES, max_size=6))
@example({"f": {"func_code.py": b"x", HASHES[0]: {}}})
@example({"f": {HASHES[0]: {}}})
@example({"f": {HASHES[0]: {"photo.jpg": b"x"}, "func_code.py": b"x"}})
@example({"f": {HASHES[0]: {"output.pkl": b"x", ".DS_Store": b"x", "d": {"e": {"f": b"x"}}}}})
@example({HASHES[0]: {"output.pkl": b"x"}})
@example({"f": {"func_code.py": b"x", "000": {"0" * 29: {"output.pkl": b"x"}, "x": {}}}})
@example({"f": {"func_code.py": b"x", "000": {}, "fad": {}}})
@example({"f": {"fad": {"func_code.py": b"x", HASHES[0]: {"output.pkl": b"x"}, "f" * 29: {}}}})
def test_scan_of_any_tree_agrees_with_the_slow_walk(tree: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "joblib")
        build(path, tree)
        store = Store(folder)
        expected = slow_figures(path)
        assert figures(report_of(store)) == expected


@needs_links
@settings(max_examples=examples(60))
@given(st.dictionaries(NAMES, TREES, max_size=4), st.dictionaries(NAMES, TREES, max_size=4))
def test_scan_of_two_stores_in_one_location_agrees_with_the_slow_walk(
    first: dict[str, object], second: dict[str, object]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "location")
        build(path, {**second, "m": {"f": {"func_code.py": b"x"}}, "joblib": first})
        store = Store(path)
        assert store.path == str(path)
        assert figures(report_of(store)) == slow_figures(path, both=True)


def entries_of(store: Store, **options: Any) -> list[Entry]:
    return sorted(one for one in store.scan(ScanOptions(**options)) if isinstance(one, Entry))


@needs_links
@settings(max_examples=examples(60))
@given(st.dictionaries(NAMES, TREES, max_size=4), st.dictionaries(NAMES, TREES, max_size=4))
@example({"f": {"fad": {"func_code.py": b"x", "f" * 29: {"output.pkl": b"x"}}}}, {})
def test_scan_of_one_function_finds_its_entries(
    first: dict[str, object], second: dict[str, object]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "location")
        build(path, {**second, "m": {"f": {"func_code.py": b"x"}}, "joblib": first})
        store = Store(path)
        everything = entries_of(store)
        for function in {entry.function for entry in everything} | {"m/f", "nowhere"}:
            found = entries_of(store, function=function, select=lambda f, _, own=function: f == own)
            assert found == [entry for entry in everything if entry.function == function]


def test_entry_is_what_joblib_counts(tmp_path: Path) -> None:
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0])
    os.utime(entry / "output.pkl", (1_600_000_000, 1_500_000_000))
    [found] = [f for f in Store(tmp_path).scan(ScanOptions(durations=True)) if isinstance(f, Entry)]
    size = sum(file.stat().st_size for file in entry.iterdir())
    assert found[:3] == ("f", HASHES[0], size)
    assert found.created == 1_500_000_000
    assert found.last_access == 1_600_000_000
    assert found.compute_seconds == 1.5


def test_foreign_files_in_a_hash_folder_are_no_entry(tmp_path: Path) -> None:
    folder = tmp_path / "joblib" / "f" / HASHES[0]
    folder.mkdir(parents=True)
    (folder / "photo.jpg").write_bytes(b"photo")
    (tmp_path / "joblib" / "f" / "func_code.py").write_text("")
    found = list(Store(tmp_path).scan())
    assert all(isinstance(f, Other) for f in found)
    assert f"f/{HASHES[0]}/photo.jpg" in [f.path for f in found]


def test_foreign_file_does_not_hide_an_entry(tmp_path: Path) -> None:
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0])
    plain = next(f for f in Store(tmp_path).scan() if isinstance(f, Entry))
    (entry / ".DS_Store").write_bytes(b"finder")
    found = list(Store(tmp_path).scan())
    assert plain in found
    assert [f.path for f in found if isinstance(f, Other) and f.kind == "foreign"] == [
        f"f/{HASHES[0]}/.DS_Store"
    ]


@needs_links
def test_links_are_foreign_and_not_followed(tmp_path: Path) -> None:
    outside = write_entry(tmp_path / "outside", HASHES[0])
    function = tmp_path / "location" / "joblib" / "f"
    function.mkdir(parents=True)
    (function / HASHES[0]).symlink_to(outside)
    (function / "module").symlink_to(tmp_path)
    linked = function / HASHES[1]
    linked.mkdir()
    (linked / "output.pkl").symlink_to(outside / "output.pkl")
    found = list(Store(tmp_path / "location").scan())
    assert not [f for f in found if isinstance(f, (Entry, Leftover))]
    assert sum(isinstance(f, Other) and f.kind == "foreign" for f in found) == 4


@needs_links
def test_store_itself_may_be_a_link(tmp_path: Path) -> None:
    write_entry(tmp_path / "real" / "joblib" / "f", HASHES[0])
    (tmp_path / "location").symlink_to(tmp_path / "real")
    store = Store(tmp_path / "location")
    assert report_of(store).total.entries == 1
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "joblib").symlink_to(tmp_path / "real" / "joblib")
    assert report_of(Store(tmp_path / "other")).total.entries == 1


@needs_du
def test_hard_links_count_once_as_in_du(tmp_path: Path) -> None:
    first = write_entry(tmp_path / "joblib" / "f", HASHES[0], output=b"x" * 10_000)
    for argument_hash in HASHES[1:]:
        second = write_entry(tmp_path / "joblib" / "f", argument_hash)
        (second / "output.pkl").unlink()
        (second / "output.pkl").hardlink_to(first / "output.pkl")
    report = report_of(Store(tmp_path))
    du = subprocess.check_output(["du", "-s", "-B1", f"{tmp_path}/joblib/"], text=True)
    assert report.disk.disk_bytes == int(du.split()[0])
    assert report.total.size_bytes >= 10_000 * len(HASHES)


def test_scan_does_not_hang_at_a_named_pipe(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no named pipes here")
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0], duration=None)
    os.mkfifo(entry / "metadata.json")
    os.mkfifo(tmp_path / "joblib" / "f" / "func_code.py")
    report = report_of(Store(tmp_path))
    assert report.total.entries == 1
    assert report.functions[0].level is None


def test_scan_does_not_warn_of_what_vanishes_meanwhile(tmp_path: Path) -> None:
    for argument_hash in HASHES:
        for number in range(20):
            write_entry(tmp_path / "joblib" / f"f{number}", argument_hash)
    store = Store(tmp_path)
    found = []
    for number, item in enumerate(store.scan(ScanOptions(durations=True))):
        found.append(item)
        if number == 10:
            shutil.rmtree(tmp_path / "joblib")
    assert not [f for f in found if isinstance(f, Unreadable)]
    assert list(store.scan()) == []


@needs_posix
def test_scan_does_not_warn_of_a_store_that_vanishes_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def calling(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                shutil.rmtree(location / "joblib")
            return call(*arguments, **options)

        return calling

    steps, scanned = 1, False
    while not scanned:
        location = tmp_path / str(steps)
        for function in ("f", "g"):
            for argument_hash in HASHES[:2]:
                write_entry(location / "joblib" / "m" / function, argument_hash)
            (location / "joblib" / "m" / function / "func_code.py").write_text("def f(): ...\n")
        left = steps
        with monkeypatch.context() as patch:
            for name in ("open", "stat", "scandir", "listdir"):
                patch.setattr(os, name, counted(getattr(os, name)))
            report = report_of(Store(location))
        assert report.warnings == (), steps
        scanned = left > 0
        steps += 1
    assert report.total.entries == 4
    assert steps > 20


def test_scan_warns_of_unreadable_folders_and_counts_them(
    tmp_path: Path, acache: Callable[..., Result], as_nobody: int | None
) -> None:
    for name in ("open", "shut"):
        write_entry(tmp_path / "joblib" / name, HASHES[0])
        write_entry(tmp_path / "joblib" / name, HASHES[1])
    shut = [tmp_path / "joblib" / "shut", tmp_path / "joblib" / "open" / HASHES[1]]
    for folder in shut:
        folder.chmod(0)
    try:
        result = acache("stats", "--json", "--cache-dir", tmp_path, user=as_nobody)
    finally:
        for folder in shut:
            folder.chmod(0o755)
    assert result.code == 0
    document = result.document
    assert document["total"]["entries"] == 1
    assert sorted(document["warnings"]) == [
        f"cannot read open/{HASHES[1]}: Permission denied",
        "cannot read shut: Permission denied",
    ]
    # The two folders themselves, whatever is in them, are counted as du counts them.
    assert document["disk"]["inodes"] == 1 + 2 + 3 + 1


@needs_du
def test_folder_that_may_only_be_listed_counts_as_in_du(
    tmp_path: Path, acache: Callable[..., Result], as_nobody: int | None
) -> None:
    function = tmp_path / "joblib" / "f"
    for argument_hash in HASHES[:3]:
        write_entry(function, argument_hash)
    (function / "nested" / "deeper").mkdir(parents=True)
    listed = [function / HASHES[1], function / "nested"]
    for folder in listed:
        folder.chmod(0o444)
    try:
        result = acache("stats", "--json", "--cache-dir", tmp_path, user=as_nobody)
    finally:
        for folder in listed:
            folder.chmod(0o755)
    assert result.document["total"]["entries"] == 2
    folders = [tmp_path / "joblib", function, *listed]
    files = [f for h in (HASHES[0], HASHES[2]) for f in (function / h).iterdir()]
    seen = [*folders, function / HASHES[0], function / HASHES[2], *files]
    assert result.document["disk"]["disk_bytes"] == sum(p.stat().st_blocks * 512 for p in seen)
    assert result.document["warnings"] == [
        f"cannot read f/{HASHES[1]}: Permission denied",
        "cannot read f/nested/deeper: Permission denied",
    ]


def test_metadata_of_every_kind(tmp_path: Path) -> None:
    contents: list[bytes | None] = [None, b"{broken", b"[]", b'{"duration": 2.5, "input_args": {}}']
    for argument_hash, content in zip(HASHES, contents, strict=False):
        write_entry(tmp_path / "joblib" / "f", argument_hash, metadata=content, duration=None)
    report = report_of(Store(tmp_path))
    assert report.total.entries == 4
    assert report.total.compute_seconds == 2.5
    assert len(report.warnings) == 2
    assert all("metadata.json" in warning for warning in report.warnings)


@needs_links
@pytest.mark.parametrize("flag", [0, getattr(os, "O_NOATIME", 0)])
def test_scan_changes_no_access_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: int
) -> None:
    monkeypatch.setattr("acache.system.dirfd._NOATIME", flag)
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0])
    (tmp_path / "joblib" / "f" / "func_code.py").write_text("@cache(level=20)\ndef f(): ...\n")
    paths = [tmp_path / "joblib", tmp_path / "joblib" / "f", entry, *entry.iterdir()]
    paths.append(tmp_path / "joblib" / "f" / "func_code.py")
    for path in paths:  # long ago, so that relatime would let a read change it
        os.utime(path, (1_000_000_000, 1_100_000_000))
    report = report_of(Store(tmp_path))
    assert report.functions[0].level == 20
    assert report.total.compute_seconds == 1.5
    files = [path for path in paths if path.is_file()]
    assert {path.stat().st_atime for path in files} == {1_000_000_000}
    if flag:
        assert {path.stat().st_atime for path in paths} == {1_000_000_000}
