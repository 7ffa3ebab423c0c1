"""``acache prune``: limits from the line or the environment, made for cron."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import PATIENCE_SECONDS, Result
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Ten entries of 4 blocks and more, each used a day before the next."""
    now = time.time()
    for number in range(10):
        function = tmp_path / "joblib" / "m" / f"f{number % 2}"
        entry = write_entry(function, f"{number}" * 32, output=b"x" * 10_000, duration=number + 1.0)
        os.utime(entry / "output.pkl", (now - (10 - number) * 86_400, now - 100 * 86_400))
    return tmp_path


def left(location: Path) -> str:
    return "".join(sorted(path.parent.name[0] for path in location.rglob("output.pkl")))


def test_prune_json_is_as_documented(acache: Acache, location: Path) -> None:
    result = acache("prune", "--max-items", "4", "--json", "-n", "--cache-dir", location)
    assert (result.code, result.stderr) == (0, "")
    document = result.document
    assert list(document) == [
        "schema", "kind", "dry_run", "planned", "removed", "functions", "leftovers", "failed",
        "warnings",
    ]  # fmt: skip
    assert (document["kind"], document["dry_run"]) == ("prune", True)
    assert document["planned"]["entries"] == 6
    assert document["planned"]["compute_seconds"] == 21.0
    assert [row["entries"] for row in document["functions"]] == [3, 3]
    assert left(location) == "0123456789"


@pytest.mark.parametrize(
    ("options", "stay"),
    [
        (["--max-items", "4"], "6789"),
        (["--max-items", "0"], ""),
        (["--max-items", "10"], "0123456789"),
        (["--max-age", "3d12h"], "789"),
        (["--max-size", "25kB", "--apparent-size"], "89"),
        (["--max-size", "0"], ""),
        (["--max-age", "3d12h", "--max-items", "5"], "789"),
        (["--max-items", "4", "--policy", "cost"], "6789"),
        (["--max-items", "4", "--policy", "largest"], "3579"),  # equal ones go by their ids
        (["--max-items", "4", "--policy", "oldest"], "3579"),
        (["--min-free", "0"], "0123456789"),
    ],
)
def test_prune_keeps_limits(acache: Acache, location: Path, options: list[str], stay: str) -> None:
    result = acache("prune", *options, "-y", "--cache-dir", location)
    assert (result.stderr, result.code) == ("", 0)
    assert left(location) == stay
    assert ("removed " in result.stdout) == (len(stay) < 10)
    again = acache("prune", *options, "--cache-dir", location)
    assert again.code == 0
    assert again.stdout.startswith("nothing to remove")


def test_prune_half_life_decides_between_costly_and_fresh(acache: Acache, location: Path) -> None:
    """Entry 9 was used 9 days after entry 0, and took 10 s where that took 1 s."""
    costly = location / "joblib" / "m" / "f0" / ("0" * 32) / "metadata.json"
    costly.write_text(costly.read_text().replace('"duration": 1.0', '"duration": 50.0'))
    options = ["--max-items", "1", "--policy", "cost", "-n", "--json", "--cache-dir", location]
    for half_life, stays in (("1d", "m.f1"), ("1000d", "m.f0")):
        document = acache("prune", "--half-life", half_life, *options).document
        fewer = min(document["functions"], key=lambda row: row["entries"])
        assert fewer["function"] == stays


def test_prune_keeps_limits_of_the_environment(acache: Acache, location: Path) -> None:
    env = {"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_MAX_ITEMS": "7"}
    assert acache("prune", "-q", "-y", env=env) == ("", "", 0)
    assert left(location) == "3456789"
    env |= {"LIBROSA_CACHE_MAX_AGE": "5d12h", "LIBROSA_CACHE_MAX_SIZE": "1GB"}
    assert acache("prune", "-q", "-y", env=env) == ("", "", 0)
    assert left(location) == "56789"
    assert acache("prune", "-q", "-y", "--max-items", "5", env=env) == ("", "", 0)
    assert left(location) == "56789"
    assert acache("prune", "-q", env=env) == ("", "", 0)


def test_prune_goes_by_the_policy_of_the_environment(acache: Acache, location: Path) -> None:
    env = {"LIBROSA_CACHE_DIR": str(location), "LIBROSA_CACHE_POLICY": "largest"}
    assert acache("prune", "-q", "-y", "--max-items", "5", env=env) == ("", "", 0)
    assert left(location) == "13579"
    assert acache("prune", "-q", "-y", "--max-items", "2", "--policy", "lru", env=env).code == 0
    assert left(location) == "79"


def test_prune_keeps_limits_of_another_library(acache: Acache, location: Path) -> None:
    env = {"MY_CACHE_DIR": str(location), "MY_CACHE_MAX_ITEMS": "2"}
    assert acache("prune", "-q", "-y", "--env-prefix", "MY", env=env).code == 0
    assert left(location) == "89"


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        ([], {}, "LIBROSA_CACHE_MAX_SIZE"),
        ([], {"LIBROSA_CACHE_MAX_SIZE": "5XB"}, "LIBROSA_CACHE_MAX_SIZE='5XB'"),
        ([], {"LIBROSA_CACHE_MAX_ITEMS": "-1", "LIBROSA_CACHE_MAX_AGE": "1d"}, "'-1'"),
        (["--max-size", "-1"], {}, "'-1'"),
        (["--max-size", ""], {}, "--max-size"),
        (["--max-size", "1e400"], {}, "'1e400'"),
        (["--max-age", "5"], {}, "'5'"),
        (["--max-items", "-1"], {}, "--max-items"),
        (["--max-items", "1.5"], {}, "--max-items"),
        (["--max-items", "1", "--policy", "fifo"], {}, "'fifo'"),
        (["--max-items", "1", "--half-life", "1d"], {}, "--policy cost"),
        (["--max-items", "1", "--policy", "cost", "--half-life", "0s"], {}, "half-life"),
        (["m.f0/0"], {}, "m.f0/0"),
        (["--max-items", "1"], {"LIBROSA_CACHE_POLICY": "fifo"}, "LIBROSA_CACHE_POLICY='fifo'"),
    ],
)
def test_prune_refuses_invalid_options_in_one_line(
    acache: Acache, location: Path, arguments: list[str], env: dict[str, str], says: str
) -> None:
    result = acache("prune", "-y", *arguments, "--cache-dir", location, env=env)
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("acache: error: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert left(location) == "0123456789"


def test_prune_fails_if_it_cannot_make_room(acache: Acache, location: Path) -> None:
    result = acache("prune", "--min-free", "8000T", "-n", "--cache-dir", location)
    assert result.code == 1
    assert "bytes too few would be free even without any entry" in result.stderr


def test_prune_fails_if_an_entry_cannot_be_removed(
    acache: Acache, location: Path, as_nobody: int | None
) -> None:
    for path in (location, *location.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    held = location / "joblib" / "m" / "f0" / ("0" * 32)
    held.chmod(0o555)
    if as_nobody is not None:
        os.chown(held, 0, 0)
    result = acache("prune", "--max-items", "8", "-y", "--cache-dir", location, user=as_nobody)
    held.chmod(0o755)
    assert result.code == 1
    assert result.stderr == f"acache: error: {held}: Permission denied\n"
    assert left(location) == "023456789"


@pytest.mark.skipif(os.name == "nt", reason="blocks are POSIX")
def test_prune_counts_a_shared_file_for_each_entry(acache: Acache, tmp_path: Path) -> None:
    function = tmp_path / "joblib" / "f"
    first = write_entry(function, "0" * 32, output=b"x" * 1_000_000)
    second = write_entry(function, "1" * 32)
    (second / "output.pkl").unlink()
    os.link(first / "output.pkl", second / "output.pkl")
    assert acache("prune", "--max-size", "500kB", "-q", "-y", "--cache-dir", tmp_path).code == 0
    assert left(tmp_path) == ""


def test_prune_quiet_prints_nothing(acache: Acache, location: Path) -> None:
    env = {"LIBROSA_CACHE_COMPRESS": "1"}
    options = ["prune", "--max-age", "2h", "-q", "-y", "--cache-dir"]
    assert acache(*options, location, env=env) == ("", "", 0)
    assert acache(*options, location / "none", env=env) == ("", "", 0)


def test_prune_json_says_why_it_failed(acache: Acache, location: Path) -> None:
    result = acache("prune", "--min-free", "8000T", "-n", "--json", "--cache-dir", location)
    assert result.code == 1
    assert "bytes too few" in result.document["warnings"][0]


def test_prune_notes_that_access_times_are_exact_to_a_day(acache: Acache, location: Path) -> None:
    assert "once a day" in acache("prune", "--max-age", "2h", "-n", "--cache-dir", location).stderr


def test_prunes_at_once_agree(tmp_path: Path) -> None:
    now = time.time()
    for number in range(900):
        function = tmp_path / "joblib" / "m" / f"f{number % 3}"
        entry = write_entry(function, f"{number:032x}")
        os.utime(entry / "output.pkl", (now - number * 60, now))
    command = [sys.executable, "-m", "acache", "prune", "--max-items", "100", "-y", "--json"]
    prunes = [
        subprocess.Popen(
            [*command, "--cache-dir", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [prune.communicate(timeout=PATIENCE_SECONDS) for prune in prunes]
    assert [prune.returncode for prune in prunes] == [0, 0, 0]
    assert [error for _, error in outputs] == ["", "", ""]
    kept = {path.parent.name for path in tmp_path.rglob("output.pkl")}
    assert kept == {f"{number:032x}" for number in range(100)}
    import json

    assert sum(json.loads(text)["removed"]["entries"] for text, _ in outputs) == 800
