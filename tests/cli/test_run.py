"""``acache run``: the script runs as it does alone, and the report tells what its cache did."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS, Result
from tests.helpers.stores import LIBROSA_SCRIPT

Acache = Callable[..., Result]
needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

CACHED = """
import os, sys, time
from joblib import Memory
memory = Memory(os.environ["LIBROSA_CACHE_DIR"], verbose=0)

@memory.cache
def slow(x):
    time.sleep(0.05)
    return x

@memory.cache
def fast(x):
    return x

for x in (1, 2): slow(x)
fast("x" * 3_000_000)
"""
FUNCTION_KEYS = [
    "function", "level", "calls", "hits", "misses", "hash_seconds", "load_seconds",
    "compute_seconds", "store_seconds", "saved_seconds", "bytes_loaded", "bytes_stored",
]  # fmt: skip


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give acache a temporary folder, and see that nothing stays in it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert list(folder.glob("acache*")) == []


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    def write(code: str) -> Path:
        path = tmp_path / "script.py"
        path.write_text(code)
        return path

    return write


@pytest.fixture
def location(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIBROSA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rows_of(document: dict[str, object]) -> dict[str, dict[str, float]]:
    return {row["function"].rpartition(".")[2]: row for row in document["functions"]}  # type: ignore


def test_run_json_is_as_documented(acache: Acache, location: Path, script: Callable) -> None:
    file = location.with_name("report.json")
    file.write_text("what was there before, and was longer than the report is" * 100)
    path = script(CACHED)
    for hits in (0, 2):
        begun = time.monotonic()
        done = acache("run", "--level", "30", "--export-json", file, path)
        took = time.monotonic() - begun
        assert (done.stdout, done.code) == ("", 0)
        document = json.loads(file.read_text())
        assert list(document) == [
            "schema", "kind", "command", "exit_code", "level", "wall_seconds", "functions",
            "warnings",
        ]  # fmt: skip
        assert (document["schema"], document["kind"]) == (1, "run")
        assert document["command"] == [str(path)]
        assert (document["exit_code"], document["level"], document["warnings"]) == (0, 30, [])
        rows = rows_of(document)
        assert set(rows) == {"slow", "fast"}
        for row in rows.values():
            assert list(row) == FUNCTION_KEYS
            assert row["calls"] == row["hits"] + row["misses"]
        assert (rows["slow"]["hits"], rows["slow"]["misses"]) == (hits, 2 - hits)
        assert (2 - hits) * 0.05 <= document["wall_seconds"] < took
        for metadata in (location / "joblib").rglob("slow/*/metadata.json"):
            metadata.write_text('{"duration": 10.0, "input_args": {}}')
    slow = rows["slow"]
    assert slow["compute_seconds"] == slow["store_seconds"] == 0
    spent = slow["hash_seconds"] + slow["load_seconds"]
    assert slow["saved_seconds"] == pytest.approx(2 * 10.0 - spent)
    assert [row["saved_seconds"] for row in document["functions"]] == sorted(
        (row["saved_seconds"] for row in document["functions"]), reverse=True
    )


def test_run_marks_what_costs_more_than_it_saves(
    acache: Acache, location: Path, script: Callable
) -> None:
    path = script(CACHED)
    first = acache("run", path).stderr
    assert "no hits, 3 misses in 2 functions" in first
    assert "nothing yet: results were stored; run it again" in first
    assert "longer to load" not in first
    # Written again with times that make it sure which function costs more than it saves.
    for name, seconds in (("fast", "1e-06"), ("slow", "1000.0")):
        for metadata in (location / "joblib").rglob(f"{name}/*/metadata.json"):
            metadata.write_text(f'{{"duration": {seconds}, "input_args": {{}}}}')
    second = acache("run", path, env={"COLUMNS": "80"}).stderr
    assert "3 hits, no misses in 2 functions" in second
    assert re.search(r"^saved +at most \d", second, re.MULTILINE)
    assert re.search(r"fast +-(?: +1){1,2} +0 .* -\d.* m?s$", second, re.MULTILINE)
    assert "1 function takes longer to load than to compute" in second
    assert max(map(len, second.splitlines())) <= 80


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 160])
def test_run_tables_fit(acache: Acache, location: Path, script: Callable, columns: int) -> None:
    told = acache("run", script(CACHED), env={"COLUMNS": str(columns)}).stderr
    assert max(map(len, told.splitlines())) <= columns
    header = next(line for line in told.splitlines() if line.startswith("function"))
    assert header.split()[-1] == "saved"
    assert {"hits", "misses"} <= set(header.split())
    assert ("loaded" in header) == (columns >= 120)


def test_run_counts_librosas_calls_as_its_store_shows(
    acache: Acache, tmp_path: Path, location: Path, script: Callable
) -> None:
    """Results that are new in the store are misses; what a second run does not compute is hits."""
    path = script(LIBROSA_SCRIPT)
    report = tmp_path / "report.json"
    uncached = {k: v for k, v in os.environ.items() if k != "LIBROSA_CACHE_DIR"}
    plain = subprocess.run(
        [sys.executable, path], env=uncached, capture_output=True, text=True, check=True
    )
    done = acache("run", "--level", "50", "--export-json", report, path)
    assert done.stdout == plain.stdout
    cold = rows_of(json.loads(report.read_text()))
    stored = {
        folder.name: len(list(folder.glob("*/output.pkl")))
        for folder in {p.parents[1] for p in location.rglob("output.pkl")}
    }
    assert {name: row["misses"] for name, row in cold.items()} == stored
    assert {name: row["bytes_stored"] for name, row in cold.items()} == {
        folder.name: sum(p.stat().st_size for p in folder.glob("*/output.pkl"))
        for folder in {p.parents[1] for p in location.rglob("output.pkl")}
    }
    assert {row["level"] for row in cold.values()} == {10, 20, 30, 40}
    assert acache("run", "--level", "50", "--export-json", report, path).stdout == plain.stdout
    warm = json.loads(report.read_text())
    assert all(row["misses"] == 0 for row in warm["functions"])
    assert sum(row["saved_seconds"] for row in warm["functions"]) > 0


PROFILED = """
import os, sys
counts = {"__call__": 0, "call": 0, "_call": 0}
def count(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_name in counts and code.co_filename == memory:
        counts[code.co_name] += 1
import joblib.memory
memory = joblib.memory.__file__
sys.setprofile(count)
"""


def test_run_counts_librosas_calls_as_a_profiler_does(
    acache: Acache, tmp_path: Path, location: Path, script: Callable
) -> None:
    report = tmp_path / "report.json"
    printed = "sys.setprofile(None); print(counts['__call__'], counts['_call'] or counts['call'])"
    path = script(f"{PROFILED}\n{LIBROSA_SCRIPT}\n{printed}")
    for _ in range(2):
        done = acache("run", "--level", "50", "--export-json", report, path)
        calls, computed = map(int, done.stdout.splitlines()[-1].split())
        rows = json.loads(report.read_text())["functions"]
        assert sum(row["calls"] for row in rows) == calls > 0
        assert sum(row["misses"] for row in rows) == computed
    assert computed == 0


BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("acache", "rich", "click", "humanize"):
            raise ImportError(name + " is not installed here")
sys.meta_path.insert(0, Blocker())
"""


@needs_posix
def test_run_needs_acache_nowhere_but_in_its_own_python(
    acache: Acache, tmp_path: Path, location: Path, script: Callable
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text(BLOCKER)
    asked = (
        "import sys\nfor name in ('acache', 'rich', 'click'):\n    assert name not in sys.modules\n"
    )
    path = script(
        f"{CACHED}\ntry:\n    import acache\nexcept ImportError:\n    print('none')\n{asked}"
    )
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nexport PYTHONPATH="$PYTHONPATH:{own}"\nexec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    done = acache("run", "--python", python, path)
    assert (done.stdout, done.code) == ("none\n", 0)
    assert "3 misses in 2 functions" in done.stderr


@needs_posix
def test_run_gives_the_script_what_it_gets_alone(
    tmp_path: Path, location: Path, script: Callable
) -> None:
    path = script(
        "import sys, os\n"
        "print(sys.argv, __name__, __file__, sys.path, os.getcwd())\n"
        "print(sys.stdin.read(), os.environ['LIBROSA_CACHE_DIR'], os.getpgrp())\n"
        "sys.stdout.buffer.write(bytes(range(256)))\n"
        "print('told', file=sys.stderr)\n"
        "os.write(int(sys.argv[-1]), b'inherited')\n"
    )
    read, write = os.pipe()
    arguments = [path, "--level", "-x", "--", "a b", "--export-json", str(write)]
    outputs = []
    for command in ([sys.executable], [sys.executable, "-m", "acache", "run"]):
        done = subprocess.run(
            [*command, *arguments],
            pass_fds=[write],
            input=b"to be read",
            capture_output=True,
            check=True,
            cwd=tmp_path,
        )
        assert os.read(read, 100) == b"inherited"
        outputs.append(done.stdout)
        assert done.stderr.startswith(b"told\n")
    os.close(read)
    os.close(write)
    assert outputs[0] == outputs[1]
    assert b"to be read" in outputs[0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pass", 0),
        ("import sys; sys.exit(3)", 3),
        ("1 / 0", 1),
        ("import os; os._exit(255)", 255),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + 15, marks=needs_signals
        ),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + 9, marks=needs_signals
        ),
    ],
)
def test_run_exits_as_the_script(
    acache: Acache, location: Path, script: Callable, code: str, expected: int
) -> None:
    done = acache("run", script(f"{CACHED}\n{code}"))
    assert done.code == expected
    assert "3 misses in 2 functions" in done.stderr


@needs_posix
def test_run_of_what_cannot_be_run(acache: Acache, tmp_path: Path, location: Path) -> None:
    for name, code in (("none.py", 127), ("none", 127), ("./text", 126), ("./broken", 127)):
        (tmp_path / "text").write_text("#!/bin/sh\n")
        (tmp_path / "broken").write_text("#!/no/such/interpreter\n")
        (tmp_path / "broken").chmod(0o755)
        done = acache("run", name)
        assert (done.stdout, done.code) == ("", code)
        assert re.fullmatch(r"acache: error: .+\n", done.stderr)


@needs_posix
def test_run_of_a_program_without_an_interpreter(
    acache: Acache, tmp_path: Path, location: Path
) -> None:
    (tmp_path / "program").write_text("echo\n")
    (tmp_path / "program").chmod(0o755)
    done = acache("run", "./program")
    assert done.code == 126
    assert "put its interpreter before it" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "--cache-dir", "c"], "Missing argument"),
        (["run", "--cache-dir", "c", "--level", "x", "script.py"], "'x' is not a valid integer"),
        (
            ["run", "--cache-dir", "c", "--export-json", "no/such/f", "script.py"],
            "--export-json 'no/such/f' cannot be written: No such file or directory",
        ),
    ],
)
def test_run_with_invalid_options_runs_nothing(
    acache: Acache, tmp_path: Path, script: Callable, arguments: list[str], told: str
) -> None:
    script("open('ran', 'w')")
    done = acache(*arguments)
    assert (done.code, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "ran").exists()


@needs_posix
def test_run_that_fails_leaves_the_export_file(
    acache: Acache, tmp_path: Path, location: Path
) -> None:
    kept = tmp_path / "kept.json"
    kept.write_text("kept")
    (tmp_path / "broken").write_text("#!/no/such/interpreter\n")
    (tmp_path / "broken").chmod(0o755)
    assert acache("run", "--export-json", kept, "./broken").code == 127
    assert kept.read_text() == "kept"
    assert acache("run", "--export-json", tmp_path / "new.json", "./broken").code == 127
    assert not (tmp_path / "new.json").exists()


OWN = CACHED.replace('os.environ["LIBROSA_CACHE_DIR"]', '"own"')


def test_script_with_a_cache_of_its_own_needs_no_location(
    acache: Acache, tmp_path: Path, script: Callable
) -> None:
    path = script(OWN)
    for hits in (0, 3):
        done = acache("run", path)
        assert (done.stdout, done.code) == ("", 0)
        assert f"{hits or 'no'} hits" in done.stderr
        assert "warning" not in done.stderr
    configured = acache("run", path, env={"LIBROSA_CACHE_DIR": str(tmp_path / "other")})
    store = tmp_path / "own" / "joblib"
    assert f"cached in {store}, which is not the configured location" in configured.stderr


def test_naming_a_scripts_own_cache_switches_no_other_one_on(
    acache: Acache, tmp_path: Path, script: Callable
) -> None:
    path = script(f"{OWN}\nprint(os.environ.get('LIBROSA_CACHE_DIR'))")
    own = tmp_path / "own"
    first = acache("run", "--cache-dir", own, path)  # an empty one may be meant for both
    assert first.stdout == f"{own}\n"
    second = acache("run", "--cache-dir", own, path)
    assert (second.stdout, second.code) == ("None\n", 0)
    assert "librosa's cache is not switched on there" in second.stderr
    assert "3 hits" in second.stderr
    asked = acache("run", path, env={"LIBROSA_CACHE_DIR": str(own)})
    assert asked.stdout == f"{own}\n"
    (own / "joblib" / "librosa" / "stft").mkdir(parents=True)
    (own / "joblib" / "librosa" / "stft" / "func_code.py").write_text("def stft(): ...")
    assert acache("run", "--cache-dir", own, path).stdout == f"{own}\n"


def test_levels_are_only_advised_where_they_may_help(
    acache: Acache, location: Path, script: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "a higher --level" not in acache("run", script("import joblib")).stderr
    assert "a higher --level" in acache("run", script("import librosa._cache")).stderr
    failing = acache("run", script("import librosa._cache\n1 / 0")).stderr
    assert "no cached function was called before the command failed" in failing
    assert "level" not in failing.partition("ZeroDivisionError")[2]
    monkeypatch.delenv("LIBROSA_CACHE_DIR")
    without = acache("run", script("import librosa._cache")).stderr
    assert "no cache is configured; set LIBROSA_CACHE_DIR" in without


def test_run_passes_its_options_in_the_environment(
    acache: Acache, tmp_path: Path, script: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script("import os; print({n: v for n, v in os.environ.items() if '_CACHE_' in n})")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    env = {"LIBROSA_CACHE_LEVEL": "nonsense"}
    done = acache("run", "--cache-dir", "here", "--level", "20", path, env=env)
    values = {"LIBROSA_CACHE_LEVEL": "20", "LIBROSA_CACHE_DIR": str(tmp_path / "here")}
    assert eval(done.stdout) == values
    assert "nonsense" not in done.stderr
    done = acache("run", "--env-prefix", "OTHER", "--cache-dir", "here", path)
    assert eval(done.stdout) == {"OTHER_CACHE_DIR": str(tmp_path / "here")}
    env["LIBROSA_CACHE_DIR"] = "relative"
    done = acache("run", path, env=env)
    assert eval(done.stdout) == env
    assert "LIBROSA_CACHE_LEVEL='nonsense': librosa raises ValueError" in done.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["true"], "no Python was traced"),
        ([sys.executable, "-I", "-c", "import joblib"], "no Python was traced"),
        ([sys.executable, "-c", "pass"], "joblib was not imported"),
        ([sys.executable, "-c", "import joblib"], "no cached function was called"),
    ],
)
def test_run_without_cached_calls_warns(
    acache: Acache, location: Path, command: list[str], told: str
) -> None:
    done = acache("run", "--", *command)
    assert (done.stdout, done.code) == ("", 0)
    [line] = done.stderr.splitlines()
    assert line.startswith(f"acache: warning: {told}")


def test_run_whose_results_cannot_be_stored_warns(
    acache: Acache, tmp_path: Path, location: Path, script: Callable
) -> None:
    path = script(CACHED.replace("verbose=0", "verbose=0, compress='0'"))
    report = tmp_path / "report.json"
    done = acache("run", "--export-json", report, path)
    assert "acache: warning: no result could be stored" in done.stderr
    assert "no result could be stored" in json.loads(report.read_text())["warnings"][0]


def started(*command: str | Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "acache", "run", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@needs_signals
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGINT", "SIGQUIT"])
def test_run_passes_signals_on(location: Path, script: Callable, name: str) -> None:
    path = script(
        # print would refuse to be called within itself, where the signal comes at once.
        f"{CACHED}\nimport os, signal\n"
        f"signal.signal(signal.{name}, lambda *_: (os.write(1, b'caught\\n'), sys.exit(7)))\n"
        "os.write(1, b'ready\\n')\ntime.sleep(600)\n"
    )
    process = started(path)
    process.send_signal(getattr(signal, name))
    output, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (output, process.returncode) == ("caught\n", 7), errors
    assert "3 misses in 2 functions" in errors


@needs_signals
def test_run_reports_a_script_that_a_signal_ends(location: Path, script: Callable) -> None:
    process = started(script(f"{CACHED}\nprint('ready', flush=True)\ntime.sleep(600)\n"))
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 128 + 15
    assert "3 misses in 2 functions" in errors


@needs_signals
def test_run_passes_ctrl_c_once(location: Path, script: Callable) -> None:
    """At a terminal, where it reaches everyone in the foreground by itself."""
    import pty

    path = script(
        f"{CACHED}\nimport signal\ncaught = []\n"
        "signal.signal(signal.SIGINT, lambda *_: caught.append(1))\n"
        "print('ready', flush=True)\n"
        "while not caught: time.sleep(0.01)\n"
        "time.sleep(0.3)\nprint('caught', len(caught), flush=True)\n"
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\nos.kill(os.getpid(), signal.SIGINT)\n"
    )
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "acache", "run", str(path)])
    shown = b""
    sent = False
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
        if b"ready" in shown and not sent:
            os.write(terminal, b"\x03")
            sent = True
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    assert b"caught 1\r\n" in shown
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"3 misses in 2 functions" in shown


@needs_signals
def test_run_leaves_an_ignored_ctrl_c_ignored(location: Path, script: Callable) -> None:
    path = script(
        "import signal, time\nprint('ready', flush=True)\n"
        "assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN\ntime.sleep(0.5)\nprint('done')\n"
    )
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-m", "acache", "run", path],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "done\n"
    assert process.returncode == 0


@needs_signals
def test_run_ignores_that_nobody_reads_its_report(location: Path, script: Callable) -> None:
    path = script(f"{CACHED}\nsys.exit(5)\n")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "acache", "run", path], stderr=write, check=False)
    os.close(write)
    assert done.returncode == 5


def test_run_counts_calls_in_children(acache: Acache, location: Path, script: Callable) -> None:
    path = script(
        f"{CACHED}\nfrom joblib import Parallel, delayed\n"
        "Parallel(2)(delayed(slow)(x) for x in range(6))\n"
    )
    told = acache("run", path).stderr
    assert "2 hits, 7 misses in 2 functions" in told


def test_run_gives_the_script_its_own_stdout(
    location: Path, script: Callable, tmp_path: Path
) -> None:
    """So it takes no longer for a script that prints much."""
    path = script("import os\nprint(os.fstat(1).st_ino)\nprint('x' * 1_000_000)")
    with (tmp_path / "printed").open("w+") as printed:
        command = [sys.executable, "-m", "acache", "run", path]
        subprocess.run(command, stdout=printed, check=True, timeout=PATIENCE_SECONDS)
        printed.seek(0)
        number, text = printed.read().splitlines()
    assert int(number) == (tmp_path / "printed").stat().st_ino
    assert text == "x" * 1_000_000
