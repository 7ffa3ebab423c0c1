"""Whatever is typed, whatever the store: an exit code that means something, and no traceback."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acache.cli import app as cli
from acache.cli.app import COMMANDS
from tests.helpers.examples import examples
from tests.helpers.stores import write_entry

HASH = "0123456789abcdef" * 2
STORES = ("sound", "odd", "empty", "file", "missing", "not-a-store")
# What `run` runs, and how that may end: 126 and 127 as in shells.
SCRIPTS = ("nothing.py", "fails.py", "none.py", "true", "no-such-command", "folder.py")
CODES = {0, 1, 2, 3, 4}


VALUES = [
    *("", "0", "1", "-1", "3", "30", ">=30", "30-10", "10-30", "none", "nan", "inf", "1e999", "½"),
    *("10GB", "5 MB", "1k", "-5k", "1d12h", "7d", "h", "999999w", "10,20", "a,b", "0x10", "٣"),
    *("stft", "*", "[", "librosa.*", "pkg.f", f"pkg.f/{HASH}", "pkg.f/0", "f/zz", "/", "-", "--"),
    *("n=1", "=", "n=[", "size", "time", "lru", "cost", "level", "json", "\udcff", "\x1b[2J", "é"),
    *("out.json", "none/out.json", "out.svg", "folder.py", "nothing.py", "A_B", "a b", "../.."),
]
SENSIBLE = {
    "SIZE": ["1k", "10GB", "0"],
    "AGE": ["1s", "7d", "1d12h"],
    "N": ["1", "2", "30"],
    "SPEC": ["20", ">=20", "none"],
    "GLOB": ["f", "*", "pkg.*"],
    "NAME=GLOB": ["n=1", "n=*"],
    "FILE": ["out.json"],
    "MODULE.NAME": ["pkg.name"],
    "N,N...": ["10", "10,20"],
    "NAME,NAME...": ["lru", "lru,cost"],
    "PERCENT": ["5", "0"],
    "RATIO": ["0.5", "100"],
    "SIZE,SIZE...": ["1k", "1k,1GB"],
    "PATH": [sys.executable, "stores/sound"],
    "NAME": ["LIBROSA", "OTHER"],
}
WORDS = {"show": ["pkg.f", "f/0", "f", f"f/{HASH}"], "ls": [f"pkg.f/{'0' * 32}", "f/0"]}


def written(option: click.Option) -> st.SearchStrategy[list[str]]:
    """Write an option with a value that may be one."""
    names = st.sampled_from([*option.opts])
    if option.is_flag:
        return names.map(lambda name: [name])
    if isinstance(option.type, click.Choice):
        known = [*option.type.choices]
    else:
        known = SENSIBLE[str(option.metavar)]
    values = st.one_of(*[st.sampled_from(known)] * 5, st.sampled_from(VALUES))
    return st.tuples(names, values).map(list)


def lines(name: str, last: st.SearchStrategy[list[str]]) -> st.SearchStrategy[list[str]]:
    """Write a command with some of its options, and what comes last."""
    with click.Context(cli.cli) as ctx:
        command = cli.cli.get_command(ctx, name)
    assert command is not None
    # A scheduler that is not there is waited for, and workers take a second to start.
    slow = ("scheduler", "workers")
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in slow]
    some = st.lists(st.sampled_from(options).flatmap(written), max_size=4)
    return st.tuples(some, last).map(lambda t: [name, *(word for o in t[0] for word in o), *t[1]])


def ending(name: str) -> st.SearchStrategy[list[str]]:
    known = st.sampled_from([[], *([word] for word in WORDS.get(name, WORDS["ls"]))])
    return st.one_of(known, known, st.lists(st.sampled_from(VALUES), max_size=2))


# Of scripts as Python starts them, and of benchmarks, a few are enough.
STARTERS = ("bench", "run")
LINE = st.one_of(
    *(lines(name, ending(name)) for name in COMMANDS if name not in STARTERS),
    st.lists(st.sampled_from([*VALUES, *COMMANDS, "--json", "-h", "--levle"]), max_size=4),
)
SCRIPT = st.sampled_from(SCRIPTS).map(lambda script: [script])
STARTING = st.one_of(
    lines("run", SCRIPT),
    lines("bench", SCRIPT.map(lambda s: ["--runs", "1", "--levels", "10", "--warmup", "0", *s])),
)


def make_stores(folder: Path) -> None:
    sound = folder / "sound" / "joblib" / "pkg" / "f"
    for number in range(3):
        write_entry(sound, f"{number:032x}", output=b"\x80\x04K\x01.")
    (sound / "func_code.py").write_text("# first line: 3\n@cache(level=20)\ndef f(n): ...\n")
    odd = folder / "odd" / "joblib"
    write_entry(odd / "pkg" / "<locals>" / "\udcffg\x1b[2J", HASH, metadata=b"{")
    (odd / "pkg" / "f" / HASH).mkdir(parents=True)
    (odd / "pkg" / "f" / "func_code.py").mkdir()
    (odd / "pkg" / "f" / HASH / "output.pkl").mkdir()
    (odd / "link").symlink_to(odd / "pkg", target_is_directory=True)
    (odd / "DS_Store").write_bytes(b"\x00")
    (folder / "empty" / "joblib").mkdir(parents=True)
    (folder / "file").write_text("no folder")
    (folder / "not-a-store" / "photos").mkdir(parents=True)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder to work in; stores are made in it anew for each command line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIBROSA_CACHE_DIR", "")  # and taken back at the end
    for variable in ("HOME", "USERPROFILE"):  # where acache find looks
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    (tmp_path / "nothing.py").write_text("")
    (tmp_path / "fails.py").write_text("raise SystemExit(1)")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "errors").touch()
    return tmp_path


def run(place: Path, store: str, line: list[str]) -> tuple[int, str]:
    """Run a command line in this process; return its exit code and what it said on stderr."""
    stores = place / "stores"
    shutil.rmtree(stores, ignore_errors=True)
    make_stores(stores)
    os.environ["LIBROSA_CACHE_DIR"] = str(stores / store)
    with (
        open(place / "errors", "w", encoding="utf-8", errors="backslashreplace") as errors,
        open(os.devnull, "w", encoding="utf-8", errors="backslashreplace") as nowhere,
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(nowhere),
    ):
        code = cli._run_to_exit_code(line)
    return code, (place / "errors").read_text(encoding="utf-8")


def check(code: int, told: str, line: list[str]) -> None:
    ran = line[:1] == ["run"]  # it ends as what it ran
    assert code in (CODES | {126, 127} if ran else CODES), (code, told)
    assert "Traceback" not in told
    assert "internal error" not in told
    assert "\x1b" not in told
    if code == 2 and not ran:
        assert told.count("acache: error: ") == 1


ANYTHING = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@settings(ANYTHING, max_examples=examples(300))
@given(st.sampled_from(STORES), LINE)
def test_random_lines(place: Path, store: str, line: list[str]) -> None:
    code, told = run(place, store, line)
    check(code, told, line)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@settings(ANYTHING, max_examples=examples(20))
@given(st.sampled_from(STORES), STARTING)
def test_random_lines_that_start_something(place: Path, store: str, line: list[str]) -> None:
    code, told = run(place, store, line)
    check(code, told, line)
