"""``acache copy``: what it prints, its exit codes, and what an interruption leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.console import Console
from tests.helpers.copies import HASH, SOURCE, archive, files, fill, member
from tests.helpers.marks import needs_posix, needs_root
from tests.helpers.processes import Result
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]


def test_copy_prints_what_it_copied(acache: Acache, tmp_path: Path) -> None:
    source = fill(tmp_path / "source")
    done = acache("copy", source, "target")
    assert (done.code, done.stderr) == (0, "")
    words = done.stdout.split()
    assert words[:5] == ["function", "copied", "size", "builtins.bytes", "5"]
    assert words[7:10] == ["copied", "5", "entries,"]
    assert words[5:7] == words[10:]
    again = acache("copy", source, "target")
    assert again.code == 0
    assert "present  5 entries, kept as they are" in again.stdout
    assert acache("copy", "target", "a.tar.gz", "-q").stdout == ""
    assert "nothing to copy" in acache("copy", source, "b.tar", "--larger-than", "1GB").stdout
    assert not (tmp_path / "b.tar").exists()


def test_copy_json_is_as_documented(acache: Acache, tmp_path: Path) -> None:
    done = acache("copy", fill(tmp_path / "source"), "target", "--json", "--dry-run")
    assert list(done.document) == [
        *("schema", "kind", "dry_run", "source", "target", "copied", "present", "functions"),
        *("left_out", "refused", "failed", "interrupted", "warnings"),
    ]
    known = files(tmp_path / "source").items()
    sizes = sum(len(data) for path, (data, _) in known if not path.endswith(".py"))
    assert done.document["copied"] == {"entries": 5, "size_bytes": sizes}
    assert done.document["target"] == str(tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_copy_that_is_not_complete_exits_with_1(acache: Acache, tmp_path: Path) -> None:
    hostile = member(f"joblib/m/f/{'f' * 32}/output.pkl", b"cos\nsystem\n(Vecho > canary\ntR.")
    escaping = member("../output.pkl", b"N.")
    archive(tmp_path / "a.tar", hostile, escaping)
    done = acache("copy", "a.tar", "target")
    assert done.code == 1
    assert done.stderr.splitlines() == [
        f"acache: error: refused: m.f/{'f' * 32}: loading it may run code: it names os.system",
        "acache: error: ../output.pkl: its name leads out of the archive",
    ]
    other = tmp_path / "other" / "joblib" / "m" / "f"
    write_entry(other, HASH)
    (other / "func_code.py").write_bytes(SOURCE.replace(b"x", b"y"))
    done = acache("copy", "target", "other", "--json")
    assert done.code == 1
    assert done.document["left_out"] == [
        {"function": "m.f", "reason": "its source differs in the target"}
    ]
    assert done.stderr == "acache: error: left out: m.f: its source differs in the target\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "target"], "neither a cache nor an archive at none"),
        (["source", "source"], "source and target are the same"),
        (["source", "source/joblib/a.tar"], "must not be in one another"),
        (["source", "target", "--function", "stft"], "no function in this cache matches 'stft'"),
        (["source", "target", "--allow", "x"], "'x' is not MODULE.NAME"),
        (["source", "gcs://bucket/x"], "'gcs://bucket/x' is no location; write s3://"),
        (["https://me:pw@host/x", "target"], "'https://host/x' is no location; write s3://"),
        (
            ["source", "s3://bucket/a.tar"],
            "s3://bucket/a.tar: an archive is a file; copy to",
        ),
        (["source"], "Missing argument 'DST'"),
        (["source", "file"], "file is not named like an archive"),
        (["file", "target"], "cannot be read: it ends too early"),
    ],
)
def test_copy_of_what_cannot_be(
    acache: Acache, tmp_path: Path, arguments: list[str], message: str
) -> None:
    fill(tmp_path / "source", 1)
    (tmp_path / "file").write_bytes(b"no cache")
    done = acache("copy", *arguments)
    assert message in done.stderr
    assert done.code == (1 if "cannot be read" in message else 2)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "target").exists()


@needs_posix
@pytest.mark.parametrize("name", ["target", "target.tar"])
@pytest.mark.parametrize("seed", range(3))
def test_copy_goes_on_after_a_kill(acache: Acache, tmp_path: Path, name: str, seed: int) -> None:
    source = fill(tmp_path / "source", 300)
    command = [sys.executable, "-m", "acache", "copy", str(source), str(tmp_path / name)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    begun = "target/**/output.pkl" if name == "target" else ".target.tar.*"
    while process.poll() is None and not list(tmp_path.glob(begun)):
        time.sleep(0.001)
    time.sleep(seed * 0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    known = files(source)
    if name == "target":
        half = files(tmp_path / name)
        assert {path: known[path] for path in half} == half
    else:
        assert not (tmp_path / name).exists() or process.returncode == 0
    assert acache("copy", source, name).code == 0
    assert acache("copy", name, "out").code == 0
    assert files(tmp_path / "out") == known


# The first display is drawn at once.
HELD = """
import acache.render.progress as progress
progress._PATIENCE_SECONDS = progress._REFRESH_SECONDS = 0
import os, signal, sys, time
import acache.store.changes, acache.operations.copy as copying
done, arrived = 0, []
add = copying._Copying.add
def held(self, found):
    global done
    done += 1
    if done == 50:
        ask = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *a: (arrived.append(1), ask(*a)))
        print("held", file=sys.stderr, flush=True)
        while not arrived:
            time.sleep(0.01)
    add(self, found)
copying._Copying.add = held
from acache.cli.app import main; main()
"""


@needs_posix
@pytest.mark.parametrize("name", ["target", "target.tar"])
def test_copy_stops_between_two_entries_at_ctrl_c(
    acache: Acache, tmp_path: Path, name: str
) -> None:
    source, target = fill(tmp_path / "source", 100), tmp_path / name
    terminal = Console([sys.executable, "-c", HELD, "copy", str(source), str(target)])
    terminal.read_until("held")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "Copying: 48 done" in terminal.seen
    assert "run it again for the rest" in terminal.seen
    assert target.exists()
    assert not list(tmp_path.glob(".target*"))
    done = acache("copy", source, target, "--json")
    assert 0 < done.document["copied"]["entries"] < 100
    assert done.document["copied"]["entries"] + done.document["present"] == 100


@needs_posix
def test_copy_that_is_terminated_leaves_no_part_of_an_archive(tmp_path: Path) -> None:
    source = fill(tmp_path / "source", 100)
    held = HELD.replace("while not arrived", "while True")
    command = [sys.executable, "-c", held, "copy", str(source), str(tmp_path / "a.tar.gz")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "held\n"
        process.terminate()
        assert process.wait() == 143
    assert [*tmp_path.iterdir()] == [source]


@needs_root
def test_copy_of_anothers_entries_says_that_reading_is_noted(
    acache: Acache, tmp_path: Path, as_nobody: int | None
) -> None:
    source = fill(tmp_path / "source", 2)
    target = tmp_path / "target"
    target.mkdir()
    os.chown(target, 65534, 65534)
    done = acache("copy", source, target, user=as_nobody)
    assert done.code == 0
    assert done.stderr.count("may change their last access") == 1
    assert files(target) == files(source)


def test_copy_never_changes_its_source(acache: Acache, tmp_path: Path) -> None:
    source = fill(tmp_path / "source")
    before = tree(source)
    for target in ("target", "a.tar", "target"):
        acache("copy", source, target, "--overwrite")
    assert tree(source) == before
