"""acache bench, on real scripts with real caches."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from acache.cli.bench import EXIT_MISSED
from tests.helpers.processes import PATIENCE_SECONDS, Result
from tests.helpers.stores import LIBROSA_SCRIPT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows accounts no children")

LEVELLED = Path(__file__).parents[1] / "helpers" / "levelled.py"
# A run takes as long as its script says, and a tenth of a second to start.
WITH_ITS_CLOCK = """
import os, time, types
from acache.operations.bench import runner, timed_run
read = 0
def passed():
    global read
    read += 1
    return os.stat(os.environ["CLOCK"]).st_size / 1000 + read / 10
timed_run.time = types.SimpleNamespace(
    perf_counter=passed, monotonic=time.monotonic, sleep=time.sleep
)
runner.time = types.SimpleNamespace(monotonic=passed)
from acache.cli.app import main
main()
"""
SCRIPT = """
import sys
from levelled import slow, slower
print(len(slow(1000)), len(slower(100_000)), sys.argv[1:], repr(sys.stdin.read()))
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a script with a cache, and have its temporary folder to itself."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("CLOCK", str(tmp_path / "clock"))
    (tmp_path / "clock").touch()
    (tmp_path / "work" / "levelled.py").write_bytes(LEVELLED.read_bytes())
    return write(tmp_path, SCRIPT)


@pytest.fixture
def acache(acache: Callable[..., Result], script: Path) -> Callable[..., Result]:
    """Run the command line with a clock that only the scripts advance."""
    return functools.partial(acache, code=WITH_ITS_CLOCK)


def write(tmp_path: Path, code: str) -> Path:
    path = tmp_path / "work" / "script.py"
    path.write_text(code)
    return path


def is_clean(tmp_path: Path) -> bool:
    return not [*(tmp_path / "tmp").iterdir(), *tmp_path.glob(".acache-bench-*")]


def snapshot(folder: Path) -> dict[str, Any]:
    found = {}
    for path in [folder, *folder.rglob("*")]:
        stat = path.stat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path)] = (stat.st_mtime_ns, stat.st_atime_ns, stat.st_ino, content)
    return found


def test_bench_reports_every_level(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    store = tmp_path / "cache"
    env = {"LIBROSA_CACHE_DIR": str(store), "LIBROSA_CACHE_LEVEL": "20"}
    subprocess.run(
        [sys.executable, script], env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL
    )
    for path in store.rglob("*"):  # so that reading would change the access time
        os.utime(path, (1e9, path.stat().st_mtime))
    (store / "joblib" / "levelled").stat()
    before = {path: path.stat().st_atime_ns for path in store.rglob("*.pkl")}
    done = acache(
        "bench",
        "--runs",
        "3",
        "--warmup",
        "0",
        "--levels",
        "30,10,20",
        "--json",
        script,
        "-x",
        env=env,
    )
    assert done.code == 0
    assert {path: path.stat().st_atime_ns for path in store.rglob("*.pkl")} == before
    report = done.document
    assert list(report) == [
        *("schema", "kind", "command", "runs", "environment", "off", "levels"),
        *("recommended_level", "warnings"),
    ]
    assert report["command"] == [str(script), "-x"]
    assert report["runs"] == 3
    assert len(report["off"]["times"]) == 3
    assert report["off"]["times"] == pytest.approx([0.1 + 0.8 + 1.2] * 3)
    none, some, most = report["levels"]
    assert (none["level"], none["entries"], none["hits"], none["misses"]) == (10, 0, 0, 0)
    assert none["speedup"] is None
    assert none["speedup_ci"] is None
    assert (some["level"], some["entries"], some["hits"], some["misses"]) == (20, 1, 1, 0)
    assert (most["level"], most["entries"], most["hits"], most["misses"]) == (30, 2, 2, 0)
    assert most["speedup"] == report["off"]["median"] / most["warm"]["median"]
    assert some["speedup"] == pytest.approx(2.1 / 1.3)
    assert most["speedup"] == pytest.approx(2.1 / 0.1)
    low, high = most["speedup_ci"]
    assert low <= most["speedup"] <= high
    assert most["same_output"]
    assert most["break_even_runs"] == pytest.approx(1)  # storing takes no time of this clock
    assert most["size_bytes"] > 100_000
    assert most["disk_bytes"] >= most["size_bytes"]
    assert report["recommended_level"] == 30
    assert any(w.startswith("level 10: nothing is cached") for w in report["warnings"])
    assert set(most["warm"]) == {
        *("times", "median", "mad", "mean", "stddev", "min", "max"),
        *("user", "system", "max_rss_bytes"),
    }
    assert "3 rounds of 7 runs: about" in done.stderr
    assert is_clean(tmp_path)


def test_bench_leaves_the_users_store_alone(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    store = tmp_path / "cache"
    env = {"LIBROSA_CACHE_DIR": str(store), "LIBROSA_CACHE_LEVEL": "30"}
    subprocess.run([sys.executable, script], env={**os.environ, **env}, check=True)
    before = snapshot(store)
    snapshot(store)  # reading it has changed what reading changes
    before = snapshot(store)
    assert acache("bench", "--runs", "1", "--levels", "30", script, env=env).code == 0
    assert {k: v[:1] + v[2:] for k, v in snapshot(store).items()} == {
        k: v[:1] + v[2:] for k, v in before.items()
    }


def test_bench_table_of_one_run(script: Path, acache: Callable[..., Result]) -> None:
    done = acache("bench", "--runs", "1", "--warmup", "0", "--levels", "20,30", script)
    assert done.code == 0
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80
    assert "export LIBROSA_CACHE_DIR=~/.cache/librosa LIBROSA_CACHE_LEVEL=30" in done.stdout
    assert "1 run each; too few" in done.stdout
    assert "±" not in done.stdout
    assert "give --runs 3" in done.stderr


def test_bench_exports_json_markdown_and_a_plot(
    script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    done = acache(
        *("bench", "--runs", "1", "--warmup", "0", "--levels", "30"),
        *("--export-json", "a.json", "--export-markdown", "a.md", "--plot", "a.svg", script),
    )
    assert done.code == 0
    assert "Traceback" not in done.stderr
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["kind"] == "bench"
    assert "| 30 cold |" in (tmp_path / "a.md").read_text()
    assert "level 30, cold" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--levels", "ten"), "'ten' is not a list of levels"),
        (("--runs", "0"), "--runs"),
        (("--export-json", "none/a.json"), "cannot be written: No such file"),
        (("--plot", "a.gif"), "does not end with one of .png, .svg, .pdf"),
        (("--fail-under", "-1"), "--fail-under"),
        (("--fail-under", "nan"), "'nan' is not a ratio"),
        (("--time-limit", "soon"), "'soon'"),
    ],
)
def test_bench_refuses_invalid_options_before_it_runs_anything(
    option: tuple[str, str], told: str, script: Path, tmp_path: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')")
    done = acache("bench", *option, script)
    assert done.code == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "ran").exists()


def test_bench_of_a_script_that_is_not_there(acache: Callable[..., Result]) -> None:
    for words in (("none.py",), ("--", "no-such-command")):
        done = acache("bench", *words)
        assert (done.code, done.stdout) == (2, "")
        assert done.stderr.startswith("acache: error: there is no")
    assert acache("bench").code == 2


def test_bench_exits_with_4_below_a_threshold(script: Path, acache: Callable[..., Result]) -> None:
    options = ("bench", "--runs", "1", "--warmup", "0", "--levels", "30")
    assert acache(*options, "--fail-under", "1.1", script).code == 0
    missed = acache(*options, "--fail-under", "1000", script)
    assert missed.code == EXIT_MISSED == 4
    assert "is below --fail-under 1000" in missed.stderr
    assert "speed-up" in missed.stdout
    command = [sys.executable, "-m", "acache", *options, "--fail-under", "1000", str(script)]
    unread = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert unread.stdout is not None
    unread.stdout.close()
    assert unread.wait(PATIENCE_SECONDS) == EXIT_MISSED


def test_bench_of_a_script_that_fails(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import sys; print('lost'); sys.exit('the\\x1b[2J reason')")
    done = acache("bench", script)
    assert (done.code, done.stdout) == (1, "")
    *tail, last = done.stderr.splitlines()
    assert tail == ["  the\\x1b[2J reason"]
    assert last.endswith("script.py failed with exit code 1, with the cache off")
    assert is_clean(tmp_path)


def test_bench_of_a_script_whose_package_is_missing(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import no_such_package")
    done = acache("bench", script)
    assert done.code == 1
    assert "name a Python that has the missing module with --python PATH" in done.stderr


def test_bench_of_a_script_that_a_signal_ends(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import os; os.kill(os.getpid(), 9)")
    done = acache("bench", script)
    assert done.code == 1
    assert "was ended by signal 9 (SIGKILL)" in done.stderr


def test_bench_of_a_script_that_fails_at_one_level(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import os, sys; sys.exit(3 if 'LIBROSA_CACHE_DIR' in os.environ else 0)")
    done = acache("bench", "--levels", "20", script)
    assert done.code == 1
    assert "failed with exit code 3, at level 20, cold" in done.stderr
    assert is_clean(tmp_path)


def test_bench_of_a_script_that_caches_nothing(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "print('x' * 1_000_000)")
    done = acache("bench", "--runs", "3", "--levels", "10,40", script)
    assert done.code == 0
    assert "Nothing was cached, so nothing is faster." in done.stdout
    assert done.stdout.count("nothing cached") == 2
    assert not re.search(r"\d\.\d\dx", done.stdout)
    assert "nothing is cached at any level" in done.stderr
    assert "most of which is Python's start" in done.stderr


def test_bench_of_a_script_with_random_output(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import random\nfrom levelled import slow\nslow(9)\nprint(random.random())")
    done = acache("bench", "--runs", "3", "--levels", "20", "--json", script)
    (level,) = done.document["levels"]
    assert not level["same_output"]
    assert any(
        "prints something else even without the cache" in text for text in done.document["warnings"]
    )
    assert done.document["recommended_level"] == 20


def test_bench_of_a_script_whose_output_the_cache_changes(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(
        tmp_path,
        "import os\nfrom levelled import slow\nslow(9)\nprint('LIBROSA_CACHE_DIR' in os.environ)",
    )
    done = acache("bench", "--runs", "3", "--levels", "20", "--json", script)
    assert done.document["recommended_level"] is None
    assert any(
        "differs from the one without the cache" in text for text in done.document["warnings"]
    )
    told = acache("bench", "--runs", "3", "--levels", "20", "--fail-under", "1.1", script)
    assert re.search(r"Level 20 is \d.\d\dx as fast, but read the warnings", told.stdout)
    assert told.code == EXIT_MISSED


def test_bench_of_a_script_whose_arguments_always_differ(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import time\nfrom levelled import slow\nslow(time.time_ns() % 100_000)")
    done = acache("bench", "--runs", "1", "--levels", "20", "--json", script)
    (level,) = done.document["levels"]
    assert (level["hits"], level["misses"], level["entries"]) == (0, 1, 1)
    assert any("arguments differ on each run" in text for text in done.document["warnings"])
    assert done.document["recommended_level"] is None


def test_bench_of_a_script_that_forks(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(
        tmp_path,
        "import os\nfrom levelled import slow\npid = os.fork()\nslow(pid and 7)\n"
        "pid and os.waitpid(pid, 0) or os._exit(0)",
    )
    done = acache("bench", "--runs", "1", "--levels", "20", "--json", script)
    (level,) = done.document["levels"]
    assert (level["hits"], level["misses"], level["entries"]) == (2, 0, 2)


OWN = """
import time
from joblib import Memory
memory = Memory("own", verbose=0)
@memory.cache
def f(x):
    time.sleep(0.1)
f(1)
"""


def test_script_with_only_a_cache_of_its_own_is_not_timed(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, OWN)
    done = acache("bench", "--runs", "3", "--levels", "10,20", script)
    assert (done.code, done.stdout) == (1, "")
    assert f"caches only in {tmp_path / 'own' / 'joblib'} (1 hits, 0 misses)" in done.stderr
    assert "joblib.Memory(os.environ.get('LIBROSA_CACHE_DIR'))" in done.stderr
    assert is_clean(tmp_path)


def test_cache_of_its_own_beside_the_configured_one_is_named(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, f"{OWN}\nfrom levelled import slow\nslow(9)")
    done = acache("bench", "--runs", "1", "--levels", "20", "--json", script)
    assert (done.code, done.document["levels"][0]["hits"]) == (0, 1)
    assert any(f"also caches in {tmp_path / 'own'}" in one for one in done.document["warnings"])


def test_bench_of_a_command_that_is_no_python(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    done = acache("bench", "--runs", "1", "--levels", "20", "--json", "--", "true")
    assert done.code == 0
    (level,) = done.document["levels"]
    assert (level["hits"], level["misses"]) == (None, None)


def test_bench_names_settings_with_which_writes_fail(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    (tmp_path / "work" / "librosa_script.py").write_text(
        "import librosa\nlibrosa.filters.mel(sr=22050, n_fft=512)\n"
    )
    done = acache(
        *("bench", "--runs", "1", "--warmup", "0", "--levels", "10"),
        tmp_path / "work" / "librosa_script.py",
        env={"LIBROSA_CACHE_COMPRESS": "1"},
    )
    assert done.code == 0
    assert "writes fail" in done.stdout
    assert "every write to the cache fails" in done.stderr
    assert "unset LIBROSA_CACHE_COMPRESS=1" in done.stderr
    assert done.stderr.count("librosa caches nothing: every write fails") == 1
    assert "Results could not be stored" in done.stdout


def test_bench_names_settings_with_which_runs_fail(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import os; int(os.environ['LIBROSA_CACHE_LEVEL'])")
    done = acache("bench", script, env={"LIBROSA_CACHE_LEVEL": "abc"})
    assert done.code == 1
    assert "LIBROSA_CACHE_LEVEL='abc'" in done.stderr.splitlines()[0]


def test_bench_keeps_its_times_if_only_the_traced_run_fails(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "import os, sys; sys.exit('ACACHE_TRACE' in os.environ)")
    done = acache("bench", "--runs", "1", "--levels", "10", "--json", script)
    assert done.code == 0
    (level,) = done.document["levels"]
    assert (level["hits"], level["misses"]) == (None, None)


def test_bench_runs_fewer_rounds_within_a_time_limit(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    done = acache(
        *("bench", "--time-limit", "1s", "--runs", "9", "--levels", "20", "--json", script)
    )
    assert done.document["runs"] == 1
    assert any("only 1 round of 9" in text for text in done.document["warnings"])


def test_bench_shows_output_if_asked(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(tmp_path, "print('hello')")
    options = ("bench", "--runs", "1", "--warmup", "0", "--levels", "10", "--json")
    assert acache(*options, "--show-output", script).stderr.count("hello") == 4
    assert "hello" not in acache(*options, script).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_bench_leaves_nothing_after_a_signal(tmp_path: Path, script: Path, number: int) -> None:
    write(
        tmp_path,
        "import os, time\nfrom levelled import slow\nslow(9)\n"
        f"open({str(tmp_path / 'level')!r} + os.environ['LIBROSA_CACHE_LEVEL'], 'w')\n"
        "'LIBROSA_CACHE_DIR' in os.environ and time.sleep(600)",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "acache", "bench", "--warmup", "0", "--levels", "30", script],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LIBROSA_CACHE_LEVEL": "20"},
    )
    while not (tmp_path / "level30").exists():
        assert process.poll() is None
        time.sleep(0.02)
    assert [*(tmp_path / "tmp").iterdir()]
    process.send_signal(number)
    _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == (130 if number == signal.SIGINT else 143)
    assert "Traceback" not in stderr
    assert is_clean(tmp_path)


def test_bench_runs_scripts_with_the_chosen_python(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho ran >> {tmp_path}/log\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    write(tmp_path, "")
    done = acache("--python", python, "bench", "--runs", "1", "--levels", "10", script)
    assert done.code == 0
    assert (tmp_path / "log").read_text().count("ran") >= 5


def test_bench_of_librosa(tmp_path: Path, script: Path, acache: Callable[..., Result]) -> None:
    """On the clock of the system."""
    separation = "harmonic, percussive = librosa.effects.hpss(y)"  # takes most of its time
    assert separation in LIBROSA_SCRIPT
    write(tmp_path, LIBROSA_SCRIPT.replace(separation, "harmonic = percussive = y"))
    options = ("--runs", "1", "--warmup", "0", "--levels", "50", "--json")
    done = acache("bench", *options, script, code=None)
    (high,) = done.document["levels"]
    assert high["entries"] > 10
    assert high["hits"] > 0
    assert high["misses"] == 0
    assert high["same_output"]
    assert "librosa" in done.document["environment"]["packages"]


def test_bench_keeps_its_stores_beside_the_configured_location(
    tmp_path: Path, script: Path, acache: Callable[..., Result]
) -> None:
    write(
        tmp_path,
        f"import os; print(os.environ.get('LIBROSA_CACHE_DIR'), "
        f"file=open({str(tmp_path / 'log')!r}, 'a'))",
    )
    location = tmp_path / "disk" / "cache"
    location.parent.mkdir()
    assert (
        acache("--cache-dir", location, "bench", "--runs", "1", "--levels", "10", script).code == 0
    )
    used = set((tmp_path / "log").read_text().split())
    assert used == {"None", *(u for u in used if u.startswith(f"{location.parent}/.acache-bench-"))}
    assert len(used) == 2
    assert not location.exists()


def test_bench_compares_with_an_earlier_benchmark(
    acache: Callable[..., Result], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import time; time.sleep(0.05)\n")
    # With one run, what is more than noise does not depend on how busy the machine is.
    options = ("--levels", "10", "--runs", "1", "--warmup", "0")
    old = tmp_path / "old.json"
    assert acache("bench", *options, "--export-json", old, script).code == 0
    document = json.loads(old.read_text())
    document["off"]["times"] = [0.001]
    old.write_text(json.dumps(document))
    compare = ("--compare", old, "--fail-slower", "20")
    result = acache("bench", *options, *compare, script)
    assert result.code == 4
    assert "off: " in result.stdout
    assert "slower" in result.stdout
    assert "more than --fail-slower 20" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fail-slower", "10"], "needs --compare"),
        (["--compare", "none.json"], "cannot be read"),
        (["--compare", "none.json", "--fail-slower", "nan"], "not a percentage"),
    ],
)
def test_bench_refuses_a_comparison_that_is_not_valid(
    acache: Callable[..., Result], tmp_path: Path, options: list[str], words: str
) -> None:
    result = acache("bench", *options, tmp_path / "script.py")
    assert result.code == 2
    assert words in result.stderr
