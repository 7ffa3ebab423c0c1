"""The command line as a whole: help, version, nonsense, interruption, tracebacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import acache as package
from acache.cli.app import COMMANDS
from tests.helpers.processes import PATIENCE_SECONDS, Result
from tests.helpers.stores import write_entry

Acache = Callable[..., Result]


@pytest.mark.parametrize("arguments", [["--version"], ["stats", "--version"]])
def test_version(acache: Acache, arguments: list[str]) -> None:
    assert acache(*arguments) == (f"acache {package.__version__}\n", "", 0)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_every_command(acache: Acache, command: str, flag: str) -> None:
    result = acache(command, flag)
    assert (result.stderr, result.code) == ("", 0)
    assert result.stdout.startswith(f"Usage: acache {command} [OPTIONS]")
    assert "json" in result.stdout or command in ("completion", "browse")
    for expected in ("Examples:", "--cache-dir PATH", "--env-prefix NAME", "--python"):
        assert expected in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_help_lists_every_command_on_one_line(acache: Acache) -> None:
    result = acache("--help")
    assert (result.stderr, result.code) == ("", 0)
    for command in COMMANDS:
        [line] = [line for line in result.stdout.splitlines() if line.startswith(f"  {command} ")]
        assert not line.endswith("...")


def test_unknown_command_names_the_nearest(acache: Acache) -> None:
    result = acache("stat")
    assert (result.stdout, result.code) == ("", 2)
    assert result.stderr == (
        "acache: error: no such command 'stat'; did you mean 'stats'? (see acache --help)\n"
    )
    assert "choose from stats" in acache("xyz").stderr


def test_acache_alone_without_a_location(acache: Acache) -> None:
    result = acache()
    assert (result.stderr, result.code) == ("", 0)
    assert "caching is off" in result.stdout
    assert "export LIBROSA_CACHE_DIR=" in result.stdout


def test_acache_alone_with_a_store(acache: Acache, librosa_location: Path) -> None:
    env = {"LIBROSA_CACHE_DIR": str(librosa_location), "LIBROSA_CACHE_LEVEL": "30"}
    result = acache(env=env)
    assert (result.stderr, result.code) == ("", 0)
    sources = len(list(librosa_location.rglob("func_code.py")))
    assert str(librosa_location) in result.stdout
    assert f"functions  {sources}\n" in result.stdout
    assert "level      30\n" in result.stdout
    assert "acache stats" in result.stdout


def test_acache_alone_before_the_first_call(acache: Acache, tmp_path: Path) -> None:
    result = acache("--cache-dir", tmp_path / "none")
    assert result.code == 0
    assert "no cache here yet" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_interruption_is_one_line(tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib" / "f", "0" * 32)
    code = (
        "import sys, time\n"
        "import acache.store.local, acache.cli.app\n"
        "acache.store.local.LocalStore.fold = "
        "lambda *a, **k: (print('ready', flush=True), time.sleep(600))\n"
        "acache.cli.app.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "stats", "--cache-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE_SECONDS)
    assert (told, process.returncode) == ("acache: error: interrupted\n", 130)


BROKEN = (
    "import acache.operations.stats, acache.cli.app\n"
    "def stats(*a, **k): raise ZeroDivisionError('oh')\n"
    "acache.operations.stats.stats = stats\n"
    "acache.cli.app.main()"
)


def test_bug_is_one_line_unless_debugging(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BROKEN, "stats", "--cache-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "acache: error: internal error, ZeroDivisionError: oh\n" in done.stderr
    assert "Traceback" not in done.stderr
    environ = {**os.environ, "ACACHE_DEBUG": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert "Traceback" in done.stderr
    assert done.returncode == 1


def test_debugging_changes_no_exit_code(acache: Acache) -> None:
    result = acache("stats", env={"ACACHE_DEBUG": "1"})
    assert result.code == 2
    assert "Traceback" in result.stderr


def test_unreadable_store_is_one_warning(
    acache: Acache, tmp_path: Path, as_nobody: int | None
) -> None:
    write_entry(tmp_path / "joblib" / "f", "0" * 32)
    (tmp_path / "joblib").chmod(0)
    try:
        result = acache("stats", "--json", "--cache-dir", tmp_path, user=as_nobody)
    finally:
        (tmp_path / "joblib").chmod(0o755)
    assert result.code == 0
    assert result.document["warnings"] == ["cannot read the store: Permission denied"]
