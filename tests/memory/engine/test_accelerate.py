"""`accelerate`: every joblib.Memory of a process, and of its children."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib import memory
from joblib._store_backends import FileSystemStoreBackend

import acache
from acache import CacheManager
from acache.memory.engine import accelerate as accelerating
from acache.memory.engine import methods
from tests.helpers.marks import needs_fork, needs_posix
from tests.helpers.processes import run_python

TESTS = Path(joblib.__file__).parent / "test"
JOBLIBS = [
    TESTS / name
    for name in ("test_memory.py", "test_memory_async.py", "test_store_backends.py")
    if (TESTS / name).exists()
]


@pytest.fixture(autouse=True)
def nothing_stays_accelerated() -> Iterator[None]:
    yield
    assert not is_accelerated()


def is_accelerated() -> bool:
    return memory.MemorizedFunc.__call__ is methods.METHODS["__call__"]


def function(x: Any) -> Any:
    return [x]


@pytest.mark.skipif(not TESTS.exists(), reason="joblib was installed without its tests")
@pytest.mark.parametrize("settled", ["", "1"])
def test_accelerated_joblib_passes_its_own_tests(tmp_path: Path, settled: str) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    root = Path(__file__).parents[3]
    environ = {
        "PYTHONPATH": os.pathsep.join([str(root), *filter(None, sys.path)]),
        "ACACHE_TEST_SETTLED": settled,
    }
    options = ["-q", "-c", "pytest.ini", "--rootdir", ".", "--basetemp", "temporary"]
    options += ["-p", "no:cacheprovider", "-p", "tests.memory.engine.joblib_accelerated"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *map(str, JOBLIBS)],
        cwd=tmp_path,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    answered = re.search(r"answered fast: (\d+)", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 60
    assert answered is not None
    assert not settled or int(answered[1]) > 15


def test_accelerate_takes_functions_made_before_and_after_and_gives_them_back(
    tmp_path: Path,
) -> None:
    before = joblib.Memory(str(tmp_path), verbose=0).cache(function)
    joblibs = memory.MemorizedFunc.__call__
    with acache.accelerate():
        assert is_accelerated()
        after = joblib.Memory(str(tmp_path), verbose=0).cache(function)
        assert type(before) is type(after) is memory.MemorizedFunc
        assert before(1) == after(1) == [1]
        [source] = tmp_path.rglob("func_code.py")
        os.utime(source, (0, 0))
        assert before(1) == [1]
        assert methods.answer(before, (1,), {}) == methods.answer(after, (1,), {}) == [1]
    assert memory.MemorizedFunc.__call__ is joblibs
    assert before(1) == after(1) == [1]
    assert not {"_acache", "acache"} & vars(before).keys()


def test_accelerate_leaves_locations_to_other_backends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured = []

    class Backend(FileSystemStoreBackend):
        def configure(self, location: str, *args: Any, **kwargs: Any) -> None:
            configured.append(location)
            super().configure(str(tmp_path), *args, **kwargs)

    monkeypatch.setitem(memory._STORE_BACKENDS, "elsewhere", Backend)
    with acache.accelerate():
        for backend in (["elsewhere"], []):
            named = {} if backend else {"backend": "elsewhere"}
            cached = joblib.Memory("s3://bucket/x", *backend, verbose=0, **named).cache(function)
            assert cached(1) == [1]
    assert [location.startswith("s3://bucket/x") for location in configured] == [True, True]


def test_accelerate_may_be_called_more_than_once() -> None:
    one, two = acache.accelerate(), acache.accelerate()
    one.undo()
    one.undo()
    assert is_accelerated()
    two.undo()
    assert not is_accelerated()


def test_accelerate_leaves_what_was_wrapped_meanwhile(tmp_path: Path) -> None:
    joblibs = memory.MemorizedFunc.__call__
    acceleration = acache.accelerate()
    ours = memory.MemorizedFunc.__call__

    def wrapping(self: Any, *args: Any) -> Any:
        return ours(self, *args)

    memory.MemorizedFunc.__call__ = wrapping
    try:
        acceleration.undo()
        assert memory.MemorizedFunc.__call__ is wrapping
        cached = joblib.Memory(str(tmp_path), verbose=0).cache(function)
        assert [cached(1), cached(1)] == [[1], [1]]
    finally:
        memory.MemorizedFunc.__call__ = joblibs


def test_accelerate_leaves_a_manager_of_joblibs_engine(tmp_path: Path) -> None:
    cached = CacheManager(str(tmp_path), engine="joblib", verbose=0)(level=10)(function)
    with acache.accelerate():
        assert [cached(1), cached(1)] == [[1], [1]]
    assert not (tmp_path / ".acache" / "keys").exists()
    assert cached.cache_info()[:2] == (1, 1)  # type: ignore[attr-defined]


def answers(tmp_path: Path, body: str) -> str:
    """Run a script that accelerates itself; `tell` says how a process calls joblib."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys\n"
        "import acache\n"
        "def tell(cached=None):\n"
        "    from joblib import memory\n"
        "    kind = memory.MemorizedFunc.__call__.__module__\n"
        "    return kind, os.getpid() != parent if 'parent' in globals() else True\n"
        f"{textwrap.dedent(body)}"
    )
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


OURS = "acache.memory.engine.methods"


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_accelerate_reaches_the_workers_of_parallel(tmp_path: Path, backend: str) -> None:
    printed = answers(
        tmp_path,
        f"""
        if __name__ == "__main__":
            acache.accelerate()
            import joblib
            jobs = [joblib.delayed(tell)() for _ in range(4)]
            print(*{{kind for kind, _ in joblib.Parallel(n_jobs=2, backend="{backend}")(jobs)}})
        """,
    )
    assert printed == f"{OURS}\n"


@pytest.mark.parametrize(
    "method",
    [
        "spawn",
        pytest.param("fork", marks=needs_fork),
        pytest.param("forkserver", marks=needs_posix),
    ],
)
def test_accelerate_reaches_the_children_of_multiprocessing_and_theirs(
    tmp_path: Path, method: str
) -> None:
    printed = answers(
        tmp_path,
        f"""
        import multiprocessing
        def child(depth):
            print(tell()[0], flush=True)
            if depth:
                process = multiprocessing.get_context("{method}").Process(
                    target=child, args=(depth - 1,)
                )
                process.start()
                process.join()
        if __name__ == "__main__":
            acache.accelerate()
            child(2)
        """,
    )
    assert printed == f"{OURS}\n" * 3


def test_accelerate_makes_no_child_import_joblib(tmp_path: Path) -> None:
    printed = answers(
        tmp_path,
        """
        import multiprocessing
        def child():
            print("joblib" in sys.modules, "numpy" in sys.modules)
        if __name__ == "__main__":
            acache.accelerate()
            process = multiprocessing.get_context("spawn").Process(target=child)
            process.start()
            process.join()
        """,
    )
    assert printed == "False False\n"


def test_accelerate_reaches_no_child_after_undo(tmp_path: Path) -> None:
    printed = answers(
        tmp_path,
        """
        import multiprocessing
        def child():
            print(tell()[0])
        if __name__ == "__main__":
            with acache.accelerate():
                pass
            process = multiprocessing.get_context("spawn").Process(target=child)
            process.start()
            process.join()
        """,
    )
    assert printed == "joblib.memory\n"


def test_accelerate_of_librosa_unmodified(tmp_path: Path) -> None:
    code = """
import sys
import numpy as np
import acache
def printed():
    y = np.sin(np.arange(22050, dtype=np.float32) / 10)
    print(float(np.abs(librosa.stft(y)).sum()), float(librosa.feature.melspectrogram(y=y).sum()))
if sys.argv[1] == "after":
    import librosa
    printed()
    acache.accelerate()
else:
    acache.accelerate()
    import librosa, joblib.memory
    def forbidden(*args, **kwargs): raise AssertionError
    joblib.memory.hashing.hash = forbidden
printed()
"""
    environ = {"LIBROSA_CACHE_DIR": str(tmp_path), "LIBROSA_CACHE_LEVEL": "50"}
    first, second = run_python(code, "after", env=environ).splitlines()
    assert first == second
    assert run_python(code, "before", env=environ) == f"{first}\n"


def test_accelerate_takes_mapped_results(tmp_path: Path) -> None:
    def large(x: int) -> Any:
        return np.full(1 << 18, x, np.float64)

    def total(array: Any) -> float:
        return float(array.sum())

    cache = joblib.Memory(str(tmp_path), verbose=0)
    expected = cache.cache(total)(cache.cache(large)(2))
    hashed = joblib.hash(cache.cache(large)(2))
    with acache.accelerate():
        first, second = cache.cache(large), cache.cache(total)
        for _ in range(3):
            assert second(first(2)) == expected
            assert joblib.hash(first(2)) == hashed
    assert len(list(tmp_path.rglob("output.pkl"))) == 2
    assert not accelerating._active
