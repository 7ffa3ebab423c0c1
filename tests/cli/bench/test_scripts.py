"""acache bench of scripts that fail, cache nothing, or behave in other unusual ways."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acache.cli.bench import EXIT_MISSED
from tests.helpers.benches import is_clean, write
from tests.helpers.processes import PATIENCE_SECONDS, Result

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows accounts no children")


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
