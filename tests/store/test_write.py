"""Writing makes complete entries or none, and follows no name out of the store."""

from __future__ import annotations

import io
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from acache.store.archive.archive import ArchiveStore
from acache.store.changes import SourceDiffersError, StoredEntry, StoredSource, Writing
from acache.store.outside import UnsafeNameError
from acache.store.store import Store
from tests.helpers.copies import HASH, SOURCE
from tests.helpers.marks import needs_links
from tests.helpers.stores import tree, write_entry

FUNCTION = "m/f"
STORED_SOURCE = StoredSource(SOURCE, 1_600_000_000_123_456_789)


def stored(
    output: bytes = b"N.", metadata: bytes | None = b"{}", size: int | None = None
) -> StoredEntry:
    moment = 1_500_000_000_000_000_001
    size = len(output) if size is None else size
    return StoredEntry(io.BytesIO(output), size, moment, moment + 5, metadata, moment + 9)


@pytest.fixture(params=["location", "archive.tar"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    path = tmp_path / request.param
    return ArchiveStore(path) if path.suffix else Store(path)


@contextmanager
def writing(store: Store, **options: bool) -> Iterator[Writing]:
    with store.writing(**options) as writing:
        writing.source(FUNCTION, STORED_SOURCE)
        yield writing


def test_entries_are_written_once(target: Store) -> None:
    with writing(target) as one:
        assert not one.holds(FUNCTION, HASH)
        assert one.entry(FUNCTION, HASH, stored())
        assert one.holds(FUNCTION, HASH)
        assert not one.entry(FUNCTION, HASH, stored(b"other"))
    with writing(type(target)(target.location)) as again:
        assert again.holds(FUNCTION, HASH)
        assert not again.entry(FUNCTION, HASH, stored(b"other"))
        assert again.entry(FUNCTION, HASH, stored(b"other"), overwrite=True)


def test_times_are_kept_to_the_nanosecond(tmp_path: Path) -> None:
    with writing(Store(tmp_path / "x")) as one:
        one.entry(FUNCTION, HASH, stored())
    entry = tmp_path / "x" / "joblib" / "m" / "f" / HASH
    output, metadata = os.stat(entry / "output.pkl"), os.stat(entry / "metadata.json")
    assert (output.st_mtime_ns, output.st_atime_ns) == (
        stored().created_ns,
        stored().last_access_ns,
    )
    assert metadata.st_mtime_ns == stored().recorded_ns
    source = os.stat(entry.parent / "func_code.py")
    assert source.st_mtime_ns == STORED_SOURCE.modified_ns


class BadError(Exception):
    """What a check raises."""


def test_checks_see_the_result_before_anybody_else(target: Store, tmp_path: Path) -> None:
    def check(file: BinaryIO) -> None:
        assert file.read() == b"N."
        assert not list(tmp_path.rglob("output.pkl"))
        raise BadError

    with writing(target) as one:
        with pytest.raises(BadError):
            one.entry(FUNCTION, HASH, stored(), check=check)
        assert not one.holds(FUNCTION, HASH)
    assert not [path for path in tree(tmp_path) if HASH in path]


def test_results_that_end_early_leave_nothing(target: Store, tmp_path: Path) -> None:
    with writing(target) as one:
        with pytest.raises(OSError, match="early"):
            one.entry(FUNCTION, HASH, stored(b"short", size=100))
        assert not one.holds(FUNCTION, HASH)
        assert one.entry(FUNCTION, "f" * 32, stored())
    assert not [path for path in tree(tmp_path) if HASH in path]


@pytest.mark.parametrize(
    "function", ["", "..", "a/../b", "/etc", "a//b", "a\\b", HASH, ".acache/x"]
)
def test_functions_that_lead_elsewhere_are_refused(target: Store, function: str) -> None:
    with target.writing() as one, pytest.raises(UnsafeNameError):
        one.source(function, STORED_SOURCE)


@pytest.mark.parametrize("argument_hash", ["", "..", "x" * 32, HASH[:-1], f"{HASH[:-2]}/."])
def test_hashes_that_are_none_are_refused(target: Store, argument_hash: str) -> None:
    with writing(target) as one, pytest.raises(UnsafeNameError):
        one.entry(FUNCTION, argument_hash, stored())


def test_dry_runs_answer_and_write_nothing(target: Store, tmp_path: Path) -> None:
    with writing(target, dry_run=True) as one:
        assert one.entry(FUNCTION, HASH, stored())
        assert not one.holds("m/f", "f" * 32)
    assert not list(tmp_path.iterdir())


def test_new_sources_are_not_put_over_those_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "joblib" / "m" / "f"
    write_entry(folder, HASH)
    with Store(tmp_path).writing() as one, pytest.raises(SourceDiffersError, match="no source"):
        one.source(FUNCTION, STORED_SOURCE)
    assert not (folder / "func_code.py").exists()
    (folder / "func_code.py").write_bytes(SOURCE + b"# more\n")
    with Store(tmp_path).writing() as one, pytest.raises(SourceDiffersError, match="differs"):
        one.source(FUNCTION, STORED_SOURCE)


@pytest.mark.parametrize("change", ["rewritten", "removed", "cleared"])
def test_sources_that_change_end_the_writing(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "joblib" / "m" / "f"
    with writing(Store(tmp_path)) as one:
        one.entry(FUNCTION, HASH, stored())
        if change == "rewritten":
            (folder / "func_code.py").write_bytes(SOURCE + b"# more\n")
        else:
            shutil.rmtree(folder)
            if change == "cleared":
                folder.mkdir()
                (folder / "func_code.py").write_bytes(SOURCE + b"# more\n")
        with pytest.raises(SourceDiffersError, match="changed meanwhile"):
            one.entry(FUNCTION, "f" * 32, stored())
    assert not list(tmp_path.rglob("f" * 32))


@needs_links
@pytest.mark.parametrize("at", ["joblib/m", "joblib/m/f", f"joblib/m/f/{HASH}"])
def test_links_are_refused_in_every_part(tmp_path: Path, at: str) -> None:
    elsewhere, location = tmp_path / "elsewhere", tmp_path / "location"
    elsewhere.mkdir()
    link = location / at
    link.parent.mkdir(parents=True)
    if at.endswith(HASH):
        (link.parent / "func_code.py").write_bytes(SOURCE)
    link.symlink_to(elsewhere)
    with Store(location).writing() as one:
        if at.endswith(HASH):
            one.source(FUNCTION, STORED_SOURCE)
            with pytest.raises(OSError, match=r"directory|links"):
                one.entry(FUNCTION, HASH, stored())
        else:
            with pytest.raises(OSError, match=r"directory|links"):
                one.source(FUNCTION, STORED_SOURCE)
    assert not list(elsewhere.iterdir())


def test_several_writers_of_one_store_agree(tmp_path: Path) -> None:
    failed: list[BaseException] = []
    written: list[str] = []

    def write(seed: int) -> None:
        try:
            with writing(Store(tmp_path)) as one:
                for number in range(100):
                    name = f"{(number * 7 + seed) % 100:032x}"
                    if one.entry(FUNCTION, name, stored(name.encode())):
                        written.append(name)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    outputs = {path.parent.name: path.read_bytes() for path in tmp_path.rglob("output.pkl")}
    assert outputs == {name: name.encode() for name in {*written}}
    assert len(outputs) == 100
    assert not list(tmp_path.rglob("*pkl.*"))
    assert not list(tmp_path.rglob("*py.*"))
