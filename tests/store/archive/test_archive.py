"""An archive may come from anybody: nothing of it leaves the target, or is loaded to be judged."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import random
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acache.operations.copy import CopyReport, copy, open_source, open_target
from acache.operations.selection import Selection
from acache.store.archive.archive import MARK, ArchiveStore
from acache.store.archive.streams import DamagedArchiveError, Unpacked
from acache.store.store import Store
from acache.system.errors import AcacheError, ConfigurationError
from tests.helpers.copies import HASH, NAME, SOURCE, archive, files, fill, member
from tests.helpers.hostile import running
from tests.helpers.processes import dead_pid
from tests.helpers.stores import tree, write_entry

OTHER = "f" * 32


def unpacked(source: Path, target: Path, **options: object) -> CopyReport:
    return copy(open_source(str(source)), Store(target), **options)  # type: ignore[arg-type]


ESCAPES = [
    "../outside/output.pkl",
    "/tmp/outside/func_code.py",
    f"joblib/../../outside/{OTHER}/output.pkl",
    f"joblib/m/../../../outside/{OTHER}/output.pkl",
    f"joblib/m/f/../{OTHER}/output.pkl",
    f"joblib/m\\..\\f/{OTHER}/output.pkl",
    f"C:/joblib/m/f/{OTHER}/output.pkl",
    f"joblib/m//f/{OTHER}/output.pkl",
    f"joblib/m/./f/{OTHER}/output.pkl",
    f"joblib/m/f\n/{OTHER}/output.pkl",
    f"joblib/m/\x1b[2J/{OTHER}/output.pkl",
    f"joblib/.acache/{OTHER}/output.pkl",
    f"joblib/m/{'x' * 300}/{OTHER}/output.pkl",
    "joblib/" + "a/" * 100 + f"{OTHER}/output.pkl",
    f"joblib/m/f/{HASH}/{OTHER}/output.pkl",
    f"joblib/m/output.pkl/{OTHER}/output.pkl",
]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("marked", [False, True])
def test_names_that_lead_elsewhere_are_refused_and_named(
    tmp_path: Path, name: str, marked: bool
) -> None:
    source = archive(tmp_path / "a.tar", member(name, b"N."))
    if marked:
        claim(source)
    target = tmp_path / "deep" / "target"
    report = unpacked(source, target)
    assert report.copied == 1
    [failed] = report.failed
    assert failed.id == name
    kept = [path for path in tree(tmp_path / "deep") if path.endswith((".pkl", ".py", ".json"))]
    assert kept == [f"target/{NAME}", "target/joblib/m/f/func_code.py"]
    assert not (tmp_path / "outside").exists()
    assert not Path("/tmp/outside").exists()


def claim(path: Path) -> None:
    """Make an archive claim that `acache copy` has written it."""
    header = tarfile.TarInfo.create_pax_global_header({"comment": MARK})
    path.write_bytes(header + path.read_bytes())


KINDS = {
    "a link": (tarfile.SYMTYPE, "/etc"),
    "a hard link": (tarfile.LNKTYPE, NAME),
    "a device": (tarfile.CHRTYPE, ""),
    "a named pipe": (tarfile.FIFOTYPE, ""),
}


@pytest.mark.parametrize("what", KINDS)
def test_members_that_are_neither_file_nor_folder_are_refused(tmp_path: Path, what: str) -> None:
    kind, link = KINDS[what]
    folder = f"joblib/m/f/{OTHER}"
    source = archive(
        tmp_path / "a.tar",
        member(folder, kind=kind, link=link),
        member(f"{folder}/output.pkl", b"N."),
    )
    report = unpacked(source, tmp_path / "target")
    assert [(one.id, one.reason) for one in report.failed] == [(folder, f"it is {what}")]
    # A name that is a link in the archive is none in the target.
    assert (tmp_path / "target" / folder / "output.pkl").read_bytes() == b"N."
    assert not (tmp_path / "target" / folder).is_symlink()


@pytest.mark.parametrize("name", [*running()][::7])
def test_pickles_that_run_something_are_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = member(f"joblib/m/f/{OTHER}/output.pkl", running()[name])
    source = archive(tmp_path / "a.tar", hostile)
    report = unpacked(source, tmp_path / "target")
    assert report.copied == 1
    [refused] = report.refused
    assert refused.id == f"m.f/{OTHER}"
    assert [path.parent.name for path in tmp_path.rglob("output.pkl*")] == [HASH]
    assert not (tmp_path / "target" / "joblib" / "m" / "f" / OTHER).exists()
    assert unpacked(source, tmp_path / "dry", dry_run=True).refused == (refused,)
    through = copy(open_source(str(source)), open_target(str(tmp_path / "b.tar.gz")))
    assert through.refused == (refused,)
    assert open_source(str(tmp_path / "b.tar.gz")).hashes("m/f") == [HASH]
    assert unpacked(source, tmp_path / "target", allow_unsafe=True).copied == 1
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("output", [b"", b"N", b"\xff", b"\x1f\x8bjunk"])
def test_results_that_are_damaged_are_refused(tmp_path: Path, output: bytes) -> None:
    source = archive(tmp_path / "a.tar", member(f"joblib/m/f/{OTHER}/output.pkl", output))
    assert [one.id for one in unpacked(source, tmp_path / "target").refused] == [f"m.f/{OTHER}"]


def test_unknown_classes_are_refused_unless_they_are_allowed(tmp_path: Path) -> None:
    mine = member(f"joblib/m/f/{OTHER}/output.pkl", b"cmine\nThing\n)\x81.")
    source = archive(tmp_path / "a.tar", mine)
    report = unpacked(source, tmp_path / "target")
    assert "mine.Thing" in report.refused[0].reason
    assert unpacked(source, tmp_path / "target", allowed=["mine.Thing"]).copied == 1


def test_archives_that_tar_made_are_read_whatever_their_order(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 20)
    known = files(source)
    names = sorted(known)
    for seed in range(5):
        random.Random(seed).shuffle(names)
        for options, prefix in (
            (["-C", str(tmp_path), "--transform", "s,^,./,"], "source/"),
            (["-C", str(source)], ""),
            (["-C", str(source / "joblib"), "--transform", "s,joblib/,,"], "../"),
        ):
            path = tmp_path / f"{seed}{len(prefix)}.tgz"
            listed = [prefix + name for name in names]
            if prefix == "../":
                listed = [name.removeprefix("joblib/") for name in names]
            subprocess.run(
                ["tar", "czf", path, "--format=posix", *options, "--", *listed], check=True
            )
            target = tmp_path / f"{path.name}-out"
            report = unpacked(path, target)
            assert (report.copied, report.is_complete) == (20, True)
            assert files(target) == known


def test_archives_of_several_stores_or_none_are_refused(tmp_path: Path) -> None:
    for names, reason in (
        (["a/joblib/m/f/func_code.py", "b/joblib/m/f/func_code.py"], "holds 2 stores"),
        (["readme"], "holds no joblib store"),
    ):
        path = tmp_path / "a.tar"
        with tarfile.open(path, "w") as file:
            for name in names:
                info, data = member(name, SOURCE)
                file.addfile(info, io.BytesIO(data))
        with pytest.raises(ConfigurationError, match=reason):
            unpacked(path, tmp_path / "target")
        with pytest.raises(ConfigurationError, match="was not written by acache copy"):
            copy(Store(fill(tmp_path / "source", 1)), ArchiveStore(path))
    path.write_bytes(b"no archive" * 100)
    with pytest.raises(AcacheError, match="cannot be read: it is damaged, or no tar archive"):
        unpacked(path, tmp_path / "target")


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_archives_that_are_cut_give_what_is_before_the_cut(tmp_path: Path, suffix: str) -> None:
    source, path = tmp_path / "source", tmp_path / f"a{suffix}"
    folder = source / "joblib" / "m" / "f"
    for number in range(60):
        write_entry(folder, f"{number:032x}", output=pickle.dumps(os.urandom(20_000)))
    (folder / "func_code.py").write_bytes(SOURCE)
    copy(Store(source), ArchiveStore(path))
    whole = path.read_bytes()
    known = files(source)
    cut = tmp_path / f"cut{suffix}"
    counts = []
    # Of the two empty blocks at the end of an archive one is enough; gzip has a checksum there, and
    # zstd one that not every reader misses.
    last = {".tar": 1024, ".tar.gz": 3, ".tar.zst": 30}[suffix]
    for share in (0.3, 0.6, 0.9, 1.0):
        end = int(len(whole) * share) if share < 1 else len(whole) - last
        cut.write_bytes(whole[:end])
        target = tmp_path / f"{share}"
        report = unpacked(cut, target)
        counts.append(report.copied)
        assert report.failed
        assert str(cut) in [one.id for one in report.failed]
        copied = files(target)
        assert {name: known[name] for name in copied} == copied
        assert not list(target.rglob("*pkl.*"))
    assert counts == sorted(counts)
    assert counts[-1] >= 59
    assert unpacked(path, target).is_complete
    with pytest.raises(AcacheError, match="remove it, or give another name"):
        copy(Store(source), ArchiveStore(cut))
    assert cut.read_bytes() == whole[:end]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.zst"])
def test_archives_with_flipped_bits_never_give_anything_wrong(tmp_path: Path, suffix: str) -> None:
    source, path = tmp_path / "source", tmp_path / f"a{suffix}"
    folder = source / "joblib" / "m" / "f"
    for number in range(10):
        write_entry(folder, f"{number:032x}", output=pickle.dumps(bytes(range(256)) * 8))
    (folder / "func_code.py").write_bytes(SOURCE)
    copy(Store(source), ArchiveStore(path))
    known, whole = files(source), path.read_bytes()
    chance, complete = random.Random(0), 0
    for number in range(40):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        target = tmp_path / str(number)
        try:
            report = unpacked(path, target)
        except AcacheError:
            continue
        complete += report.is_complete
        results = {name: data for name, data in files(target).items() if name.endswith("pkl")}
        assert {name: (known[name][0], data[1]) for name, data in results.items()} == results
    assert complete < 40


def test_sizes_that_are_claimed_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    info, _ = member(f"joblib/m/f/{OTHER}/output.pkl")
    info.size = 1 << 60
    path = archive(tmp_path / "a.tar")
    whole = path.read_bytes().rstrip(b"\0")
    whole += bytes(-len(whole) % 512)
    path.write_bytes(whole + info.tobuf(tarfile.GNU_FORMAT) + bytes(5000))
    report = unpacked(path, tmp_path / "target", allow_unsafe=True)
    assert report.copied == 1
    reasons = {one.reason for one in report.failed}
    assert "it ends too early" in reasons
    assert [reason for reason in reasons if "and" in reason and "are free" in reason] != []
    assert not list((tmp_path / "target").rglob(f"{OTHER}*"))


def test_headers_that_claim_much_are_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    path = archive(tmp_path / "a.tar")
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + path.read_bytes())
    with pytest.raises(AcacheError, match="a header of it takes"):
        unpacked(path, tmp_path / "target")


def test_bombs_are_not_read_to_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acache.store.archive.streams._MOST_BYTES", 1 << 22)
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb") as file:
        file.write(bytes(1 << 26))
    with path.open("rb") as packed:
        stream = Unpacked(packed)
        with pytest.raises(DamagedArchiveError, match="200 times its size"):
            stream.read(1 << 26)


def test_metadata_and_sources_that_are_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acache.store.archive.archive.LARGEST_METADATA", 100)
    folder = f"joblib/m/f/{OTHER}"
    source = archive(
        tmp_path / "a.tar",
        member(f"{folder}/metadata.json", b"{" * 101),
        member(f"{folder}/output.pkl", b"N."),
    )
    report = unpacked(source, tmp_path / "target")
    assert report.failed[0].id == f"{folder}/metadata.json"
    assert report.copied == 2


def test_zstd_that_is_missing_is_said_in_a_line(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['zstandard'] = sys.modules['compression.zstd'] = None\n"
        "from acache.cli.app import main; main()"
    )
    source = fill(tmp_path / "source", 1)
    target = tmp_path / "a.tar.zst"
    for arguments in (["copy", source, target], ["copy", target, tmp_path / "out"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ},
        )
        assert done.returncode == 1
        assert done.stderr == (
            "acache: error: nothing here reads or writes zstd: install 'acache[zstd]', or use"
            " .tar.gz\n"
        )
        assert [*tmp_path.iterdir()] == [source] or target.exists()
        copy(Store(source), ArchiveStore(target))


def test_remains_of_killed_copies_are_removed(tmp_path: Path) -> None:
    source, old = fill(tmp_path / "source", 1), time.time() - 7200
    kept = [f".b.tar.{'0' * 32}-{dead_pid()}", ".a.tar.old", f".a.tar.{'0' * 32}-{os.getpid()}"]
    gone = f".a.tar.{'1' * 32}-{dead_pid()}"
    for name in (*kept, gone):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (old, old))
    os.utime(tmp_path / kept[2])  # of a process that began after it was written nothing is kept
    copy(Store(source), ArchiveStore(tmp_path / "a.tar"))
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "a.tar", "source"])


@pytest.fixture
def peak() -> Callable[[], int]:
    import tracemalloc

    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_memory_does_not_grow_with_results(tmp_path: Path, peak: Callable[[], int]) -> None:
    folder = tmp_path / "source" / "joblib" / "m" / "f"
    (folder / HASH).mkdir(parents=True)
    (folder / "func_code.py").write_bytes(SOURCE)
    with (folder / HASH / "output.pkl").open("wb") as file:
        size = 200 << 20
        file.write(b"\x80\x04\x8e" + size.to_bytes(8, "little"))
        file.seek(size, 1)
        file.write(b".")
    source = Store(tmp_path / "source")
    assert copy(source, ArchiveStore(tmp_path / "a.tar")).copied == 1
    assert unpacked(tmp_path / "a.tar", tmp_path / "target").copied == 1
    assert peak() < 30 << 20


def test_selections_of_an_archive_are_looked_up_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    copy(Store(fill(tmp_path / "source", 5)), ArchiveStore(path))
    source = open_source(str(path))
    [function] = source.functions()
    assert function == "builtins/bytes"
    assert len(source.hashes(function)) == 5
    assert source.hashes(function, source.hashes(function)[0][:8]) == [source.hashes(function)[0]]
    selector = Selection(older_than=3600.0).resolve(source)
    assert copy(source, Store(tmp_path / "target"), selector, dry_run=True).copied == 0
