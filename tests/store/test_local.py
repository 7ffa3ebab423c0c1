"""Where a store is, and that what real librosa wrote is told as du, joblib and librosa tell it."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter
from pathlib import Path

import joblib
import pytest

from acache.operations.stats import StatsReport, stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store import functions as functions_module
from acache.store.format import is_hash
from acache.store.model import Entry
from acache.store.store import ScanOptions, Store
from acache.system.errors import ConfigurationError
from tests.helpers.marks import needs_du
from tests.helpers.stores import write_entry

HASH = "0123456789abcdef" * 2


def report_of(location: Path) -> StatsReport:
    store = Store(location)
    return stats(store, Levels(store, InstalledSources()), fork=True)


@needs_du
def test_disk_equals_du(librosa_location: Path) -> None:
    report = report_of(librosa_location)
    store = librosa_location / "joblib"
    du = subprocess.check_output(["du", "-s", "-B1", f"{store}/"], text=True)
    assert report.disk.disk_bytes == int(du.split()[0])
    du = subprocess.check_output(["du", "-s", "--inodes", f"{store}/"], text=True)
    assert report.disk.inodes == int(du.split()[0])
    assert report.disk.size_bytes == sum(f.stat().st_size for f in store.rglob("*") if f.is_file())


def test_parts_add_up(librosa_location: Path) -> None:
    report = report_of(librosa_location)
    for name in ("size_bytes", "disk_bytes", "inodes"):
        parts = (report.total, report.leftovers.usage, report.other)
        assert sum(getattr(part, name) for part in parts) == getattr(report.disk, name)
        for rows in (report.levels, report.functions, report.modules):
            assert sum(getattr(row.totals, name) for row in rows) == getattr(report.total, name)


def test_functions_equal_joblibs_items(librosa_location: Path) -> None:
    report = report_of(librosa_location)
    items = joblib.Memory(str(librosa_location), verbose=0).store_backend.get_items()
    entries: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for item in items:
        function = Path(item.path).parent.relative_to(librosa_location / "joblib")
        entries[".".join(function.parts)] += 1
        sizes[".".join(function.parts)] += item.size
    assert len(entries) > 10
    assert {row.function: row.totals.entries for row in report.functions} == entries
    assert {row.function: row.totals.size_bytes for row in report.functions} == sizes


def levels_in_librosa() -> dict[str, int]:
    """Read every @cache(level=...) in librosa's source, by means of its own."""
    import librosa

    package = Path(librosa.__file__).parent
    levels = {}
    for file in package.rglob("*.py"):
        module = ".".join(file.relative_to(package.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", ()):
                text = ast.unparse(decorator)
                if text.startswith("cache(level="):
                    levels[f"{module}.{node.name}"] = int(text[len("cache(level=") : -1])
    return levels


def test_levels_equal_librosas_source(librosa_location: Path) -> None:
    truth = levels_in_librosa()
    report = report_of(librosa_location)
    assert {row.level for row in report.functions} == {10, 20, 30, 40}
    assert all(row.level == truth[row.function] for row in report.functions)


def test_levels_without_stored_source_come_from_the_installed_one() -> None:
    truth = levels_in_librosa()
    installed = InstalledSources()
    assert len(truth) > 50
    assert {f: installed.level(f.replace(".", "/")) for f in truth} == truth


def test_functions_are_those_with_a_source(librosa_location: Path) -> None:
    store = librosa_location / "joblib"
    sources = {".".join(f.parent.relative_to(store).parts) for f in store.rglob("func_code.py")}
    assert {f.replace("/", ".") for f in Store(librosa_location).functions()} == sources


def test_metadata_and_source(librosa_location: Path) -> None:
    store = Store(librosa_location)
    function = "librosa/core/spectrum/stft"
    source = store.source(function)
    assert source is not None
    assert source.startswith("@cache(level=20)\ndef stft(")
    found = store.scan(ScanOptions(durations=True, select=lambda name, _: name == function))
    entry = next(one for one in found if isinstance(one, Entry))
    metadata = store.metadata(function, entry.hash)
    assert metadata is not None
    assert metadata.duration == entry.compute_seconds
    assert metadata.input_args["window"] in ("'hann'", "'ones'")
    assert store.metadata(function, HASH) is None
    assert store.source("librosa/nothing") is None


def test_store_is_the_joblib_folder(tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "f", HASH)
    store = Store(tmp_path)
    assert store.exists
    assert store.path == str(tmp_path / "joblib")
    assert store.location == str(tmp_path)


def test_store_of_a_path_is_the_location(tmp_path: Path) -> None:
    memory = joblib.Memory(tmp_path, verbose=0)
    memory.cache(abs)(-1)
    assert not (tmp_path / "joblib").exists()
    assert Store(tmp_path).path == str(tmp_path)
    assert report_of(tmp_path).total.entries == 1


@pytest.mark.parametrize("shape", ["nothing", "empty", "foreign"])
def test_store_that_is_none(tmp_path: Path, shape: str) -> None:
    location = tmp_path / "location"
    if shape != "nothing":
        location.mkdir()
    if shape == "foreign":
        write_entry(location / "f", HASH)
        (location / "notes.txt").write_text("mine")
    store = Store(location)
    assert not store.exists
    assert list(store.scan()) == []
    assert list(store.functions()) == []
    assert report_of(location).total.entries == 0


@pytest.mark.parametrize("below", [".cache/other", "project/cache", "project/.hidden"])
def test_folder_far_above_a_store_is_no_store(tmp_path: Path, below: str) -> None:
    function = tmp_path / below / "joblib" / "librosa" / "f"
    write_entry(function, HASH)
    (function / "func_code.py").write_text("")
    assert not Store(tmp_path).exists
    assert Store(tmp_path / below).exists


def test_file_is_no_location(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        Store(tmp_path / "file")


def test_tilde_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "cache" / "joblib").mkdir(parents=True)
    assert Store("~/cache").exists


@pytest.mark.parametrize("has_source", [True, False])
def test_functions_are_found_without_listing_the_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_source: bool
) -> None:
    function = tmp_path / "joblib" / "m" / "f"
    for number in range(300):
        (function / f"{number:032x}").mkdir(parents=True)
    (function / "<locals>" / "g").mkdir(parents=True)
    (function / "<locals>" / "g" / "func_code.py").touch()
    if has_source:
        (function / "func_code.py").touch()
    looked_at: list[str] = []
    monkeypatch.setattr(
        functions_module, "is_hash", lambda name: looked_at.append(name) or is_hash(name)
    )
    assert sorted(Store(tmp_path).functions(most=100)) == ["m/f", "m/f/<locals>/g"]
    assert len(looked_at) <= 110
    assert sorted(Store(tmp_path).functions()) == ["m/f", "m/f/<locals>/g"]
    assert len(looked_at) > 300
