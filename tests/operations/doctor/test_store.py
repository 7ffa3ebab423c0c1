"""Checks of what a store holds: joblib does what they say, until it is fixed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import pytest

from acache.config.settings import Config
from acache.operations.doctor.registry import examine
from acache.operations.keep import keep
from acache.operations.prune import Limits
from acache.operations.verify.store import verify
from acache.store.store import Store
from tests.helpers.doctored import call, checks, edit, run_fix
from tests.helpers.marks import needs_links
from tests.helpers.processes import Result, dead_pid, run_line, run_python
from tests.helpers.stores import write_entry, write_temporary


def test_limits_of_the_environment(location: Path) -> None:
    assert checks(location)["limits"].status == "ok"
    found = checks(location, MAX_SIZE="big")["limits"]
    assert (found.status, found.fix) == ("problem", "unset LIBROSA_CACHE_MAX_SIZE")
    over = checks(location, MAX_ITEMS="1")["limits"]
    assert over.status == "warning"
    assert over.message.startswith("1 entry is over the limits")
    assert over.fix == "acache prune"
    assert checks(location, MAX_ITEMS="2", MAX_AGE="1d")["limits"].status == "ok"
    assert checks(location.parent / "none", MAX_ITEMS="1")["limits"].status == "ok"


def test_limits_that_something_keeps(location: Path) -> None:
    assert "nothing but acache prune" in checks(location, MAX_ITEMS="2")["limits"].message
    assert "only acache prune" in checks(location, MAX_ITEMS="1")["limits"].message
    keep(Store(location), Limits(max_items=2))
    found = checks(location, MAX_ITEMS="2")["limits"]
    assert (found.status, found.message.endswith("last measured it 0 minutes ago")) == ("ok", True)
    over = checks(location, MAX_ITEMS="1")["limits"]
    assert (over.status, over.message.endswith("evicts at its next call")) == ("warning", True)


def test_limits_that_mean_nothing_are_all_unset_at_once(tmp_path: Path) -> None:
    found = checks(tmp_path, MAX_SIZE="x", MAX_AGE="y", MAX_ITEMS="5")["limits"]
    assert found.status == "problem"
    assert found.fix == "unset LIBROSA_CACHE_MAX_SIZE LIBROSA_CACHE_MAX_AGE"


def test_leftovers_of_failed_writes(tmp_path: Path) -> None:
    location = tmp_path / "location"
    code = (
        "import sys, warnings, joblib\n"
        "warnings.simplefilter('ignore')\n"
        "def f(x): return x\n"
        "joblib.Memory(sys.argv[1], compress='1', verbose=0).cache(f)(1)"
    )
    run_python(code, location)
    [stray] = location.rglob("output.pkl.*")
    found = checks(location)["leftovers"]
    assert found.status == "ok"
    assert "1 temporary file of the last hour" in found.message
    os.utime(stray, (time.time() - 4000,) * 2)
    found = checks(location)["leftovers"]
    assert found.status == "warning"
    assert "1 temporary file and 1 folder without result" in found.message
    run_fix(found.fix, location)
    assert checks(location)["leftovers"].message == "none"
    assert not [*location.rglob("output.pkl*")]


def test_stale_results_of_two_environments(location: Path) -> None:
    assert checks(location)["stale"].status == "ok"
    edit(location, "return x", "return +x")  # the other environment's version
    found = checks(location)["stale"]
    assert found.status == "warning"
    assert "doctored.f" in found.message
    assert "joblib drops 2 entries" in found.message
    call(location, 1)
    assert len([*location.rglob("output.pkl")]) == 1
    assert checks(location)["stale"].status == "ok"
    edit(location, "return +x", "return x")
    assert checks(location)["stale"].fix == "acache clear --stale"
    call(location, 1, 2)
    edit(location, "return x", "return +x")
    call(location, 3)
    assert len([*location.rglob("output.pkl")]) == 1


def test_stale_is_not_known_of_an_environment_that_is_gone(drifted: Path, tmp_path: Path) -> None:
    environ = {"LIBROSA_CACHE_DIR": str(drifted), "VIRTUAL_ENV": str(tmp_path / "gone")}
    found = {one.id: one for one in examine(Config.from_env(environ))}
    assert found["stale"].status == "ok"
    assert "4 functions cannot be compared" in found["stale"].message
    assert found["versions"].status == "warning"
    assert found["versions"].fix == "unset VIRTUAL_ENV"


def test_sources_that_are_lost_make_joblib_trust_results(location: Path) -> None:
    [source] = location.rglob("func_code.py")
    source.unlink()
    found = checks(location)["sources"]
    assert found.status == "problem"
    assert "of doctored.f is missing or unreadable: joblib computes the next call" in found.message
    assert "of 2 entries may return results of old code" in found.message
    kept = location.parent / "kept"
    shutil.copytree(location, kept)
    edit(location, "return x", "return -x")
    assert call(location, 1, 2) == [-1, 2]  # the first is computed, the second one trusted
    run_fix(found.fix, kept)
    assert checks(kept)["sources"].status == "ok"
    assert call(kept, 1, 2) == [-1, -2]


@pytest.mark.filterwarnings("ignore:Possible name collisions")
@pytest.mark.parametrize("text", ["", "# first line: 4\n", "# first line: 4\ndef f(x"])
def test_sources_that_are_empty_or_cut_make_joblib_drop_results(location: Path, text: str) -> None:
    [source] = location.rglob("func_code.py")
    source.write_text(text)
    found = checks(location)["sources"]
    assert found.status == "warning"
    assert "of doctored.f is empty or cut: joblib drops 2 entries at the next call" in found.message
    [finding] = verify(Store(location)).findings
    assert finding.severity == "problem"
    assert finding.message.endswith("joblib drops them at the function's next call")
    kept = location.parent / "kept"
    shutil.copytree(location, kept)
    call(location, 3)
    assert len([*location.rglob("output.pkl")]) == 1
    assert checks(location)["sources"].status == "ok"
    run_fix(found.fix, kept)
    assert checks(kept)["sources"].status == "ok"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"# first line: 4\ndef f(x):\n    return '\xe9'\n", UnicodeDecodeError),
        (b"# first line:", ValueError),
        (None, IsADirectoryError),
    ],
)
def test_sources_that_are_damaged_make_each_call_raise(
    location: Path, content: bytes | None, error: type[Exception]
) -> None:
    [source] = location.rglob("func_code.py")
    source.unlink()
    if content is None:
        source.mkdir()
    else:
        source.write_bytes(content)
    for _ in range(2):
        with pytest.raises(error):
            call(location, 1)
    found = checks(location)
    assert found["sources"].status == "problem"
    assert found["sources"].message == "func_code.py of doctored.f is damaged: each call raises"
    assert found["stale"].message.startswith("none known")
    [finding] = verify(Store(location)).findings
    assert (finding.kind, finding.severity) == ("missing-source", "problem")
    assert finding.message.endswith("func_code.py: joblib raises at each call")
    run_line(found["sources"].fix or "", LIBROSA_CACHE_DIR=location)
    assert checks(location)["sources"].status == "ok"
    assert call(location, 1) == [1]


def test_sources_of_zeros_are_cut(location: Path) -> None:
    [source] = location.rglob("func_code.py")
    source.write_bytes(bytes(100))
    assert "of doctored.f is empty or cut" in checks(location)["sources"].message
    call(location, 3)
    assert len([*location.rglob("output.pkl")]) == 1


@needs_links
def test_sources_that_are_links_are_read(location: Path) -> None:
    [source] = location.rglob("func_code.py")
    source.rename(location / "elsewhere")
    source.symlink_to(location / "elsewhere")
    assert call(location, 1, 2) == [1, 2]
    assert checks(location)["sources"].status == "ok"


def test_sources_that_are_lost_or_cut_differ(location: Path) -> None:
    for name, text in (("lost", None), ("cut", "# first line: 4\n")):
        write_entry(location / "joblib" / "m" / name, "0" * 32)
        if text is not None:
            (location / "joblib" / "m" / name / "func_code.py").write_text(text)
    found = checks(location)["sources"]
    assert found.status == "problem"
    assert "of m.lost is missing" in found.message
    assert "of 1 entry may return" in found.message
    assert found.message.endswith("of m.cut is empty or cut: joblib drops 1 entry at the next call")
    assert found.fix == "acache clear --function /m/cut --function /m/lost"


FAILING = """
import sys, threading, warnings, joblib
warnings.simplefilter("ignore")
def f(x): return threading.Lock()
joblib.Memory(sys.argv[1], verbose=0).cache(f)(1)
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("code", [FAILING, FAILING.replace("verbose=0", "verbose=0, compress='1'")])
def test_writes_that_failed_are_named_at_once(tmp_path: Path, code: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert checks(tmp_path)["writes"].status == "ok"
        process.communicate()
    found = checks(tmp_path)
    assert found["writes"].status == "warning"
    assert "failed to store 1 result of __main__" in found["writes"].message
    assert found["leftovers"].status == "ok"


def test_writes_that_failed_have_a_reason_that_run_shows(
    acache: Callable[..., Result], tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(FAILING.replace('"ignore"', '"default"').replace("sys.argv[1]", "'cache'"))
    assert "cannot pickle" in acache("run", "--cache-dir", "cache", script).stderr
    assert checks(tmp_path / "cache")["writes"].status == "warning"


def test_writes_that_were_killed_are_no_failures(tmp_path: Path) -> None:
    folder = tmp_path / "joblib" / "m" / "f" / ("0" * 32)
    write_temporary(folder, "output.pkl", dead_pid(), modified=time.time())
    assert checks(tmp_path)["writes"].status == "ok"
    (folder / "metadata.json").write_text("{}")
    os.utime(folder / "metadata.json", (0, 0))
    assert checks(tmp_path)["writes"].status == "ok", "another attempt was under way"
    os.utime(folder / "metadata.json")
    assert checks(tmp_path)["writes"].status == "warning"


MEDIAN = """
import sys, joblib, numpy
memory = joblib.Memory(sys.argv[1], verbose=0)
for function in (numpy.median, __import__("doctored").f):
    cached = memory.cache(function)
    print(bool(cached.check_call_in_cache([1])))
    cached([1])
"""


def test_reuse_of_a_function_with_an_address(location: Path) -> None:
    edit(location, "return x", "return __import__('numpy').median(x)")
    path = {"PYTHONPATH": str(location.parent / "package")}
    output = [run_python(MEDIAN, location, env=path) for _ in range(2)]
    assert output == ["False\nFalse\n", "False\nTrue\n"]
    found = checks(location)["reuse"]
    assert found.status == "warning"
    assert found.message == (
        "joblib recognizes numpy.median by an address in memory: 1 entry is not reused by any"
        " other process; cache a function of your own that calls it"
    )


WITHOUT_SOURCE = """
import sys, joblib
made = {}
exec("def f(x): return x", made)
made["f"].__module__ = "made"
cached = joblib.Memory(sys.argv[1], verbose=0).cache(made["f"])
print(bool(cached.check_call_in_cache(2)))
cached(int(sys.argv[2]))
"""


@pytest.mark.skipif(joblib.__version__ < "1.6", reason="joblib 1.6 takes a fingerprint")
def test_reuse_of_a_function_of_before_joblib_1_6(tmp_path: Path) -> None:
    run_python(WITHOUT_SOURCE, tmp_path, "1")
    run_python(WITHOUT_SOURCE, tmp_path, "2")
    assert run_python(WITHOUT_SOURCE, tmp_path, "2") == "True\n"
    assert checks(tmp_path)["reuse"].status == "ok"
    [source] = tmp_path.rglob("func_code.py")
    source.write_text("# first line: -1\n-6060219775092781303")  # as joblib 1.5 writes
    found = checks(tmp_path)["reuse"]
    assert found.status == "warning"
    assert "recognizes made.f by a number that differs in each process: 2 entries" in found.message
    assert run_python(WITHOUT_SOURCE, tmp_path, "2") == "False\n"
    assert len([*tmp_path.rglob("output.pkl")]) == 1
    assert run_python(WITHOUT_SOURCE, tmp_path, "2") == "True\n"
    assert checks(tmp_path)["reuse"].status == "ok"


def test_reuse_of_a_wrapper_returns_old_results(location: Path) -> None:
    edit(location, "import joblib\n", f"import joblib\n{WRAPPER}@plainly\n")
    call(location, 1)
    edit(location, "return x", "return -x")
    assert call(location, 1) == [1]
    found = checks(location)["reuse"]
    assert found.status == "warning"
    assert "joblib compares only the source of a wrapper of doctored.f: after" in found.message


WRAPPER = """
import functools
def plainly(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    return wrapper
"""


def test_reuse_of_a_function_with_a_mmap_mode_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mapped.py").write_text(
        "import joblib, numpy, sys\nfrom acache import CacheManager\n"
        "@joblib.Memory(sys.argv[1], verbose=0).cache(mmap_mode='r')\n"
        "def f(x):\n    return numpy.zeros(x)\n"
        "@CacheManager(sys.argv[1], verbose=0)(10, mmap_mode='r')\n"
        "def g(x):\n    return numpy.zeros(x)\n"
    )
    code = "import mapped\nfor _ in range(2): made = mapped.f(9), mapped.g(9)\nprint(type(made[0]))"
    location = tmp_path / "location"
    assert "ndarray" in run_python(code, location, env={"PYTHONPATH": str(tmp_path)})
    found = checks(location)["reuse"]
    assert found.status == "warning"
    assert found.message.startswith("joblib ignores the mmap_mode of mapped.f: 1 entry is not")
