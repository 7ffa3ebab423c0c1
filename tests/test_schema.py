"""What every command prints as JSON is what its schema says, in all of its forms."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from acache.render.json.document import iso
from tests.helpers.marks import needs_links
from tests.helpers.processes import Result
from tests.helpers.stores import write_entry

ROOT = Path(__file__).parents[1]
SCHEMAS = {
    file.stem: Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))
    for file in (ROOT / "docs" / "schema").glob("*.json")
}
KINDS = (
    *("stats", "ls", "show", "find", "clear", "prune", "compress", "copy", "bench", "run", "why"),
    *("simulate", "doctor", "verify", "config"),
)
HASH = "0123456789abcdef" * 2
HPSS = "librosa.decompose.hpss"


def conforms(kind: str, document: Any) -> None:
    problems = [error.message for error in SCHEMAS[kind].iter_errors(document)]
    assert problems == []


@pytest.fixture
def told(acache: Callable[..., Result], librosa_location: Path) -> Callable[..., Any]:
    """Run a command on a store, and hold its document against the schema."""

    def run(*words: str | Path, code: int = 0, at: Path = librosa_location) -> Any:
        done = acache(*words, "--json", "--cache-dir", at)
        assert done.code == code, done.stderr
        conforms(str(words[0]), done.document)
        return done.document

    return run


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Make a store that lacks records, levels, a source, and has leftovers and what is unsafe."""
    location = tmp_path / "odd"
    folder = location / "joblib" / "package" / "f"
    write_entry(folder, HASH, output=b"cos\nsystem\n.")
    write_entry(folder, HASH[::-1], metadata=b"{")
    write_entry(folder, "0" * 32, duration=None)
    (folder / HASH / "output.pkl.thread-1-pid-1").write_bytes(b"part")
    (folder / "func_code.py").write_text("# first line: 1\ndef f(x):\n    return x\n")
    write_entry(location / "joblib" / "package" / "lost", HASH)
    return location


def test_documents_all_have_a_schema_and_the_schemas_are_sound() -> None:
    assert set(SCHEMAS) == {*KINDS, "ls-line"}
    for validator in SCHEMAS.values():
        Draft202012Validator.check_schema(validator.schema)


def test_schemas_and_their_page_are_as_generated(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "tools" / "schemas.py", tmp_path], check=True)
    made = {file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("*.*")}
    assert len(made) == len(SCHEMAS) + 1
    for name, content in made.items():
        kept = (ROOT / "docs" / name).read_bytes().replace(b"\r\n", b"\n")
        assert kept == content, f"docs/{name} is out of date; run make docs"


def test_stats(told: Callable[..., Any], odd: Path, tmp_path: Path) -> None:
    assert told("stats")["total"]["entries"]
    assert told("stats", "--by", "module", "--no-cost")["modules"]
    assert told("stats", "--level", "none")["total"]["oldest"] is None
    assert told("stats", at=odd)["leftovers"]["files"] == 1
    assert not told("stats", at=tmp_path / "missing")["exists"]


def test_ls(told: Callable[..., Any], odd: Path, tmp_path: Path) -> None:
    assert told("ls")["entries"]
    assert "args" in told("ls", "--args", "--limit", "3")["entries"][0]
    assert any("args" not in entry for entry in told("ls", "--args", at=odd)["entries"])
    assert told("ls", at=tmp_path / "missing")["entries"] == []


@pytest.mark.parametrize("option", ["--sort=time", "--args", "--level=none"])
def test_line_of_ls(acache: Callable[..., Result], odd: Path, option: str) -> None:
    lines = acache("ls", "--jsonl", option, "--cache-dir", odd).stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        conforms("ls-line", json.loads(line))


def test_show(told: Callable[..., Any], acache: Callable[..., Result], odd: Path) -> None:
    assert told("show", HPSS)["source"]
    assert told("show", "package.lost", at=odd)["source"] is None
    entries = told("ls", "--function", "librosa.*")["entries"]
    for function in {entry["function"]: entry["id"] for entry in entries}.values():
        told("show", function)
    assert told("show", f"package.f/{HASH}", at=odd)["value"] is not None
    assert told("show", f"package.f/{'0' * 32}", at=odd)["value"] is None


def test_show_of_a_source_that_is_another(told: Callable[..., Any], drifted: Path) -> None:
    assert told("show", "drifted.changed", at=drifted)["installed_source"]


def test_clear(told: Callable[..., Any], odd: Path, tmp_path: Path) -> None:
    assert told("clear", "--level", "30", "--dry-run")["planned"]["entries"]
    assert told("clear", "--all", "--grace", "0s", "--yes", at=odd)["removed"]["entries"] == 4
    assert told("clear", "--all", "--yes", at=odd)["planned"]["entries"] == 0
    assert not told("clear", "--all", at=tmp_path / "missing")["dry_run"]


def test_compress(told: Callable[..., Any], odd: Path) -> None:
    assert told("compress", "--all", "--method", "zlib", "--dry-run")["compressed"]["entries"]
    assert told("compress", "--all", "--method", "none", at=odd)["kept"]["same"] == 4
    output = next(odd.rglob("output.pkl"))
    output.write_bytes(b"\x1f\x8bx")
    assert told("compress", "--all", "--method", "none", at=odd, code=1)["failed"]


def test_copy(told: Callable[..., Any], odd: Path, librosa_location: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    assert told("copy", librosa_location, archive, "--dry-run")["copied"]["entries"]
    assert told("copy", odd, archive, code=1)["left_out"]
    document = told("copy", archive, tmp_path / "target", code=1)
    assert document["refused"]
    assert told("copy", archive, tmp_path / "target", "--allow-unsafe")["functions"]
    damaged = tmp_path / "b.tar"
    damaged.write_bytes(archive.read_bytes()[:-1024])
    assert told("copy", damaged, tmp_path / "target", code=1)["failed"]


def test_prune(told: Callable[..., Any], odd: Path, tmp_path: Path) -> None:
    for policy in ("lru", "oldest", "largest", "cost"):
        assert told("prune", "--max-items", "1", "--policy", policy, "-n")["planned"]["entries"]
    assert told("prune", "--max-items", "1", "--yes", at=odd)["removed"]["entries"] == 3
    assert told("prune", "--max-size", "1TB", at=odd)["functions"] == []
    told("prune", "--max-size", "0", at=tmp_path / "missing")


@pytest.fixture
def locked(tmp_path: Path, as_nobody: int | None) -> Iterator[Path]:
    """Make a store from which nothing can be removed."""
    folder = tmp_path / "locked" / "joblib" / "package" / "f"
    entry = write_entry(folder, HASH)
    (folder / "func_code.py").write_text("# first line: 1\ndef f(x):\n    return x\n")
    entry.chmod(0o555)
    yield tmp_path / "locked"
    entry.chmod(0o755)


@pytest.mark.parametrize("command", [["clear", "--all"], ["prune", "--max-items", "0"]])
def test_deletion_that_fails(
    acache: Callable[..., Result], locked: Path, as_nobody: int | None, command: list[str]
) -> None:
    done = acache(*command, "--yes", "--json", "--cache-dir", locked, user=as_nobody)
    assert done.code == 1
    conforms(command[0], done.document)
    assert done.document["failed"]


def test_verify(told: Callable[..., Any], odd: Path, tmp_path: Path) -> None:
    assert told("verify")["problems"] == []
    found = told("verify", code=3, at=odd)["problems"]
    assert {"unsafe-pickle", "missing-source", "bad-metadata"} <= {one["kind"] for one in found}
    assert "planned" in told("verify", "--delete", "--dry-run", code=3, at=odd)
    told("verify", "--delete", "--delete-unsafe", "--yes", code=3, at=odd)
    assert told("verify", at=tmp_path / "missing")["entries"] == 0


@needs_links
def test_verify_of_what_is_foreign(told: Callable[..., Any], odd: Path) -> None:
    (odd / "joblib" / "link").symlink_to(odd)
    told("verify", "--strict", code=3, at=odd)


def test_config_and_doctor(
    told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, odd: Path
) -> None:
    told("config")
    assert any(check["fix"] for check in told("doctor", code=3, at=odd)["checks"])
    told("doctor", at=tmp_path / "missing")
    for name, raw in (("LEVEL", "high"), ("MMAP", "r"), ("COMPRESS", "1"), ("MAX_SIZE", "10GB")):
        monkeypatch.setenv(f"LIBROSA_CACHE_{name}", raw)
    monkeypatch.setenv("LIBROSA_CACHE_MAX_AGE", "1.5d")
    assert not all(setting["ok"] for setting in told("config")["settings"])
    assert told("stats")["level"] is None
    told("doctor", code=3)


LEVELLED = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import acache
@acache.cache(level=20)
def f(x):
    return x
print(f(len(sys.argv)))
"""


def test_run_and_bench(acache: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(LEVELLED)
    run = ("run", "--why", "--export-json", "run.json", "--cache-dir", tmp_path / "cache")
    assert acache(*run, "--level", "30", "script.py").code == 0
    document = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    conforms("run", document)
    assert document["functions"]
    at = ("--json", "--cache-dir", tmp_path / "cache")
    conforms("stats", acache("stats", "--calls", *at).document)
    conforms("find", acache("find", tmp_path, "--json").document)
    acache("run", "--cache-dir", tmp_path / "cache", "--level", "30", "script.py")
    why, simulated = acache("why", *at).document, acache("simulate", *at).document
    conforms("why", why)
    conforms("simulate", simulated)
    assert why["misses"]
    assert simulated["recommended"]
    few = acache(
        "bench", "--runs", "1", "--warmup", "0", "--levels", "10,30", "--json", "script.py"
    )
    conforms("bench", few.document)
    assert few.document["off"]["mad"] is None
    bench = ("bench", "--runs", "3", "--warmup", "0", "--levels", "10,30")
    acache(*bench, "--export-json", "bench.json", "script.py")
    document = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    conforms("bench", document)
    compared = acache(*bench, "--compare", "bench.json", "--json", "script.py").document
    conforms("bench", compared)
    assert [one["level"] for one in compared["comparison"]] == [None, 10, 30]
    none, some = document["levels"]
    assert (none["speedup_ci"], len(some["speedup_ci"])) == (None, 2)


def test_script_that_was_killed(acache: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    run = ("run", "--export-json", "run.json", "--cache-dir", tmp_path / "cache")
    assert acache(*run, "script.py").code == (15 if os.name == "nt" else 128 + 15)
    conforms("run", json.loads((tmp_path / "run.json").read_text(encoding="utf-8")))


def a_key_more(document: dict[str, Any]) -> Any:
    return {**document, "extra": 1}


def a_key_less(document: dict[str, Any]) -> Any:
    return {key: value for key, value in document.items() if key != "warnings"}


def another_kind(document: dict[str, Any]) -> Any:
    return {**document, "kind": "other"}


def a_size_as_text(document: dict[str, Any]) -> Any:
    return {**document, "total": {**document["total"], "size_bytes": "5 MB"}}


def a_negative_count(document: dict[str, Any]) -> Any:
    return {**document, "total": {**document["total"], "entries": -1}}


def a_local_time(document: dict[str, Any]) -> Any:
    return {**document, "total": {**document["total"], "oldest": "2026-11-22 21:05:14 +0100"}}


def something_more_in_a_row(document: dict[str, Any]) -> Any:
    first, *others = document["functions"]
    return {**document, "functions": [{**first, "extra": 1}, *others]}


@pytest.mark.parametrize(
    "spoil",
    [
        a_key_more,
        a_key_less,
        another_kind,
        a_size_as_text,
        a_negative_count,
        a_local_time,
        something_more_in_a_row,
    ],
)
def test_wrong_document_is_found(
    told: Callable[..., Any], spoil: Callable[[dict[str, Any]], Any]
) -> None:
    wrong = spoil(told("stats"))
    assert list(SCHEMAS["stats"].iter_errors(wrong))


def test_schemas_times_are_those_that_are_written() -> None:
    moment = SCHEMAS["ls-line"].schema["properties"]["created"]["pattern"]
    assert re.search(moment, str(iso(1.5)))
    assert re.search(moment, str(iso(1e30)))
