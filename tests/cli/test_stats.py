"""``acache stats``: its JSON is as documented, its tables fit, its exit codes are right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.helpers.console import Console
from tests.helpers.processes import Result, dead_pid
from tests.helpers.stores import write_entry, write_temporary

Acache = Callable[..., Result]
HASHES = [digit * 32 for digit in "0369cf"]

USAGE = {"size_bytes": int, "disk_bytes": int, "inodes": int}
TOTALS = {
    "entries": int,
    **USAGE,
    "compute_seconds": float,
    "oldest": str,
    "newest": str,
    "last_access": str,
}


def assert_shape(document: dict[str, object], shape: dict[str, type]) -> None:
    assert list(document) == list(shape)
    for key, kind in shape.items():
        assert type(document[key]) is kind, key


def test_stats_json_is_as_documented(acache: Acache, librosa_location: Path) -> None:
    result = acache("stats", "--json", "--cache-dir", librosa_location)
    assert (result.code, result.stderr) == (0, "")
    document = result.document
    assert list(document) == [
        "schema", "kind", "location", "store", "exists", "level", "total", "levels", "functions",
        "leftovers", "other", "disk", "warnings",
    ]  # fmt: skip
    assert (document["schema"], document["kind"]) == (1, "stats")
    assert document["location"] == str(librosa_location)
    assert document["store"] == str(librosa_location / "joblib")
    assert (document["exists"], document["level"], document["warnings"]) == (True, 10, [])
    assert_shape(document["total"], TOTALS)
    for row in document["levels"]:
        assert_shape(row, {"level": int, "functions": int, **TOTALS})
    for row in document["functions"]:
        assert_shape(row, {"function": str, "level": int, **TOTALS, "source_state": str})
        assert row["source_state"] == "current"
    strays = {"files": int, "folders": int, **USAGE}
    assert_shape(document["leftovers"], {**strays, "in_flight": dict})
    assert_shape(document["leftovers"]["in_flight"], strays)
    assert_shape(document["other"], USAGE)
    assert_shape(document["disk"], USAGE)
    assert [row["level"] for row in document["levels"]] == [10, 20, 30, 40]
    assert sum(row["functions"] for row in document["levels"]) == len(document["functions"])


def test_stats_times_are_iso_in_utc(acache: Acache, tmp_path: Path) -> None:
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0])
    os.utime(entry / "output.pkl", (1_600_000_000.25, 1_500_000_000.5))
    total = acache("stats", "--json", "--cache-dir", tmp_path).document["total"]
    expected = datetime.fromtimestamp(1_500_000_000.5, timezone.utc)
    assert total["oldest"] == total["newest"] == "2017-07-14T02:40:00.500000Z"
    assert expected.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == total["oldest"]
    assert total["last_access"] == "2020-09-13T12:26:40.250000Z"


def test_stats_no_cost_opens_no_metadata(acache: Acache, tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "f", HASHES[0], metadata=b"broken")
    result = acache("stats", "--json", "--no-cost", "--cache-dir", tmp_path)
    assert result.document["total"]["compute_seconds"] is None
    assert result.document["warnings"] == []
    assert "compute" not in acache("stats", "--no-cost", "--cache-dir", tmp_path).stdout


def test_stats_compute_time_is_null_where_nothing_is_recorded(
    acache: Acache, tmp_path: Path
) -> None:
    write_entry(tmp_path / "joblib" / "f", HASHES[0], duration=None)
    write_entry(tmp_path / "joblib" / "g", HASHES[0], duration=2.5)
    document = acache("stats", "--json", "--cache-dir", tmp_path).document
    seconds = {row["function"]: row["compute_seconds"] for row in document["functions"]}
    assert seconds == {"f": None, "g": 2.5}
    assert document["total"]["compute_seconds"] == 2.5


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Three functions that differ in each order."""
    store = tmp_path / "joblib" / "m"
    for argument_hash in HASHES[:3]:
        write_entry(store / "many", argument_hash, output=b"x" * 10, duration=1)
    write_entry(store / "large", HASHES[0], output=b"x" * 100_000, duration=2)
    write_entry(store / "slow", HASHES[0], output=b"x" * 1000, duration=60)
    return tmp_path


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("size", ["large", "slow", "many"]),
        ("disk", ["large", "many", "slow"]),
        ("entries", ["many", "large", "slow"]),
        ("time", ["slow", "many", "large"]),
        ("name", ["large", "many", "slow"]),
    ],
)
def test_stats_sorts(acache: Acache, mixed: Path, sort: str, names: list[str]) -> None:
    result = acache("stats", "--json", "--sort", sort, "--cache-dir", mixed)
    assert [row["function"] for row in result.document["functions"]] == [f"m.{n}" for n in names]
    table = acache("stats", "--by", "function", "--sort", sort, "--cache-dir", mixed).stdout
    assert re.findall(r"^m\.(\w+)", table, re.MULTILINE) == names


def test_stats_top_cuts_rows_and_not_the_total(acache: Acache, mixed: Path) -> None:
    document = acache("stats", "--json", "--top", "1", "--cache-dir", mixed).document
    assert [row["function"] for row in document["functions"]] == ["m.large"]
    assert document["total"]["entries"] == 5
    table = acache("stats", "--top", "1", "--cache-dir", mixed).stdout
    assert "m.many" not in table
    assert "and 2 more functions" in table


def test_stats_by_chooses_the_table(acache: Acache, mixed: Path) -> None:
    def headings(*options: str) -> list[str]:
        table = acache("stats", *options, "--cache-dir", mixed).stdout
        return re.findall(r"^ ?(\w+)  .*entries  ", table, re.MULTILINE)

    assert headings() == ["level", "function"]
    for by in ("level", "function", "module"):
        assert headings("--by", by) == [by]
    document = acache("stats", "--json", "--by", "module", "--cache-dir", mixed).document
    assert [(row["module"], row["functions"]) for row in document["modules"]] == [("m", 3)]


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 120])
def test_stats_tables_fit(acache: Acache, librosa_location: Path, columns: int) -> None:
    result = acache("stats", "--cache-dir", librosa_location, env={"COLUMNS": str(columns)})
    assert result.code == 0
    lines = result.stdout.splitlines()[1:]  # the first is the path, which is never cut
    assert max(map(len, lines)) <= columns
    assert not re.search(r"[\d.]…", result.stdout), "a number is cut"
    assert not any(line != line.rstrip() for line in lines)
    assert "librosa.filters.mel" in result.stdout or columns < 80


def test_stats_cuts_no_name_without_a_terminal(acache: Acache, librosa_location: Path) -> None:
    result = acache("stats", "--cache-dir", librosa_location, env={"COLUMNS": ""})
    assert "…" not in result.stdout
    assert "\x1b" not in result.stdout
    assert "librosa.core.spectrum.stft" in result.stdout


def test_stats_in_ascii(acache: Acache, mixed: Path) -> None:
    write_entry(mixed / "joblib" / "größe", HASHES[0])
    result = acache("stats", "--cache-dir", mixed, env={"PYTHONIOENCODING": "ascii"})
    assert result.code == 0
    assert result.stdout.isascii()
    assert "##" in result.stdout
    assert r"gr\xf6\xdfe" in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_stats_escapes_names(acache: Acache, tmp_path: Path) -> None:
    for name in ("evil\x1b[2J\rname", os.fsdecode(b"no\xfftext"), "[red]markup"):
        write_entry(tmp_path / "joblib" / name, HASHES[0])
    result = acache("stats", "--cache-dir", tmp_path, env={"COLUMNS": "120"})
    assert result.code == 0
    assert "\x1b" not in result.stdout
    assert "\r" not in result.stdout
    for shown in (r"evil\x1b[2J\x0dname", r"no\xfftext", "[red]markup"):
        assert shown in result.stdout
    document = acache("stats", "--json", "--cache-dir", tmp_path).document
    assert "evil\x1b[2J\rname" in [row["function"] for row in document["functions"]]


def test_stats_names_the_command_that_removes_leftovers(acache: Acache, tmp_path: Path) -> None:
    entry = write_entry(tmp_path / "joblib" / "f", HASHES[0])
    write_temporary(entry, "output.pkl", dead_pid(), modified=time.time() - 4000)
    broken = write_entry(tmp_path / "joblib" / "f", HASHES[1])
    (broken / "output.pkl").unlink()
    result = acache("stats", "--cache-dir", tmp_path)
    assert "1 temporary file and 1 folder without result" in result.stdout
    assert "acache clear --leftovers" in result.stdout
    assert "in flight" not in result.stdout
    leftovers = acache("stats", "--json", "--cache-dir", tmp_path).document["leftovers"]
    assert (leftovers["files"], leftovers["folders"]) == (1, 1)
    size = 4 + (broken / "metadata.json").stat().st_size
    assert leftovers["size_bytes"] == size
    assert set(leftovers["in_flight"].values()) == {0}


def test_stats_tells_writes_in_flight_from_leftovers(acache: Acache, tmp_path: Path) -> None:
    function = tmp_path / "joblib" / "f"
    now, dead = time.time(), dead_pid()
    for argument_hash, pid, age, size in (
        (HASHES[0], dead, 4000, 1),
        (HASHES[2], dead, 10, 10),  # within the grace
        (HASHES[3], os.getpid(), 0, 100),
        (HASHES[3], dead, 4000, 1000),
    ):
        folder = function / argument_hash
        write_temporary(folder, "output.pkl", pid, modified=now - age, size=size)
    document = acache("stats", "--json", "--cache-dir", tmp_path).document
    leftovers = document["leftovers"]
    assert (leftovers["files"], leftovers["folders"], leftovers["size_bytes"]) == (4, 3, 1111)
    flying = leftovers["in_flight"]
    assert (flying["files"], flying["folders"], flying["size_bytes"]) == (2, 2, 110)
    for key in USAGE:
        parts = (document["total"], leftovers, document["other"])
        assert sum(part[key] for part in parts) == document["disk"][key]
    table = acache("stats", "--cache-dir", tmp_path).stdout
    assert re.search(r"^leftovers +2 temporary files and 1 folder without result, ", table, re.M)
    assert re.search(r"^in flight +2 temporary files and 2 folders without result, ", table, re.M)
    plan = acache("clear", "--leftovers", "--dry-run", "--json", "--cache-dir", tmp_path).document
    for key in USAGE:
        assert plan["leftovers"][key] == leftovers[key] - flying[key]


def test_stats_without_a_location_is_a_usage_error(acache: Acache) -> None:
    result = acache("stats")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr == (
        "acache: error: no cache location: set LIBROSA_CACHE_DIR in the environment, "
        "or give --cache-dir PATH\n"
    )


def test_stats_of_a_location_that_is_not_there_yet(acache: Acache, tmp_path: Path) -> None:
    location = tmp_path / "none"
    result = acache("stats", "--json", "--cache-dir", location)
    assert result.code == 0
    assert result.stderr == f"acache: note: there is no cache at {location} yet\n"
    document = result.document
    assert document["exists"] is False
    assert document["functions"] == document["levels"] == []
    assert document["total"]["entries"] == document["disk"]["size_bytes"] == 0
    assert document["total"]["oldest"] is None
    assert not location.exists()
    assert acache("stats", "--cache-dir", location).code == 0


def test_stats_of_a_file_is_a_usage_error(acache: Acache, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = acache("stats", "--cache-dir", tmp_path / "file")
    assert (result.stdout, result.code) == ("", 2)
    assert "is a file, not a folder" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--top", "0"], "--top"),
        (["--top", "x"], "'x'"),
        (["--by", "colour"], "'colour'"),
        (["--sort", "colour"], "'colour'"),
        (["--sort", "time", "--no-cost"], "--no-cost"),
        (["--frobnicate"], "--frobnicate"),
        (["extra"], "extra"),
        (["--cache-dir", ""], "--cache-dir"),
        (["--env-prefix", "A B"], "'A B'"),
        (["--python", "/no/python"], "'/no/python'"),
    ],
)
def test_stats_refuses_invalid_options_in_one_line(
    acache: Acache, tmp_path: Path, arguments: list[str], says: str
) -> None:
    result = acache("stats", *arguments, env={"LIBROSA_CACHE_DIR": str(tmp_path)})
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr.startswith("acache: error: ")
    assert result.stderr.count("\n") == 1
    assert says in result.stderr


def test_stats_warns_of_settings_that_disable_the_cache(acache: Acache, tmp_path: Path) -> None:
    env = {
        "LIBROSA_CACHE_DIR": str(tmp_path),
        "LIBROSA_CACHE_LEVEL": "high",
        "LIBROSA_CACHE_COMPRESS": "1",
    }
    document = acache("stats", "--json", env=env).document
    assert document["level"] is None
    assert [w.partition("=")[0] for w in document["warnings"]] == [
        "LIBROSA_CACHE_LEVEL",
        "LIBROSA_CACHE_COMPRESS",
    ]
    result = acache("stats", env=env)
    assert result.code == 0
    assert result.stderr.count("acache: warning: LIBROSA_CACHE_") == 2


def test_stats_of_an_empty_dir_is_of_the_current_folder(acache: Acache, tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "f", HASHES[0])
    result = acache("stats", "--json", env={"LIBROSA_CACHE_DIR": ""}, cwd=tmp_path)
    assert result.document["total"]["entries"] == 1
    assert "./joblib" in result.document["warnings"][0]


def test_options_before_or_after_the_command_are_alike(acache: Acache, mixed: Path) -> None:
    before = acache("--cache-dir", mixed, "stats", "--json")
    after = acache("stats", "--json", "--cache-dir", mixed)
    assert before == after
    other = acache("--cache-dir", "/nowhere", "stats", "--json", "--cache-dir", mixed)
    assert other == after
    prefixed = acache("stats", "--json", "--env-prefix", "MY", env={"MY_CACHE_DIR": str(mixed)})
    assert prefixed == after


def read_terminal(command: list[str], **environ: str) -> str:
    """Run a command on a pseudo-terminal, and return all that it wrote there."""
    terminal = Console(command, **environ)
    terminal.end()
    return terminal.seen


def test_stats_cuts_thousands_of_functions_on_a_terminal_only(
    acache: Acache, tmp_path: Path
) -> None:
    for number in range(130):
        write_entry(tmp_path / "joblib" / f"m{number % 120}" / f"f{number}", "0" * 32)
    options = ["--by", "function", "--cache-dir", str(tmp_path)]
    command = [sys.executable, "-m", "acache", "stats", *options]
    shown = read_terminal(command)
    assert len(re.findall(r"m\d+\.f\d+", shown)) == 100
    assert "and 30 more functions; --top N shows N of them" in shown
    assert len(re.findall(r"m\d+\.f\d+", read_terminal([*command, "--top", "120"]))) == 120
    piped = acache("stats", *options).stdout
    assert len(re.findall(r"m\d+\.f\d+", piped)) == 130
    assert "more function" not in piped
    modules = read_terminal([*command[:4], "--by", "module", "--cache-dir", str(tmp_path)])
    assert "more function" in modules
    plan = [*command[:3], "clear", "--all", "-n", "--cache-dir", str(tmp_path)]
    assert "and 30 more functions" in read_terminal(plan)


def test_stats_shows_progress_only_on_a_terminal(tmp_path: Path) -> None:
    for number in range(300):
        write_entry(tmp_path / "joblib" / f"f{number % 5}", f"{number:032x}"[::-1])
    code = (
        "import acache.render.progress as p; p._PATIENCE_SECONDS = 0; p._REFRESH_SECONDS = 0\n"
        "import acache.store.parallel; acache.store.parallel._TICK = 1  # whoever finds it\n"
        "from acache.cli.app import main; main()"
    )
    command = [sys.executable, "-c", code, "stats", "--json", "--cache-dir", str(tmp_path)]
    assert "Scanning: " in read_terminal(command)
    silent = subprocess.run(command, capture_output=True, text=True, check=True)
    assert silent.stderr == ""
    assert json.loads(silent.stdout)["total"]["entries"] == 300


def test_colour_is_used_on_a_terminal_unless_unwanted(mixed: Path) -> None:
    command = [sys.executable, "-m", "acache", "config", "--cache-dir", str(mixed)]
    environ = {"TERM": "xterm-256color", "LIBROSA_CACHE_LEVEL": "high"}
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
    assert colour.search(read_terminal(command, **environ))
    for unwanted in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not colour.search(read_terminal(command, **{**environ, **unwanted}))


@pytest.mark.skipif(shutil.which("head") is None, reason="needs head")
def test_stats_ends_quietly_if_head_closes_the_pipe(mixed: Path) -> None:
    for number in range(3000):  # more than a pipe holds
        write_entry(mixed / "joblib" / f"function-with-a-long-name-{number}", HASHES[0])
    command = f'"{sys.executable}" -m acache stats --json --cache-dir "{mixed}" | head -1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_commands_that_only_read_write_nothing(acache: Acache, mixed: Path) -> None:
    before = sorted((p, p.stat().st_mtime_ns) for p in mixed.rglob("*"))
    for arguments in (["stats"], ["stats", "--json"], ["config"], []):
        assert acache(*arguments, "--cache-dir", mixed).code == 0
    assert sorted((p, p.stat().st_mtime_ns) for p in mixed.rglob("*")) == before


def test_stats_counts_entries_above_the_configured_level(
    acache: Acache, librosa_location: Path
) -> None:
    env = {"LIBROSA_CACHE_DIR": str(librosa_location)}
    document = acache("stats", "--json", env=env).document
    above = sum(row["entries"] for row in document["levels"] if row["level"] > 10)
    table = acache("stats", env=env).stdout
    assert f"not used   {above} entries have a level above 10, the configured one\n" in table
    assert "not used" not in acache("stats", env={**env, "LIBROSA_CACHE_LEVEL": "50"}).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", ["2>&-", ">&-"])
def test_stats_with_a_closed_stream_is_no_failure(mixed: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m acache stats --json --cache-dir "{mixed}" {closed}'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    if closed == "2>&-":
        assert json.loads(done.stdout)["total"]["entries"] == 5


def test_stats_of_a_location_that_cannot_be_read_fails(
    acache: Acache, tmp_path: Path, as_nobody: int | None
) -> None:
    write_entry(tmp_path / "location" / "joblib" / "f", HASHES[0])
    (tmp_path / "location").chmod(0)
    try:
        result = acache("stats", "--json", "--cache-dir", tmp_path / "location", user=as_nobody)
    finally:
        (tmp_path / "location").chmod(0o755)
    assert (result.stdout, result.code) == ("", 1)
    assert result.stderr.count("\n") == 1
    assert "Permission denied" in result.stderr


def test_stats_sums_no_absurd_durations(acache: Acache, tmp_path: Path) -> None:
    for argument_hash, duration in zip(
        HASHES, ("1.7e308", "1.7e+308", "9" * 400 + ".0"), strict=False
    ):
        metadata = b'{"duration": %s, "input_args": {}}' % duration.encode()
        write_entry(tmp_path / "joblib" / "f", argument_hash, metadata=metadata)
    result = acache("stats", "--json", "--cache-dir", tmp_path)
    assert result.code == 0
    assert result.document["total"]["compute_seconds"] is None


def test_stats_warns_of_a_program_that_is_no_python(acache: Acache, tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "librosa" / "filters" / "mel", HASHES[0])
    false = shutil.which("false")
    if false is None:
        pytest.skip("needs a program that is no Python")
    result = acache("stats", "--json", "--cache-dir", tmp_path, "--python", false)
    assert result.document["levels"][0]["level"] is None
    [warning] = result.document["warnings"]
    assert false in warning


@pytest.mark.skipif(sys.platform == "win32", reason="is there what is imitated here")
def test_stats_without_relative_names_finds_the_same(acache: Acache, mixed: Path) -> None:
    entry = mixed / "joblib" / "m" / "large" / HASHES[0]
    (entry / ".DS_Store").write_bytes(b"finder")
    (entry / "folder").mkdir()
    (entry / "link").symlink_to(mixed)
    (mixed / "joblib" / "m" / HASHES[4]).symlink_to(entry)
    (mixed / "joblib" / "m" / HASHES[5]).mkdir()
    imitation = "import os; os.supports_fd = os.supports_dir_fd = set()\n"
    code = f"{imitation}from acache.cli.app import main; main()"
    command = [sys.executable, "-c", code, "stats", "--json", "--cache-dir", str(mixed)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found == acache("stats", "--json", "--cache-dir", mixed).document
    assert found["warnings"] == []


def test_stats_shows_which_sources_have_changed(acache: Acache, drifted: Path) -> None:
    rows = acache("stats", "--json", "--cache-dir", drifted).document["functions"]
    states = {row["function"].rpartition(".")[2]: row["source_state"] for row in rows}
    assert states == {name: name for name in ("current", "changed", "gone", "unknown")}
    wide = {"COLUMNS": "120"}
    table = acache("stats", "--by", "function", "--cache-dir", drifted, env=wide).stdout
    assert re.findall(r"^[\w.]+\.(\w+) +- +1 .* (current|changed|gone|-) +\d+%", table, re.M) == [
        ("changed", "changed"),
        ("current", "current"),
        ("gone", "gone"),
        ("unknown", "-"),
    ]
    table = acache("stats", "--function", "current", "--cache-dir", drifted).stdout
    assert "source " not in table


def test_stats_stale_is_changed_or_gone_and_never_unknown(acache: Acache, drifted: Path) -> None:
    document = acache("stats", "--json", "--stale", "--cache-dir", drifted).document
    assert [r["function"] for r in document["functions"]] == ["drifted.changed", "drifted.gone"]
    assert document["total"]["entries"] == 2
    assert document["warnings"] == []


def test_stats_stale_is_nothing_if_python_does_not_answer(acache: Acache, drifted: Path) -> None:
    false = shutil.which("false")
    if false is None:
        pytest.skip("needs a program that is no Python")
    options = ("--stale", "--json", "--python", false, "--cache-dir", drifted)
    document = acache("stats", *options).document
    assert document["total"]["entries"] == 0
    [warning] = document["warnings"]
    assert false in warning
    result = acache("clear", "--yes", *options)
    assert (result.code, result.document["removed"]["entries"]) == (0, 0)
    assert false in result.document["warnings"][0]
