"""``acache clear`` and what it shares with ``prune``: plan, question, outcome, exit codes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.console import Console
from tests.helpers.processes import Result, dead_pid, run_python
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]
HASHES = [digit * 32 for digit in "0369cf"]
AMOUNT = ["entries", "size_bytes", "disk_bytes", "compute_seconds"]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Two functions of levels 10 and 20, with three entries each."""
    for number, argument_hash in enumerate(HASHES):
        function = tmp_path / "location" / "joblib" / "m" / f"f{number % 2}"
        write_entry(function, argument_hash, output=b"x" * 1000 * (number + 1))
        source = f"# first line: 1\n@cache(level={10 * (number % 2 + 1)})\ndef f(): ...\n"
        (function / "func_code.py").write_text(source)
    return tmp_path / "location"


def left(location: Path) -> int:
    return len(list(location.rglob("output.pkl")))


def test_clear_json_is_as_documented(acache: Acache, location: Path) -> None:
    before = tree(location)
    planned = acache("clear", "--level", "20", "--json", "--dry-run", "--cache-dir", location)
    assert (planned.code, planned.stderr) == (0, "")
    assert tree(location) == before
    done = acache("clear", "--level", "20", "--json", "--yes", "--cache-dir", location)
    assert (done.code, done.stderr) == (0, "")
    for document, dry in ((planned.document, True), (done.document, False)):
        assert list(document) == [
            "schema", "kind", "dry_run", "planned", "removed", "functions", "leftovers", "failed",
            "warnings",
        ]  # fmt: skip
        assert (document["schema"], document["kind"], document["dry_run"]) == (1, "clear", dry)
        assert list(document["planned"]) == list(document["removed"]) == AMOUNT
        [row] = document["functions"]
        assert list(row) == ["function", *AMOUNT]
        assert row["function"] == "m.f1"
        assert list(document["leftovers"]) == ["size_bytes", "disk_bytes", "inodes"]
        assert document["planned"]["entries"] == 3
        assert document["planned"]["compute_seconds"] == 4.5
        assert document["failed"] == document["warnings"] == []
    assert planned.document["removed"]["entries"] == 0
    assert done.document["removed"] == done.document["planned"] == planned.document["planned"]
    assert left(location) == 3


def test_clear_shows_its_plan_first(acache: Acache, location: Path) -> None:
    planned = acache("clear", "--function", "f1", "-n", "--cache-dir", location)
    assert planned.code == 0
    assert re.search(r"^m\.f1 +3 +12\.2 kB .* 4\.5 s$", planned.stdout, re.MULTILINE)
    assert "3 entries, " in planned.stdout
    assert left(location) == 6
    done = acache("clear", "--function", "f1", "-y", "--cache-dir", location)
    assert done.stdout.startswith(planned.stdout)
    assert done.stdout.splitlines()[-1].startswith("removed 3 entries, ")


def test_clear_without_a_terminal_needs_yes(acache: Acache, location: Path) -> None:
    for options in ([], ["--json"], ["-q"]):
        result = acache("clear", "--all", *options, "--cache-dir", location)
        assert (result.stdout, result.code) == ("", 2)
        assert "--yes" in result.stderr
        assert "--dry-run" in result.stderr
        assert result.stderr.count("\n") == 1
    assert left(location) == 6


def test_clear_quiet_prints_nothing(acache: Acache, location: Path) -> None:
    assert acache("clear", "--all", "-q", "-y", "--cache-dir", location) == ("", "", 0)
    assert acache("clear", "--all", "-q", "--cache-dir", location) == ("", "", 0)


def test_clear_with_nothing_to_do_succeeds(acache: Acache, location: Path) -> None:
    result = acache("clear", "--larger-than", "1GB", "--cache-dir", location)
    assert result == ("nothing to remove\n", "", 0)
    result = acache("clear", "--all", "--json", "--cache-dir", location.parent / "none")
    assert (result.code, result.document["planned"]["entries"]) == (0, 0)
    assert "there is no cache" in result.stderr


def test_clear_and_prune_refuse_what_is_no_store(acache: Acache, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "photo.jpg").write_bytes(b"smile")
    for command in (["clear", "--all", "-y"], ["prune", "--max-items", "0", "-y"]):
        result = acache(*command, "--cache-dir", tmp_path / "photos")
        assert (result.stdout, result.code) == ("", 2)
        assert "is not a cache" in result.stderr
    assert tree(tmp_path / "photos") == {"photo.jpg": b"smile"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing is selected"),
        (["--all", "--level", "10"], "not both"),
        (["--all", "m.f0/0"], "not both"),
        (["--grace", "-1", "--all"], "'-1'"),
        (["--grace", "1h"], "nothing is selected"),
        (["--all", "--frob"], "--frob"),
    ],
)
def test_clear_refuses_invalid_options_in_one_line(
    acache: Acache, location: Path, arguments: list[str], says: str
) -> None:
    before = tree(location)
    result = acache("clear", "-y", *arguments, "--cache-dir", location)
    assert (result.stdout, result.code) == ("", 2)
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert tree(location) == before


def test_clear_removes_leftovers_alone(acache: Acache, location: Path) -> None:
    entry = location / "joblib" / "m" / "f0" / HASHES[0]
    file = entry / f"output.pkl.{'0' * 32}-{dead_pid()}-1"
    file.write_bytes(b"half")
    folder = location / "joblib" / "m" / "f1" / HASHES[0]
    folder.mkdir()
    fresh = acache("clear", "--leftovers", "-n", "--json", "--cache-dir", location).document
    assert fresh["leftovers"]["inodes"] == 1
    os.utime(file, (1, time.time() - 3700))
    result = acache("clear", "--leftovers", "-y", "--cache-dir", location)
    assert result.code == 0
    assert "1 temporary file and 1 folder without result" in result.stdout
    assert not file.exists()
    assert not folder.exists()
    assert left(location) == 6
    document = acache("stats", "--json", "--cache-dir", location).document
    assert document["leftovers"]["inodes"] == 0


def test_clear_counts_ids_from_stdin_that_are_gone(location: Path) -> None:
    ids = f"m.f0/{HASHES[0]}\n\nm.f0/{'b' * 32}\n"
    done = subprocess.run(
        [sys.executable, "-m", "acache", "clear", "-", "-y", "--cache-dir", str(location)],
        input=ids,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "acache: note: 1 entry is gone already\n"
    assert left(location) == 5


def test_clear_refuses_ids_of_no_entry(acache: Acache, location: Path) -> None:
    result = acache("clear", "-y", f"m.f0/{HASHES[0]}", "m.f0/b", "--cache-dir", location)
    assert result.code == 2
    assert "no such entry 'm.f0/b'" in result.stderr
    assert left(location) == 6


# -- on a terminal -------------------------------------------------------------------------------


def command(location: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "acache", *arguments, "--cache-dir", str(location)]


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(
    ("answer", "code", "entries"), [("y\n", 0, 3), ("n\n", 1, 6), ("\n", 1, 6), ("\x04", 1, 6)]
)
def test_clear_asks_on_a_terminal(location: Path, answer: str, code: int, entries: int) -> None:
    terminal = Console(command(location, "clear", "--level", "10"))
    terminal.read_until("[y/N]")
    assert "m.f0" in terminal.seen
    assert re.search(r"Remove 3 entries, .* on disk\? \[y/N\]", terminal.seen)
    assert left(location) == 6
    terminal.type(answer)
    assert terminal.end() == code
    assert left(location) == entries
    assert ("declined" in terminal.seen) == bool(code)


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_clear_interrupted_at_its_question_removes_nothing(location: Path) -> None:
    terminal = Console(command(location, "clear", "--all"))
    terminal.read_until("[y/N]")
    # Python misses a Ctrl-C between its prompt and its read, until another key is pressed.
    terminal.type("\x03")
    assert terminal.end(typing="\x03") == 130
    assert left(location) == 6


WITH_A_BAR = """
import acache.render.progress as progress
progress._PATIENCE_SECONDS = progress._REFRESH_SECONDS = 0
"""
# The first process waits within an entry, at a place that is known, until Ctrl-C has arrived.
HELD = f"""{WITH_A_BAR}
import os, signal, sys, time
import acache.store.remove
first, done, arrived = os.getpid(), 0, []
remove = acache.store.remove.LocalRemoval.entry
def held(self, *args, **kwargs):
    global done
    done += 1
    if done == 10 and os.getpid() == first:
        ask = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *a: (arrived.append(1), ask(*a)))
        print("held", file=sys.stderr, flush=True)
        while not arrived:
            time.sleep(0.01)
    return remove(self, *args, **kwargs)
acache.store.remove.LocalRemoval.entry = held
"""
MAIN = "from acache.cli.app import main; main()"


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("count", [200, 1200])  # of more than 256 a second process removes some
def test_clear_stops_between_two_entries_at_ctrl_c(tmp_path: Path, count: int) -> None:
    function = tmp_path / "joblib" / "m" / "f"
    for number in range(count):
        write_entry(function, f"{number:032x}")
    code = f"{HELD}\n{MAIN}"
    held = [sys.executable, "-c", code, "clear", "--all", "-y", "--cache-dir", str(tmp_path)]
    terminal = Console(held)
    terminal.read_until("held")
    assert "Removing" in terminal.seen
    terminal.type("\x03")
    assert terminal.end() == 130
    match = re.search(r"interrupted: removed ([\d,]+) of ([\d,]+) entries", terminal.seen)
    assert match is not None, terminal.seen
    removed, total = (int(number.replace(",", "")) for number in match.groups())
    assert total == count
    assert 10 <= removed < count
    assert left(tmp_path) == count - removed
    assert "Traceback" not in terminal.seen
    folders = [path for path in function.iterdir() if not (path / "output.pkl").exists()]
    assert folders == []


def test_clear_shows_its_bar_only_on_a_terminal(location: Path) -> None:
    code = f"{WITH_A_BAR}\n{MAIN}"
    barred = [sys.executable, "-c", code, "clear", "--all", "-y", "--cache-dir", str(location)]
    done = subprocess.run(barred, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "Removing" not in done.stdout


# -- what cannot be done -------------------------------------------------------------------------


def test_clear_of_a_read_only_store_names_each_entry(
    acache: Acache, location: Path, as_nobody: int | None
) -> None:
    options = ["clear", "--all", "-y", "--cache-dir", location]
    if as_nobody is None:
        for folder in location.rglob("*"):
            if folder.is_dir():
                folder.chmod(0o555)
    before = tree(location)
    result = acache(*options, user=as_nobody)
    document = acache(*options, "--json", user=as_nobody)
    for folder in location.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)
    assert tree(location) == before
    assert result.code == document.code == 1
    lines = result.stderr.splitlines()
    assert len(lines) == 6
    store = re.escape(str(location / "joblib"))
    line = rf"acache: error: {store}/m/f\d/\w{{32}}: Permission denied"
    assert all(re.fullmatch(line, text) for text in lines)
    assert len(document.document["failed"]) == 6
    assert document.document["failed"][0] == {
        "id": f"m.f0/{HASHES[0]}",
        "error": "Permission denied",
    }
    assert document.document["removed"]["entries"] == 0


def test_clear_removes_what_it_can(acache: Acache, location: Path, as_nobody: int | None) -> None:
    for path in (location, *location.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (location / "joblib" / "m" / "f0").chmod(0o000 if as_nobody is None else 0o700)
    result = acache("clear", "--all", "-y", "--cache-dir", location, user=as_nobody)
    planned = acache("clear", "--all", "-n", "--cache-dir", location, user=as_nobody)
    (location / "joblib" / "m" / "f0").chmod(0o755)
    assert result.code == planned.code == 1
    told = f"acache: error: {location}/joblib/m/f0: Permission denied\n"
    assert result.stderr == planned.stderr == told
    assert sorted(path.parent.parent.name for path in location.rglob("output.pkl")) == ["f0"] * 3


def test_clear_writes_nothing(location: Path) -> None:
    """As on a full disk: no file may grow by a single byte."""
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "from acache.cli.app import main; main()"
    )
    pytest.importorskip("resource")
    run_python(code, "clear", "--all", "-y", "-q", "--cache-dir", location)
    assert left(location) == 0


def test_clear_ignores_a_folder_that_vanishes(location: Path) -> None:
    code = (
        "import shutil, sys\n"
        "import acache.store.remove\n"
        "remove = acache.store.remove.LocalRemoval.entry\n"
        "def removing(self, function, *args, **kwargs):\n"
        "    shutil.rmtree(sys.argv[-1] + '/joblib/m/f1', ignore_errors=True)\n"
        "    return remove(self, function, *args, **kwargs)\n"
        "acache.store.remove.LocalRemoval.entry = removing\n"
        "from acache.cli.app import main; main()"
    )
    output = run_python(code, "clear", "--all", "-y", "--json", "--cache-dir", location)
    assert json.loads(output)["removed"]["entries"] == 3
    assert left(location) == 0


def test_clear_counts_a_removed_result_whatever_stays_of_it(
    acache: Acache, location: Path, as_nobody: int | None
) -> None:
    """The functions' folders are read-only, the entries' are not."""
    for path in location.rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    functions = list((location / "joblib" / "m").iterdir())
    for function in functions:
        function.chmod(0o555)
    result = acache("clear", "--all", "-y", "--json", "--cache-dir", location, user=as_nobody)
    for function in functions:
        function.chmod(0o755)
    assert result.code == 1
    assert left(location) == 0
    assert result.document["removed"]["entries"] == 6
    assert len(result.document["failed"]) == 6


def test_clear_and_prune_ignore_broken_metadata(acache: Acache, location: Path) -> None:
    (location / "joblib" / "m" / "f0" / HASHES[0] / "metadata.json").write_bytes(b"{broken")
    for command in (
        ["prune", "--max-items", "99", "--policy", "cost", "-y"],
        ["prune", "--max-items", "5", "--policy", "cost", "-y"],
        ["clear", "--all", "-y"],
    ):
        result = acache(*command, "--cache-dir", location)
        assert (result.code, result.stderr) == (0, "")
    assert left(location) == 0


def test_clear_ignores_what_is_not_selected_and_cannot_be_read(
    acache: Acache, location: Path, as_nobody: int | None
) -> None:
    for path in (location, *location.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (location / "joblib" / "m" / "f0").chmod(0o000 if as_nobody is None else 0o700)
    other = acache("clear", "--function", "f1", "-y", "-q", "--cache-dir", location, user=as_nobody)
    same = acache("clear", "--function", "f0", "-y", "-q", "--cache-dir", location, user=as_nobody)
    listed = acache("ls", "-q", "--cache-dir", location, user=as_nobody)
    (location / "joblib" / "m" / "f0").chmod(0o755)
    assert other == ("", "", 0)
    assert (same.stdout, same.code) == ("", 1)
    assert same.stderr == f"acache: error: {location}/joblib/m/f0: Permission denied\n"
    assert listed.code == 1
    assert listed.stderr == "acache: warning: cannot read m/f0: Permission denied\n"


@pytest.mark.skipif(os.name == "nt", reason="pipes are broken otherwise there")
@pytest.mark.parametrize("command", ["clear --all -y", "clear --all -y --json"])
def test_clear_goes_on_if_nobody_reads_its_report(tmp_path: Path, command: str) -> None:
    for number in range(300):  # more than Python keeps back
        write_entry(tmp_path / "joblib" / f"function-with-a-long-name-{number}", HASHES[0])
    read, write = os.pipe()
    os.close(read)
    line = [sys.executable, "-m", "acache", *command.split(), "--cache-dir", str(tmp_path)]
    done = subprocess.run(line, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
    assert left(tmp_path) == 0


def test_clear_goes_on_if_its_report_finds_the_disk_full(location: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(location, "clear", "--all", "-y"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=environ,
        )
    told = "acache: warning: cannot print the report: No space left on device\n"
    assert (done.returncode, done.stderr) == (0, told)
    assert left(location) == 0


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_clear_goes_on_with_closed_streams(location: Path) -> None:
    line = f'"{sys.executable}" -m acache clear --all -y --cache-dir "{location}" >&- 2>&-'
    assert subprocess.run(line, shell=True, check=False).returncode == 0
    assert left(location) == 0


def test_clear_removes_leftovers_of_a_selection(acache: Acache, location: Path) -> None:
    for function in ("f0", "f1"):
        file = location / "joblib" / "m" / function / f"func_code.py.{'0' * 32}-{dead_pid()}-1"
        file.write_bytes(b"half")
        os.utime(file, (1, 1))
    options = ["--function", "f1", "--leftovers", "-y", "-q", "--cache-dir", location]
    assert acache("clear", *options) == ("", "", 0)
    assert [f.parent.name for f in location.rglob("func_code.py.*")] == ["f0"]
    assert left(location) == 3


# -- with librosa --------------------------------------------------------------------------------

COUNTING = """
import collections, json, sys
import joblib.memory
computed = collections.Counter()
name = "_call" if hasattr(joblib.memory.MemorizedFunc, "_call") else "call"  # before joblib 1.4
call = getattr(joblib.memory.MemorizedFunc, name)
def counted(self, *args, **kwargs):
    computed[self.func.__module__ + "." + self.func.__qualname__] += 1
    return call(self, *args, **kwargs)
setattr(joblib.memory.MemorizedFunc, name, counted)
import librosa, numpy
y = librosa.chirp(fmin=110, fmax=880, duration=3, sr=22050)
harmonic, _ = librosa.effects.hpss(y)
answer = [librosa.estimate_tuning(y=harmonic), float(librosa.feature.mfcc(y=y).sum())]
print(json.dumps({"answer": answer, "computed": computed}))
"""


def test_clear_of_a_level_makes_librosa_compute_that_level_alone(
    acache: Acache, tmp_path: Path
) -> None:
    env = {"LIBROSA_CACHE_DIR": str(tmp_path / "cache"), "LIBROSA_CACHE_LEVEL": "50"}
    first = json.loads(run_python(COUNTING, env=env))
    rows = acache("stats", "--json", env=env).document["functions"]
    of_level = {row["function"]: row["entries"] for row in rows if row["level"] == 30}
    assert acache("clear", "--level", "30", "-y", env=env).code == 0
    again = json.loads(run_python(COUNTING, env=env))
    assert again["answer"] == first["answer"]
    assert again["computed"] == of_level
    assert sum(first["computed"].values()) > sum(of_level.values()) > 2
    assert acache("stats", "--json", env=env).document["functions"][0]["entries"]


# -- access times --------------------------------------------------------------------------------


def test_commands_that_only_read_change_no_access_time(
    acache: Acache, librosa_location: Path, tmp_path: Path
) -> None:
    location = tmp_path / "copy"
    shutil.copytree(librosa_location, location)
    for path in location.rglob("*"):
        os.utime(path, (1_000_000_000, 1_600_000_000))  # relatime would note any access now
    before = {path: path.stat().st_atime_ns for path in location.rglob("*")}
    for arguments in (
        ["ls", "--args"],
        ["ls", "--jsonl"],
        ["ls", "--arg", "n_fft=2048", "-q"],
        ["stats"],
        ["stats", "--function", "stft"],
        ["clear", "--all", "-n"],
        ["clear", "--level", "30", "-n", "--json"],
        ["prune", "--max-items", "3", "--policy", "cost", "-n"],
        [],
    ):
        assert acache(*arguments, "--cache-dir", location).code == 0
    noted = [path for path in before if path.stat().st_atime_ns != before[path]]
    # Listing a folder that belongs to another user may be noted; these are one's own.
    assert noted == []


def test_clear_restores_signal_handlers(location: Path) -> None:
    code = (
        "import signal\n"
        "from acache.cli.app import _run_to_exit_code\n"
        "before = signal.getsignal(signal.SIGINT)\n"
        f"_run_to_exit_code(['clear', '--all', '-y', '-q', '--cache-dir', {str(location)!r}])\n"
        "assert signal.getsignal(signal.SIGINT) is before"
    )
    run_python(code)
    assert left(location) == 0


def test_clear_stale_spares_what_is_not_known(acache: Acache, drifted: Path) -> None:
    planned = acache("clear", "--stale", "--dry-run", "--cache-dir", drifted)
    # Before anybody agrees: another Python's packages would call other entries stale.
    assert planned.stderr.startswith(f"acache: note: stale means not used by {sys.executable};")
    result = acache("clear", "--stale", "--yes", "--json", "--cache-dir", drifted)
    assert (result.code, result.document["removed"]["entries"]) == (0, 2)
    left = sorted(output.parts[-3] for output in drifted.rglob("output.pkl"))
    assert left == ["current", "unknown"]
    assert len(list(drifted.rglob("func_code.py"))) == 4
    again = acache("clear", "--stale", "--yes", "--cache-dir", drifted)
    assert (again.code, again.stdout) == (0, "nothing to remove\n")
