"""``acache verify``: what it prints, its exit codes, and what it deletes."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.marks import needs_links, needs_posix
from tests.helpers.processes import Result, run_line, run_python
from tests.helpers.stores import tree, write_entry

Acache = Callable[..., Result]
HASHES = [digit * 32 for digit in "01234567"]
OUTPUTS = [
    b"N.",
    b"N",
    b"\xff",
    b"cos\nsystem\n(Vecho > canary\ntR.",
    b"cmine\nThing\n)\x81.",
    b"N.",
]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Six entries: sound, truncated, damaged, unsafe, unknown, missing."""
    function = tmp_path / "location" / "joblib" / "m" / "f"
    for argument_hash, output in zip(HASHES, OUTPUTS, strict=False):
        write_entry(function, argument_hash, output=output)
    (function / HASHES[5] / "output.pkl").unlink()
    (function / "func_code.py").write_text("# first line: 1\n@cache(level=20)\ndef f(): ...\n")
    return tmp_path / "location"


def left(location: Path) -> str:
    folders = (path for path in (location / "joblib" / "m" / "f").iterdir() if path.is_dir())
    return "".join(sorted(folder.name[0] for folder in folders))


def test_verify_json_is_as_documented(acache: Acache, location: Path) -> None:
    before = tree(location)
    result = acache("verify", "--json", "--cache-dir", location)
    assert (result.code, result.stderr) == (3, "")
    document = result.document
    assert list(document) == ["schema", "kind", "entries", "problems", "warnings"]
    assert (document["schema"], document["kind"], document["entries"]) == (1, "verify", 5)
    assert document["warnings"] == []
    assert [list(one) for one in document["problems"]] == [
        ["id", "kind", "severity", "message", "fix"]
    ] * 5
    assert [(one["id"], one["kind"], one["severity"]) for one in document["problems"]] == [
        (f"m.f/{HASHES[3]}", "unsafe-pickle", "problem"),
        (f"m.f/{HASHES[1]}", "truncated", "problem"),
        (f"m.f/{HASHES[2]}", "unreadable", "problem"),
        (f"m.f/{HASHES[5]}", "missing-output", "problem"),
        (f"m.f/{HASHES[4]}", "unknown-global", "note"),
    ]
    assert tree(location) == before
    assert not (location.parent / "canary").exists()


def test_verify_names_the_fixes(acache: Acache, location: Path) -> None:
    result = acache("verify", "--cache-dir", location, env={"COLUMNS": "200"})
    assert (result.code, result.stderr) == (3, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines == [
        "unsafe-pickle   m.f/33333333  loading it may run code: it names os.system",
        "truncated       m.f/11111111  ends too early, at byte 1",
        "unreadable      m.f/22222222  damaged at byte 0: 0xff is no opcode",
        "missing-output  m.f/55555555  an entry's folder without output.pkl",
        "unknown-global  m.f/44444444  names what is not listed as harmless: mine.Thing",
        "",
        lines[6],
        "",
        f"unsafe   acache verify --delete-unsafe --cache-dir {location}",
        f"damaged  acache verify --delete --cache-dir {location}",
    ]
    assert lines[6].startswith("5 entries checked (")
    assert lines[6].endswith("), 4 problems, 1 note")
    narrow = acache("verify", "--cache-dir", location, "--level", "20")
    *table, unsafe = narrow.stdout.partition("1 note\n")[0].splitlines()
    assert max(map(len, [*table, unsafe])) <= 80
    assert f"damaged  acache verify --delete m/f/{HASHES[1]} " in narrow.stdout


@needs_posix
def test_verify_fix_of_one_function_clears_no_other(acache: Acache, tmp_path: Path) -> None:
    without, others = {"m/f", "m[1]/f", " f", "it's"}, {"pkg/m/f", "m1/f", "m.f", "f", "its"}
    for name in without | others:
        write_entry(tmp_path / "joblib" / name, HASHES[0], output=b"N.")
    for name in others:
        (tmp_path / "joblib" / name / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    for expected in (1, 0):  # three lines at a time
        result = acache("verify", "--cache-dir", tmp_path, env={"COLUMNS": "300"})
        assert result.code == 3
        for line in result.stdout.splitlines():
            if line.startswith("no source  acache"):
                run_line(line.removeprefix("no source"))
        left = {p.parents[1] for p in tmp_path.rglob("output.pkl")}
        assert len(left - {tmp_path / "joblib" / name for name in others}) == expected
    assert left == {tmp_path / "joblib" / name for name in others}


@needs_posix
@pytest.mark.parametrize("narrow", [False, True])
def test_verify_fixes_fix_their_problems(acache: Acache, tmp_path: Path, narrow: bool) -> None:
    function = tmp_path / "joblib" / "m" / "it's f"
    for argument_hash, output in zip(HASHES, OUTPUTS, strict=False):
        write_entry(function, argument_hash, output=output)
    (function / HASHES[5] / "output.pkl").unlink()
    (function / HASHES[6]).symlink_to(function / HASHES[0])
    source = function / "func_code.py"
    source.write_text("# first line: 1\ndef f(): ...\n")
    options = ["--strict", "--json", "--cache-dir", tmp_path]
    options += ["--smaller-than", "1MB"] if narrow else []
    for left in (6, 5, 4, 3, 2, 1) if narrow else (6, 5, 2, 1):
        problems = acache("verify", *options).document["problems"]
        assert len(problems) == left
        if left > 1:
            run_line(f"{problems[0]['fix']} || true")  # exits with 3, as other problems remain
    allowed = shlex.split(problems[0]["fix"])[1:]
    assert acache(*allowed).code == 0
    source.unlink()
    [problem] = acache("verify", "--json", "--cache-dir", tmp_path).document["problems"][:1]
    run_line(problem["fix"])
    assert acache("verify", "--cache-dir", tmp_path).code == 0


@needs_links
def test_verify_names_delete_only_where_it_would_remove_something(
    acache: Acache, tmp_path: Path
) -> None:
    function = tmp_path / "joblib" / "m" / "f"
    write_entry(function, HASHES[0], output=b"N.")
    (function / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    (function / HASHES[1]).symlink_to(function / HASHES[0])
    result = acache("verify", "--cache-dir", tmp_path)
    assert result.code == 3
    assert "a link that joblib follows" in " ".join(result.stdout.split())
    assert "--delete" not in result.stdout
    (write_entry(function, HASHES[2]) / "output.pkl").unlink()
    result = acache("verify", "--cache-dir", tmp_path)
    assert "damaged  acache verify" in result.stdout


def test_verify_cuts_long_lists_only_in_its_table(acache: Acache, location: Path) -> None:
    for number in range(30):
        write_entry(location / "joblib" / "m" / "f", f"{number + 100:032x}", output=b"N")
    result = acache("verify", "--cache-dir", location)
    assert result.stdout.count("truncated") == 21
    assert "... and 11 more" in result.stdout
    assert len(acache("verify", "--json", "--cache-dir", location).document["problems"]) == 35


def test_verify_of_a_sound_store(acache: Acache, librosa_location: Path) -> None:
    result = acache("verify", "--cache-dir", librosa_location)
    assert (result.code, result.stderr) == (0, "")
    assert result.stdout.endswith("no problems, no notes\n")
    assert acache("verify", "-q", "--cache-dir", librosa_location) == ("", "", 0)
    strict = acache("verify", "--strict", "--function", "stft", "--cache-dir", librosa_location)
    assert strict.code == 0


def test_verify_deletes_what_was_asked_for(acache: Acache, location: Path) -> None:
    planned = acache("verify", "--delete", "-n", "--json", "--cache-dir", location)
    assert (planned.code, left(location)) == (3, "012345")
    assert planned.document["planned"]["entries"] == 2
    done = acache("verify", "--delete", "-y", "--json", "--cache-dir", location)
    assert list(done.document) == [
        "schema", "kind", "entries", "problems", "dry_run", "planned", "removed", "functions",
        "leftovers", "failed", "warnings",
    ]  # fmt: skip
    assert done.document["kind"] == "verify"
    assert done.document["removed"] == planned.document["planned"]
    assert (done.code, left(location)) == (3, "034")  # the unsafe one is a problem still
    unsafe = acache("verify", "--delete-unsafe", "-y", "--cache-dir", location)
    assert (unsafe.code, left(location)) == (0, "04")
    assert "removed 1 entry" in unsafe.stdout
    again = acache("verify", "--delete", "--delete-unsafe", "--cache-dir", location)
    assert (again.code, again.stderr) == (0, "")
    assert again.stdout.endswith("nothing to remove\n")
    assert list((location / "joblib" / "m" / "f").glob("func_code.py"))


def test_verify_delete_without_a_terminal_needs_yes(acache: Acache, location: Path) -> None:
    result = acache("verify", "--delete", "--cache-dir", location)
    assert result.code == 2
    assert "--yes" in result.stderr
    assert "2 entries and 1 leftover" in result.stderr
    assert left(location) == "012345"


def test_verify_allow_and_strict(acache: Acache, location: Path) -> None:
    options = ["--strict", "--json", "--cache-dir", location]
    strict = acache("verify", *options).document["problems"]
    assert [one["kind"] for one in strict if "mine" in one["message"]] == ["unknown-global"]
    assert {one["severity"] for one in strict} == {"problem"}
    allowed = acache("verify", "--allow", "mine.Thing", "--allow", "os.system", *options)
    assert [one["id"][-1] for one in allowed.document["problems"]] == ["1", "2", "5"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--allow", "numpy"], "MODULE.NAME"),
        (["--yes"], "--delete"),
        (["--dry-run"], "--delete"),
        (["--function", "nothing"], "nothing"),
    ],
)
def test_verify_refuses_invalid_options(
    acache: Acache, location: Path, arguments: list[str], says: str
) -> None:
    result = acache("verify", *arguments, "--cache-dir", location)
    assert (result.stdout, result.code) == ("", 2)
    assert says in result.stderr


def test_verify_of_no_store(acache: Acache, tmp_path: Path) -> None:
    result = acache("verify", "--json", "--cache-dir", tmp_path / "none")
    assert (result.code, result.document["entries"]) == (0, 0)
    assert "there is no cache" in result.stderr
    assert acache("verify").code == 2


def test_verify_checks_the_selection_alone(acache: Acache, location: Path) -> None:
    result = acache("verify", f"m.f/{HASHES[1]}", "--json", "--cache-dir", location)
    assert [one["kind"] for one in result.document["problems"]] == ["truncated"]
    other = acache("verify", "--smaller-than", "1", "--json", "--cache-dir", location)
    assert other.document["entries"] == 0


def test_verify_never_deletes_what_it_may_not_read(
    acache: Acache, location: Path, as_nobody: int | None
) -> None:
    for path in (location, *location.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    output = location / "joblib" / "m" / "f" / HASHES[0] / "output.pkl"
    output.chmod(0o000)
    result = acache(
        "verify", f"m.f/{HASHES[0]}", "--delete", "-y", "--json",
        "--cache-dir", location, user=as_nobody,
    )  # fmt: skip
    output.chmod(0o666)
    assert result.code == 3
    [finding] = result.document["problems"]
    assert finding["kind"] == "unreadable"
    assert "Permission denied" in finding["message"]
    assert result.document["planned"]["entries"] == 0
    assert output.exists()


def test_verify_notes_that_entries_are_another_users(
    acache: Acache, location: Path, as_nobody: int | None
) -> None:
    if as_nobody is None:
        pytest.skip("takes root to write as somebody else")
    for path in (location, *location.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    result = acache("verify", "--json", "--cache-dir", location, user=as_nobody)
    assert result.stderr == (
        "acache: note: some entries belong to another user:"
        " reading them may change their last access\n"
    )


def test_verify_ignores_a_write_in_flight(acache: Acache, location: Path) -> None:
    entry = location / "joblib" / "m" / "f" / HASHES[5]
    (entry / f"output.pkl.{'0' * 32}-{os.getpid()}-1").write_bytes(b"half")
    os.utime(entry, (time.time(),) * 2)
    result = acache("verify", f"m.f/{HASHES[5]}", "--json", "--cache-dir", location)
    assert (result.code, result.document["problems"]) == (0, [])


def test_verify_names_failed_writes_at_once_per_function(acache: Acache, tmp_path: Path) -> None:
    code = (
        "import sys, threading, warnings, joblib\n"
        "warnings.simplefilter('ignore')\n"
        "memory = joblib.Memory(sys.argv[1], verbose=0)\n"
        "def f(x): return threading.Lock()\n"
        "def g(x): return threading.Lock()\n"
        "memory.cache(f)(1), memory.cache(f)(2), memory.cache(g)(1)"
    )
    run_python(code, tmp_path / "cache")
    result = acache("verify", "--json", "--cache-dir", "cache")
    assert result.code == 3
    assert [(one["id"].rpartition(".")[2], one["kind"]) for one in result.document["problems"]] == [
        ("f", "missing-output"),
        ("g", "missing-output"),
    ]
    message = result.document["problems"][0]["message"]
    assert message.startswith("joblib failed to store 2 results, and computes them at each call")
    assert acache("verify", "--delete", "--yes", "--cache-dir", "cache").code == 3, "the grace"
    for stray in tmp_path.rglob("output.pkl.*"):
        os.utime(stray, (time.time() - 4000,) * 2)
    assert acache("verify", "--delete", "--yes", "--cache-dir", "cache").code == 0
    assert acache("verify", "--cache-dir", "cache").code == 0
