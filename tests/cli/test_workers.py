"""``--workers`` and ``--scheduler``: what they print is what one process prints."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers.buckets import MotoServer, keys, upload
from tests.helpers.clusters import Cluster
from tests.helpers.copies import fill
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS, Result
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]
HASHES = [f"{number:032x}" for number in range(0, 16**32, 16**32 // 40)]
REPORTS = [["stats"], ["stats", "--no-cost", "--larger-than", "1k"], ["verify"]]


@pytest.fixture(params=["workers", "scheduler"])
def shared(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "workers":
        return ["--workers", "2"]
    cluster: Cluster = request.getfixturevalue("cluster")
    return ["--scheduler", cluster.address]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Make a location with both layouts, and things that are wrong."""
    location = tmp_path / "location"
    store = location / "joblib"
    for function in ("m/f", "m/f/<locals>/g", "a/abc"):
        for argument_hash in HASHES:
            write_entry(store / function, argument_hash, output=b"\x80\x04N.")
        (store / function / "func_code.py").write_text("# first line: 3\ndef f(): ...\n")
    for argument_hash in HASHES:
        write_entry(store / "m" / "split" / argument_hash[:3], argument_hash[3:])
    (store / "m" / "f" / HASHES[0] / "notes.txt").write_text("foreign")
    (store / "m" / "output.pkl").write_text("misplaced")
    (store / "m" / "f" / HASHES[1] / "output.pkl").write_bytes(b"cos\nsystem\n(Vecho\ntR.")
    broken = write_entry(store / "m" / "f", "e" * 32)
    (broken / "output.pkl").unlink()
    return location


def both(acache: Acache, shared: list[str], *line: str | Path) -> tuple[Result, Result]:
    return acache(*line, "--json"), acache(*line, "--json", *shared)


@pytest.mark.parametrize("report", REPORTS)
def test_report_on_librosas_store_is_the_same(
    report: list[str], acache: Acache, shared: list[str], librosa_location: Path
) -> None:
    one, several = both(acache, shared, *report, "--cache-dir", librosa_location)
    assert several == one
    assert one.code == 0


@pytest.mark.parametrize("report", REPORTS)
def test_report_on_both_layouts_is_the_same(
    report: list[str], acache: Acache, shared: list[str], location: Path
) -> None:
    one, several = both(acache, shared, *report, "--cache-dir", location)
    assert several == one
    assert one.code == (3 if report == ["verify"] else 0)


@pytest.fixture
def uploaded(location: Path, bucket: str, moto: MotoServer) -> str:
    upload(location, bucket, moto.environment)
    return bucket


@pytest.mark.parametrize("report", [*REPORTS, ["stats", "--sort", "time"]])
def test_report_on_a_bucket_is_the_same(
    report: list[str], acache: Acache, shared: list[str], uploaded: str
) -> None:
    one, several = both(acache, shared, *report, "--cache-dir", uploaded)
    assert several == one
    assert one.code == (3 if report == ["verify"] else 0)


def test_verify_deletes_the_same(
    acache: Acache, shared: list[str], location: Path, tmp_path: Path
) -> None:
    shutil.copytree(location, tmp_path / "other")
    line = ["verify", "--delete", "--delete-unsafe", "--yes", "--cache-dir"]
    one = acache(*line, location)
    several = acache(*line, tmp_path / "other", *shared)
    assert several == one
    assert tree(tmp_path / "other") == tree(location)
    assert not (location / "joblib" / "m" / "f" / HASHES[1]).exists()


def test_copy_and_compress_do_the_same(
    acache: Acache, shared: list[str], librosa_location: Path, tmp_path: Path
) -> None:
    acache("copy", librosa_location, tmp_path / "one", "-q")
    copied = acache("copy", librosa_location, tmp_path / "several", *shared)
    assert (copied.code, copied.stderr) == (0, "")
    assert tree(tmp_path / "several") == tree(tmp_path / "one")
    line = ["compress", "--method", "zlib", "--all", "--json"]
    one = acache(*line, "--cache-dir", tmp_path / "one")
    several = acache(*line, "--cache-dir", tmp_path / "several", *shared)
    assert several == one
    assert one.document["compressed"]["entries"] > 5
    assert tree(tmp_path / "several") == tree(tmp_path / "one")


def test_copy_into_a_bucket_and_out_of_it(
    acache: Acache, shared: list[str], tmp_path: Path, bucket: str, moto: MotoServer
) -> None:
    source = fill(tmp_path / "source", 60)
    assert acache("copy", source, bucket, "-q", *shared) == ("", "", 0)
    results = [key for key in keys(bucket, moto.environment) if key.endswith("/output.pkl")]
    assert len(results) == 60
    again = acache("copy", source, bucket, "--json", *shared).document
    assert (again["copied"]["entries"], again["present"]) == (0, 60)
    assert acache("copy", bucket, tmp_path / "target", "-q", *shared) == ("", "", 0)
    outputs = {path.read_bytes() for path in source.rglob("output.pkl")}
    assert {path.read_bytes() for path in (tmp_path / "target").rglob("output.pkl")} == outputs
    assert acache("compress", "--all", "--method", "zlib", "-q", "--cache-dir", bucket, *shared)[
        1:
    ] == ("", 0)


def test_archive_is_refused(acache: Acache, location: Path) -> None:
    done = acache("copy", location, "a.tar", "--workers", "2")
    assert done.code == 2
    assert done.stderr.endswith("a.tar: it is an archive\n")
    acache("copy", location, "a.tar", "-q")
    assert acache("copy", "a.tar", "target", "--workers", "2").code == 2


def test_one_of_the_two_options_is_enough(acache: Acache, location: Path) -> None:
    done = acache("stats", "--workers", "2", "--scheduler", "h:1", "--cache-dir", location)
    assert done.code == 2
    assert "give either --workers or --scheduler, not both" in done.stderr


Running = Callable[..., tuple[subprocess.Popen[str], list[psutil.Process]]]


@pytest.fixture
def running(
    tmp_path: Path,
) -> Iterator[Running]:
    """Start a command, and return it with its two workers, which are stopped."""
    started: list[subprocess.Popen[str]] = []
    stopped: dict[int, psutil.Process] = {}

    def run(*line: str | Path) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "acache", *map(str, line), "--workers", "2"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        started.append(process)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(stopped) < 2:
            for child in psutil.Process(process.pid).children():
                # Before its program runs, the process that starts it would wait for it.
                if child.pid not in stopped and "-I" in child.cmdline():
                    child.suspend()
                    stopped[child.pid] = child
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return process, list(stopped.values())

    yield run
    for process in (*started, *stopped.values()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    for process in started:
        process.communicate()


def has_ended(process: psutil.Process) -> bool:
    psutil.wait_procs([process], timeout=PATIENCE_SECONDS)
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@needs_posix
@pytest.mark.parametrize("command", ["stats", "verify"])
def test_interrupted_report_leaves_no_process(
    command: str, running: Running, location: Path
) -> None:
    process, workers = running(command, "--cache-dir", location)
    time.sleep(0.2)  # until it waits for an answer; it may be interrupted at any time
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (errors, process.returncode) == ("acache: error: interrupted\n", 130)
    assert all(map(has_ended, workers))


@needs_posix
def test_killed_command_leaves_no_process(running: Running, location: Path) -> None:
    process, workers = running("verify", "--cache-dir", location)
    process.kill()
    process.wait()
    for worker in workers:
        worker.resume()
    assert all(map(has_ended, workers))


@needs_posix
def test_killed_worker_changes_nothing(running: Running, acache: Acache, location: Path) -> None:
    process, (first, second) = running("verify", "--json", "--cache-dir", location)
    first.kill()
    second.resume()
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert output == acache("verify", "--json", "--cache-dir", location).stdout


@needs_posix
@pytest.mark.parametrize("killed", [False, True])
def test_interrupted_copy_can_be_continued(
    killed: bool, running: Running, acache: Acache, tmp_path: Path
) -> None:
    source = fill(tmp_path / "source", 200)
    process, workers = running("copy", source, "target")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    if killed:
        workers[0].kill()
    for worker in workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.resume()
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert errors.startswith("acache: error: interrupted: copied ")
    assert all(map(has_ended, workers))
    done = list((tmp_path / "target").rglob("output.pkl"))
    assert len(done) < 200
    for path in done:
        assert path.read_bytes() == (source / path.relative_to(tmp_path / "target")).read_bytes()
    assert acache("copy", source, "target", "-q", "--workers", "2").code == 0
    wanted = {name: data for name, data in tree(source).items() if "/.acache" not in name}
    assert tree(tmp_path / "target") == wanted
