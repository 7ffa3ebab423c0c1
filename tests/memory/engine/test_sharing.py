"""Results that are shared through a bucket, by processes that are the machines of a team."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.buckets import MotoServer, keys, put
from tests.helpers.processes import PATIENCE_SECONDS, Result, run_python

Run = Callable[..., Result]

MODULE = """
import sys
import numpy as np
from acache import CacheManager

cache = CacheManager(sys.argv[1], local=sys.argv[2], level=50, verbose=0)

@cache(20)
def noise(seed, n=3000):
    print("computing", seed)
    return np.random.default_rng(seed).normal(size=n)
"""
CALL = f"{MODULE}\nprint(noise(int(sys.argv[3])).sum(), noise.cache_info()[:2])"


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., str]:
    """Call the function of a module on one of the team's machines."""
    script = tmp_path / "work.py"

    def run(url: str, machine: str, seed: int, *, text: str = CALL, **env: str) -> str:
        script.write_text(text)
        done = subprocess.run(
            [sys.executable, "-W", "always", script, url, tmp_path / machine, str(seed)],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def results(url: str, moto: MotoServer) -> list[str]:
    return [key for key in keys(url, moto.environment) if key.endswith("/output.pkl")]


def test_sharing_answers_on_another_machine(
    call: Callable[..., str], bucket: str, moto: MotoServer, tmp_path: Path
) -> None:
    first = call(bucket, "one", 1)
    assert "computing 1" in first
    assert len(results(bucket, moto)) == 1
    second = call(bucket, "two", 1)
    assert "computing" not in second
    assert second.split()[0] == first.split()[2]  # the sum
    assert "(1, 0)" in second
    before = len(moto.requests())
    assert "(1, 0)" in call(bucket, "two", 1)
    assert moto.requests()[before:] == []  # the local store answers first
    sizes = {path.stat().st_size for path in tmp_path.rglob("output.pkl")}
    assert len(list(tmp_path.rglob("output.pkl"))) == 2
    assert len(sizes) == 1


def test_shared_entry_is_whole_as_joblib_wrote_it(
    call: Callable[..., str], bucket: str, tmp_path: Path
) -> None:
    call(bucket, "one", 1)
    call(bucket, "two", 1)
    for name in ("output.pkl", "metadata.json", "func_code.py"):
        one, two = (next((tmp_path / machine).rglob(name)) for machine in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_sharing_keeps_versions_of_a_function_side_by_side(
    call: Callable[..., str], bucket: str, moto: MotoServer
) -> None:
    other = CALL.replace(".normal(", ".uniform(")
    call(bucket, "one", 1)
    assert "computing 1" in call(bucket, "two", 1, text=other)
    assert len(results(bucket, moto)) == 2
    assert "computing" not in call(bucket, "three", 1)
    assert "computing" not in call(bucket, "four", 1, text=other)
    # A changed source drops the local entries, as joblib does, and nobody else's.
    assert "computing" not in call(bucket, "one", 1, text=other)
    assert len(results(bucket, moto)) == 2


def test_read_only_sharing_uploads_nothing(
    call: Callable[..., str], bucket: str, moto: MotoServer
) -> None:
    text = CALL.replace("level=50", "level=50, read_only=True")
    call(bucket, "one", 1, text=text)
    assert keys(bucket, moto.environment) == []
    call(bucket, "one", 2)
    assert "computing" not in call(bucket, "two", 2, text=text)


def test_sharing_goes_on_without_its_bucket_and_resumes(
    call: Callable[..., str], bucket: str, moto: MotoServer, tmp_path: Path
) -> None:
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    code = CALL.replace("noise(int(sys.argv[3])).sum()", "noise(1).sum(), noise(2).sum()")
    said = call(bucket, "one", 0, text=code, **away)
    assert said.count("AcacheWarning") == 1
    assert "the server cannot be reached" in said
    assert "(0, 2)" in said
    notes = list((tmp_path / "one" / ".acache" / "uploads").rglob("*-*"))
    assert len(notes) == 2
    assert results(bucket, moto) == []
    call(bucket, "one", 3)
    assert len(results(bucket, moto)) == 3
    assert not [note for note in notes if note.exists()]


def test_missing_bucket_is_one_warning(call: Callable[..., str], bucket: str) -> None:
    said = call("s3://no-such-bucket/x", "one", 1)
    assert said.count("AcacheWarning") == 1
    assert "there is no such bucket" in said
    assert "(0, 1)" in said


def test_forbidden_bucket_is_one_warning(
    call: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # moto asks who calls after this many requests: that which makes the bucket.
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "1")
    server = MotoServer()
    try:
        url = f"{server.bucket()}/team"
        said = call(url, "one", 1, **server.environment)
        assert said.count("AcacheWarning") == 1
        assert "(0, 1)" in said
        assert "secret-of" not in said
        assert list((tmp_path / "one" / ".acache" / "uploads").rglob("*-*")) == []
    finally:
        server.close()


def test_missing_obstore_is_one_warning(call: Callable[..., str], bucket: str) -> None:
    said = call(bucket, "one", 1, text=f"import sys; sys.modules['obstore'] = None\n{CALL}")
    assert "pip install 'acache[remote]'" in said
    assert said.count("AcacheWarning") == 1
    assert "(0, 1)" in said


class Evil:
    """Runs a command where it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch SPRUNG",)


@pytest.mark.parametrize("data", [pickle.dumps(Evil()), b"", b"damaged", pickle.dumps(1)[:-2]])
def test_shared_pickle_is_judged_before_it_is_loaded(
    data: bytes, call: Callable[..., str], bucket: str, moto: MotoServer, tmp_path: Path
) -> None:
    call(bucket, "one", 1)
    put(bucket, results(bucket, moto)[0], data, moto.environment)
    said = call(bucket, "two", 1)
    assert "computing 1" in said
    assert not list(tmp_path.rglob("SPRUNG"))
    assert not Path("SPRUNG").exists()
    if b"system" in data:
        assert "may run code" in said
    assert "computing" not in call(bucket, "two", 1)
    assert list(tmp_path.rglob("output.pkl.*")) == []


def test_results_of_own_classes_are_shared_once_they_are_allowed(
    call: Callable[..., str], bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "own_results.py").write_text("class Result:\n    pass\n")
    code = CALL.replace("import numpy as np", "import numpy as np\nfrom own_results import Result")
    code = code.replace("return np.random.default_rng(seed).normal(size=n)", "return Result()")
    code = code.replace(".sum()", "")
    call(bucket, "one", 1, text=code)
    said = call(bucket, "two", 1, text=code)
    assert "computing 1" in said
    assert "own_results.Result" in said
    allowing = code.replace("level=50", "level=50, allow=['own_results.Result']")
    assert "computing" not in call(bucket, "three", 1, text=allowing)


def test_local_limits_hold_for_what_comes_from_the_bucket(
    call: Callable[..., str], bucket: str, tmp_path: Path
) -> None:
    call(bucket, "one", 1)
    limited = CALL.replace("level=50", "level=50, max_size='1kB'")
    said = call(bucket, "two", 1, text=limited)
    assert "computing" not in said
    assert "(1, 0)" in said
    assert list((tmp_path / "two").rglob("output.pkl")) == []
    assert list((tmp_path / "two").rglob("metadata.json")) == []


def test_killed_upload_is_resumed_by_the_next_process(
    bucket: str, moto: MotoServer, tmp_path: Path, call: Callable[..., str]
) -> None:
    script = tmp_path / "work.py"
    script.write_text(f"{CALL}\nimport os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    hanging = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, script, bucket, tmp_path / "one", "7"],
        env={**os.environ, **hanging},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL
    assert results(bucket, moto) == []
    call(bucket, "one", 8, text=CALL.replace("import sys\n", "import sys\n", 1))
    assert len(results(bucket, moto)) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_forked_process_leaves_its_uploads_to_its_parent(
    call: Callable[..., str], bucket: str, moto: MotoServer
) -> None:
    code = (
        f"{MODULE}\nimport os\nnoise(1)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    noise(2)\n    os._exit(0)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    call(bucket, "one", 0, text=code)
    assert len(results(bucket, moto)) == 2


def test_workers_of_joblib_share_too(
    call: Callable[..., str], bucket: str, moto: MotoServer
) -> None:
    code = (
        f"{MODULE}\nfrom joblib import Parallel, delayed\n"
        "print(len(Parallel(2)(delayed(noise)(seed) for seed in range(4))))\n"
    )
    call(bucket, "one", 0, text=code)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(results(bucket, moto)) < 4:  # joblib's workers end a moment after their parent
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_accelerated_librosa_shares_through_its_variable(
    bucket: str, moto: MotoServer, tmp_path: Path
) -> None:
    code = (
        "import acache; acache.accelerate()\n"
        "import librosa, numpy as np\n"
        "print(librosa.filters.mel(sr=22050, n_fft=512).sum())\n"
    )
    env = {"LIBROSA_CACHE_DIR": bucket, "LIBROSA_CACHE_LEVEL": "50"}
    first = run_python(code, env={**env, "XDG_CACHE_HOME": str(tmp_path / "one")})
    assert any("librosa/filters/mel/source-" in key for key in results(bucket, moto))
    before = len(results(bucket, moto))
    second = run_python(code, env={**env, "XDG_CACHE_HOME": str(tmp_path / "two")})
    assert second == first
    assert len(results(bucket, moto)) == before
    assert list((tmp_path / "two").rglob("librosa/filters/mel/*/output.pkl")) != []
    assert not Path("s3:").exists()


def test_traced_run_shares_with_the_fast_engine_alone(
    bucket: str, moto: MotoServer, acache: Run, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text("import librosa; print(librosa.filters.mel(sr=22050, n_fft=512).sum())")
    env = {"LIBROSA_CACHE_DIR": bucket, "XDG_CACHE_HOME": str(tmp_path / "one")}
    refused = acache("run", script, env=env)
    assert refused.code == 2
    assert "--engine fast" in refused.stderr
    done = acache("run", "--engine", "fast", script, env=env)
    assert done.code == 0
    assert "warning" not in done.stderr
    assert any("librosa/filters/mel/source-" in key for key in results(bucket, moto))
    assert not (tmp_path / "s3:").exists()


def test_completion_asks_no_bucket(bucket: str, moto: MotoServer, acache: Run) -> None:
    before = len(moto.requests())
    line = ("completion", "--offer", "bash", "functions", "m")
    done = acache(*line, env={"LIBROSA_CACHE_DIR": bucket})
    assert (done.code, done.stderr) == (0, "")
    assert moto.requests()[before:] == []


def test_environment_cache_shares(call: Callable[..., str], bucket: str, tmp_path: Path) -> None:
    text = CALL.replace("from acache import CacheManager", "from acache import cache")
    text = text.replace(
        "cache = CacheManager(sys.argv[1], local=sys.argv[2], level=50, verbose=0)", ""
    )
    env = {"LIBROSA_CACHE_DIR": bucket, "LIBROSA_CACHE_LEVEL": "50"}
    first = call(bucket, "", 1, text=text, **env, XDG_CACHE_HOME=str(tmp_path / "one"))
    second = call(bucket, "", 1, text=text, **env, XDG_CACHE_HOME=str(tmp_path / "two"))
    assert "computing 1" in first
    assert "(1, 0)" in second


@pytest.mark.parametrize(
    "code",
    [
        *("CacheManager('x', local='y')", "CacheManager('x', read_only=True)"),
        *("CacheManager('s3://')", "CacheManager('gcs://bucket/x')"),
    ],
)
def test_sharing_that_cannot_be_meant_raises(code: str) -> None:
    from acache import CacheManager
    from acache.system.errors import UsageError

    with pytest.raises(UsageError):
        eval(code, {"CacheManager": CacheManager})
