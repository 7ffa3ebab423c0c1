"""``acache ls``: every format tells the same, in the order that was asked for."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.processes import Result
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]
HASHES = [digit * 32 for digit in "0369cf"]
KEYS = [
    "id", "function", "hash", "level", "size_bytes", "disk_bytes", "created", "last_access",
    "compute_seconds",
]  # fmt: skip
NOW = 1_700_000_000


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Six entries that differ in each order."""
    for number, argument_hash in enumerate(HASHES):
        function = tmp_path / "joblib" / "m" / f"f{number % 2}"
        metadata = json.dumps(
            {
                "duration": [5.0, 0.5, 3.0, 2.0, 4.0, 1.5][number],
                "input_args": {"n": str(number), "y": "array([1.,\n       2.])", "w": "'hann'"},
                "time": 1.0,
            }
        ).encode()
        entry = write_entry(
            function,
            argument_hash,
            output=b"x" * [3, 60_000, 2_000, 9_000, 1, 30_000][number],
            metadata=metadata,
        )
        used, written = [4, 1, 6, 2, 5, 3][number], [2, 5, 1, 6, 3, 4][number]
        os.utime(entry / "output.pkl", (NOW - used * 86_400, NOW - written * 86_400))
        source = f"# first line: 1\n@cache(level={10 * (number % 2 + 1)})\ndef f(): ...\n"
        (function / "func_code.py").write_text(source)
    return tmp_path


def test_ls_json_is_as_documented(acache: Acache, librosa_location: Path) -> None:
    result = acache("ls", "--json", "--cache-dir", librosa_location)
    assert (result.code, result.stderr) == (0, "")
    document = result.document
    assert list(document) == ["schema", "kind", "entries", "total", "warnings"]
    assert (document["schema"], document["kind"]) == (1, "ls")
    ids = [entry["id"] for entry in document["entries"]]
    assert ids == sorted(ids)
    outputs = list(librosa_location.rglob("output.pkl"))
    assert len(ids) == len(outputs) == document["total"]["entries"]
    for entry in document["entries"]:
        assert list(entry) == KEYS
        assert entry["id"] == f"{entry['function']}/{entry['hash']}"
        folder = librosa_location / "joblib" / Path(*entry["function"].split(".")) / entry["hash"]
        assert entry["size_bytes"] == sum(f.stat().st_size for f in folder.iterdir())
        assert entry["compute_seconds"] == json.loads(
            (folder / "metadata.json").read_bytes()
        )["duration"]  # fmt: skip
    stats = acache("stats", "--json", "--cache-dir", librosa_location).document["total"]
    seconds = stats.pop("compute_seconds")
    assert document["total"].pop("compute_seconds") == pytest.approx(seconds)
    assert document["total"] == stats


def rows_of(acache: Acache, location: Path, *options: str) -> list[dict[str, object]]:
    return list(acache("ls", "--json", *options, "--cache-dir", location).document["entries"])


def test_ls_formats_agree(acache: Acache, location: Path) -> None:
    rows = rows_of(acache, location, "--args", "--sort", "size")
    lines = acache("ls", "--jsonl", "--args", "--sort", "size", "--cache-dir", location).stdout
    assert [json.loads(line) for line in lines.splitlines()] == rows
    text = acache("ls", "--csv", "--args", "--sort", "size", "--cache-dir", location).stdout
    table = list(csv.DictReader(io.StringIO(text)))
    assert list(table[0]) == [*KEYS, "args"]
    for cells, row in zip(table, rows, strict=True):
        assert json.loads(cells.pop("args")) == row["args"]
        assert cells == {key: str(row[key]) for key in KEYS}
    ids = acache("ls", "-q", "--sort", "size", "--cache-dir", location).stdout
    assert ids.splitlines() == [row["id"] for row in rows]
    human = acache("ls", "--sort", "size", "--cache-dir", location).stdout
    assert re.findall(r"m\.f\d/[0-9a-f]{8}$", human, re.MULTILINE) == [
        str(row["id"])[:13] for row in rows
    ]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("size", [1, 5, 3, 2, 0, 4]),
        ("created", [2, 0, 4, 5, 1, 3]),
        ("used", [1, 3, 5, 0, 4, 2]),
        ("time", [0, 4, 2, 3, 5, 1]),
        ("name", [0, 2, 4, 1, 3, 5]),
    ],
)
def test_ls_sorts(acache: Acache, location: Path, sort: str, order: list[int]) -> None:
    expected = [HASHES[number] for number in order]
    assert [row["hash"] for row in rows_of(acache, location, "--sort", sort)] == expected
    first = rows_of(acache, location, "--sort", sort, "--limit", "2")
    assert [row["hash"] for row in first] == expected[:2]
    last = rows_of(acache, location, "--sort", sort, "--reverse", "--limit", "4")
    assert [row["hash"] for row in last] == expected[::-1][:4]


def test_ls_limit_cuts_rows_and_not_the_total(acache: Acache, location: Path) -> None:
    options = ["--sort", "size", "--limit", "2", "--cache-dir", location]
    document = acache("ls", "--json", *options).document
    assert (len(document["entries"]), document["total"]["entries"]) == (2, 6)
    assert document["total"]["compute_seconds"] == 16.0
    human = acache("ls", *options).stdout
    assert "6 entries, " in human
    assert "; 2 shown\n" in human


def test_ls_limit_reads_times_of_the_shown_entries_alone(acache: Acache, location: Path) -> None:
    (location / "joblib" / "m" / "f0" / HASHES[0] / "metadata.json").write_bytes(b"broken")
    result = acache("ls", "--sort", "size", "--limit", "1", "--cache-dir", location)
    assert (result.code, result.stderr) == (0, "")
    assert "0.5 s" in result.stdout
    assert "cannot read" in acache("ls", "--cache-dir", location).stderr


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (["--level", "20"], [1, 3, 5]),
        (["--level", "20", "--level", "10"], [0, 1, 2, 3, 4, 5]),
        (["--level", ">=15", "--smaller-than", "20k"], [3]),
        (["--function", "f0"], [0, 2, 4]),
        (["--larger-than", "2k"], [1, 2, 3, 5]),
        (["--arg", "n=3"], [3]),
        (["--arg", "n=3", "--arg", "n=[01]"], [0, 1, 3]),
        (["--arg", "w=h*", "--function", "m.f1"], [1, 3, 5]),
        ([f"m.f0/{HASHES[2]}", "m/f1/f"], [2, 5]),
        (["--level", "none"], []),
        (["--older-than", "1w"], [0, 1, 2, 3, 4, 5]),
    ],
)
def test_ls_stats_and_clear_select_alike(
    acache: Acache, location: Path, selection: list[str], numbers: list[int]
) -> None:
    rows = rows_of(acache, location, *selection)
    assert {row["hash"] for row in rows} == {HASHES[number] for number in numbers}
    stats = acache("stats", "--json", *selection, "--cache-dir", location).document
    assert stats["total"]["entries"] == len(numbers)
    whole = acache("stats", "--json", "--cache-dir", location).document
    assert stats["disk"] == whole["disk"]
    assert stats["other"] == whole["other"]
    planned = acache("clear", "--json", "-n", *selection, "--cache-dir", location).document
    assert planned["planned"]["entries"] == len(numbers)


def test_ls_streams_unless_sorted(acache: Acache, location: Path) -> None:
    lines = acache("ls", "--jsonl", "--limit", "3", "--cache-dir", location).stdout
    assert len(lines.splitlines()) == 3
    stored = acache("ls", "-q", "--cache-dir", location).stdout.splitlines()
    assert sorted(stored) == [row["id"] for row in rows_of(acache, location)]


def test_ls_args_are_below_each_entry(acache: Acache, location: Path) -> None:
    table = acache("ls", "--args", "--limit", "1", "--cache-dir", location).stdout
    assert "       n=0, y=array([1., 2.]), w='hann'\n" in table


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_ls_table_fits(acache: Acache, librosa_location: Path, width: int) -> None:
    env = {"COLUMNS": str(width)}
    for options in ([], ["--args"], ["--sort", "created"]):
        table = acache("ls", *options, "--cache-dir", librosa_location, env=env).stdout
        assert max(map(len, table.splitlines())) <= max(width, 21)


def test_ls_shows_the_sorted_column(acache: Acache, location: Path) -> None:
    for sort, title in [("created", "age"), ("size", "size"), ("used", "unused"), ("disk", "disk")]:
        table = acache("ls", "--sort", sort, "--cache-dir", location, env={"COLUMNS": "60"}).stdout
        assert title in table.splitlines()[0], sort


def test_ls_ids_are_read_by_clear(acache: Acache, location: Path) -> None:
    acache_ = f'"{sys.executable}" -m acache'
    command = (
        f'{acache_} ls -q --function f0 --cache-dir "{location}"'
        f' | {acache_} clear - -y -q --cache-dir "{location}"'
    )
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert {row["function"] for row in rows_of(acache, location)} == {"m.f1"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_ls_ids_of_unprintable_names_are_read_by_clear(acache: Acache, tmp_path: Path) -> None:
    store = tmp_path / "joblib"
    for name in ("\x1b[31mred", "new\nline", os.fsdecode(b"b\xffd"), "müll"):
        write_entry(store / name, HASHES[0])
    ids = acache("ls", "-q", "--cache-dir", tmp_path).stdout
    assert len(ids.splitlines()) == 4
    assert "\x1b" not in ids
    for options in ([], ["--csv"], ["--jsonl"], ["--json"]):
        assert "\x1b" not in acache("ls", *options, "--cache-dir", tmp_path).stdout
    done = subprocess.run(
        [sys.executable, "-m", "acache", "clear", "-", "-y", "--cache-dir", str(tmp_path)],
        input=ids.encode(),
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert b"\x1b" not in done.stdout
    assert not list(store.rglob("output.pkl"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--json", "-q"], "only one of"),
        (["--csv", "--jsonl"], "only one of"),
        (["-q", "--args"], "combined with --args"),
        (["--sort", "luck"], "'luck'"),
        (["--limit", "0"], "--limit"),
        (["--level", "high"], "'high'"),
        (["--level", "33"], "choose from 10, 20"),
        (["--level", ""], "--level"),
        (["--function", "f3"], "the nearest: m.f1, m.f0"),
        (["--function", ""], "--function"),
        (["--older-than", "-1"], "'-1'"),
        (["--unused-for", "1e400d"], "'1e400d'"),
        (["--larger-than", "5XB"], "'5XB'"),
        (["--smaller-than", ""], "--smaller-than"),
        (["--arg", "n"], "'n'"),
        (["--larger-than", "2MB", "--smaller-than", "1MB"], "contradict"),
        (["f0"], "--function"),
        (["f0/0123456789"], "no such entry"),
    ],
)
def test_selections_that_are_not_valid_get_one_line(
    acache: Acache, location: Path, arguments: list[str], says: str
) -> None:
    for command in (["ls"], ["clear", "-n"], ["stats"]):
        if command != ["ls"] and arguments[0] in ("--json", "--csv", "-q", "--sort", "--limit"):
            continue
        result = acache(*command, *arguments, "--cache-dir", location)
        assert (result.stdout, result.code) == ("", 2)
        assert result.stderr.startswith("acache: error: ")
        assert result.stderr.count("\n") == 1
        assert says in result.stderr


def test_ls_of_no_store_is_empty(acache: Acache, tmp_path: Path) -> None:
    for selection in ([], ["--function", "stft"], ["--level", "33"]):
        result = acache("ls", "--json", *selection, "--cache-dir", tmp_path / "none")
        assert result.code == 0
        assert (result.document["entries"], result.document["total"]["entries"]) == ([], 0)
        assert result.stderr == f"acache: note: there is no cache at {tmp_path / 'none'} yet\n"


def test_ls_notes_that_access_times_are_exact_to_a_day(acache: Acache, location: Path) -> None:
    assert "once a day" in acache("ls", "--unused-for", "2h", "--cache-dir", location).stderr
    assert acache("ls", "--unused-for", "2d", "--cache-dir", location).stderr == ""


@pytest.mark.skipif(shutil.which("head") is None, reason="needs head")
@pytest.mark.parametrize("options", ["", "-q", "--jsonl", "--json", "--csv"])
def test_ls_ends_quietly_if_head_closes_the_pipe(tmp_path: Path, options: str) -> None:
    for number in range(2000):
        write_entry(tmp_path / "joblib" / f"function-with-a-long-name-{number}", HASHES[0])
    command = f'"{sys.executable}" -m acache ls {options} --cache-dir "{tmp_path}" | head -1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_ls_onto_a_full_disk_fails(location: Path, unbuffered: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "acache", "ls", "--jsonl", "--cache-dir", str(location)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 1
    assert done.stderr == "acache: error: No space left on device\n"


def test_ls_stale(acache: Acache, drifted: Path) -> None:
    result = acache("ls", "-q", "--stale", "--cache-dir", drifted)
    assert (result.code, result.stderr) == (0, "")
    zeros = "0" * 32
    assert sorted(result.stdout.split()) == [f"drifted.changed/{zeros}", f"drifted.gone/{zeros}"]
    narrowed = acache("ls", "-q", "--stale", "--function", "gone", "--cache-dir", drifted)
    assert narrowed.stdout.split() == [f"drifted.gone/{zeros}"]


def test_arguments_that_differ_come_first(acache: Acache, tmp_path: Path) -> None:
    for number in range(3):
        given = {"y": "array([0., 0.])", "sr": "22050", "n_fft": str(1024 * 2**number)}
        metadata = json.dumps({"duration": 1.0, "input_args": given}).encode()
        write_entry(tmp_path / "joblib" / "m" / "f", f"{number:032x}", metadata=metadata)
    other = json.dumps({"duration": 1.0, "input_args": {"b": "1", "a": "2"}}).encode()
    write_entry(tmp_path / "joblib" / "m" / "g", "0" * 32, metadata=other)
    printed = acache("ls", "--args", "--cache-dir", tmp_path).stdout.splitlines()
    lines = [line.strip() for line in printed if "=" in line]
    assert lines == [
        *(f"n_fft={1024 * 2**n}, y=array([0., 0.]), sr=22050" for n in range(3)),
        "b=1, a=2",
    ]
    document = acache("ls", "--args", "--json", "--cache-dir", tmp_path).document
    assert list(document["entries"][0]["args"]) == ["y", "sr", "n_fft"]


def test_argument_that_no_function_has(acache: Acache, librosa_location: Path) -> None:
    result = acache("ls", "--arg", "nfft=2048", "--cache-dir", librosa_location)
    assert (result.stdout, result.code) == ("", 2)
    assert "no selected function has an argument 'nfft'; the nearest: n_fft" in result.stderr
