"""``acache doctor``: its document, its page, its exit code."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from acache.operations.doctor.registry import CHECKS
from tests.helpers.marks import needs_posix
from tests.helpers.processes import Result, run_line
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]
IDS = [check.id for check in CHECKS]
ILL = {"LIBROSA_CACHE_COMPRESS": "1", "LIBROSA_CACHE_VERBOSE": "-1"}


def test_doctor_json_is_as_documented(acache: Acache, drifted: Path) -> None:
    result = acache("doctor", "--json", "--cache-dir", drifted, env=ILL)
    assert (result.stderr, result.code) == ("", 3)
    document = result.document
    assert list(document) == ["schema", "kind", "checks"]
    assert (document["schema"], document["kind"]) == (1, "doctor")
    assert [check["id"] for check in document["checks"]] == IDS
    assert {"cache-dir", "level", "mmap", "compress", "verbose", "permissions", "access-times",
            "free-space", "inodes", "leftovers", "stale", "sources"} <= {*IDS}  # fmt: skip
    for check in document["checks"]:
        assert list(check) == ["id", "status", "message", "fix"]
        assert check["status"] in ("ok", "warning", "problem")
        assert (check["fix"] is None) or check["status"] != "ok"
    told = {check["id"]: (check["status"], check["fix"]) for check in document["checks"]}
    assert told["compress"] == ("problem", "export LIBROSA_CACHE_COMPRESS=zlib")
    assert told["verbose"] == ("warning", "unset LIBROSA_CACHE_VERBOSE")
    assert told["stale"] == ("warning", f"acache clear --stale --cache-dir {drifted}")
    assert told["level"] == ("ok", None)


def test_doctor_warnings_alone_are_no_problem(acache: Acache) -> None:
    result = acache("doctor")
    assert (result.stderr, result.code) == ("", 0)
    assert "caching is off" in result.stdout
    assert result.stdout.endswith(f"{len(IDS)} checks: 1 warning\n")


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_doctor_table_fits_the_terminal(acache: Acache, drifted: Path, columns: int) -> None:
    env = {**ILL, "LIBROSA_CACHE_DIR": str(drifted), "COLUMNS": str(columns)}
    result = acache("doctor", env=env)
    assert (result.stderr, result.code) == ("", 3)
    lines = result.stdout.splitlines()
    assert [line.split()[1] for line in lines if line[:1].isalpha()] == IDS
    fixes = [line.strip() for line in lines if line.strip().startswith("$ ")]
    assert "$ acache clear --stale" in fixes, "what is to be copied is whole"
    assert all(len(line) <= columns for line in lines if line.strip() not in fixes)
    assert lines[-1].startswith(f"{len(IDS)} checks: 1 problem and ")


def test_doctor_in_ascii_and_without_colour(acache: Acache, drifted: Path) -> None:
    result = acache("doctor", "--cache-dir", drifted, env={"PYTHONIOENCODING": "ascii"})
    assert result.stdout.isascii()
    assert "\x1b" not in result.stdout


def test_doctor_fixes_mean_the_same_cache(acache: Acache, tmp_path: Path) -> None:
    location = tmp_path / "a place"
    write_entry(location / "joblib" / "m" / "f", "0" * 32)
    result = acache("doctor", "--json", "--cache-dir", location, "--env-prefix", "MY")
    [check] = [c for c in result.document["checks"] if c["id"] == "sources"]
    name, *arguments = shlex.split(check["fix"])
    assert (name, result.code) == ("acache", 3)
    assert acache(*arguments, "--yes").code == 0
    assert not list(location.rglob("output.pkl"))
    again = acache("doctor", "--json", "--cache-dir", location, "--env-prefix", "MY")
    [check] = [c for c in again.document["checks"] if c["id"] == "sources"]
    assert check["status"] == "ok"


@needs_posix
def test_doctor_fix_of_one_function_clears_no_other(acache: Acache, tmp_path: Path) -> None:
    without, others = {"m/f", "m[1]/f", " f"}, {"pkg/m/f", "m1/f", "m.f", "f"}
    for name in without | others:
        write_entry(tmp_path / "joblib" / name, "0" * 32)
    for name in others:
        (tmp_path / "joblib" / name / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    document = acache("doctor", "--json", "--cache-dir", tmp_path).document
    [check] = [c for c in document["checks"] if c["id"] == "sources"]
    run_line(check["fix"])
    left = {path.parents[1].relative_to(tmp_path / "joblib") for path in tmp_path.rglob("*.pkl")}
    assert left == set(map(Path, others))


@needs_posix
@pytest.mark.parametrize(
    "name", [b"a b'\"$c", b"line\nbreak", b"\x1b[2J\\1", b"\xff\xfe7", "ä\u200b".encode()]
)
def test_doctor_fixes_of_unusual_paths_run_in_bash(
    acache: Acache, tmp_path: Path, name: bytes
) -> None:
    location = tmp_path / os.fsdecode(name)
    try:
        write_entry(location / "joblib" / "m" / os.fsdecode(name), "0" * 32)
    except OSError:
        pytest.skip("this file system takes no such names")
    result = acache("doctor", "--cache-dir", location)
    assert "\x1b" not in result.stdout
    [line] = [line for line in result.stdout.splitlines() if "$ acache clear" in line]
    run_line(line.partition("$ ")[2])
    assert not list(location.rglob("output.pkl"))
    again = acache("doctor", "--json", "--cache-dir", location).document
    [check] = [c for c in again["checks"] if c["id"] == "sources"]
    assert check["status"] == "ok"


def test_doctor_escapes_names(acache: Acache, tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "evil\x1b[2J", "0" * 32)
    result = acache("doctor", "--cache-dir", tmp_path)
    assert result.code == 3
    assert "\x1b" not in result.stdout
    assert r"evil\x1b[2J" in result.stdout


def test_doctor_writes_nothing(acache: Acache, drifted: Path) -> None:
    before = sorted((p, p.stat().st_mtime_ns) for p in drifted.rglob("*"))
    acache("doctor", "--cache-dir", drifted)
    assert sorted((p, p.stat().st_mtime_ns) for p in drifted.rglob("*")) == before
