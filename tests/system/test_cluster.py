"""A pool of Dask's workers, on a real cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.buckets import free_port
from tests.helpers.clusters import ROOT, Cluster
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS, Result, run_python

POOL = """
import sys
from pathlib import Path
from acache.system.cluster import ClusterPool
from tests.helpers import jobs
with ClusterPool(sys.argv[1]) as pool:
    pool.begin(eval(sys.argv[2]))
    for number in range(10):
        pool.give(number)
    print(pool.size, sorted(pool.take() for _ in range(10)))
"""
SQUARES = str([number * number for number in range(10)])


def test_pool_does_each_share_once(cluster: Cluster) -> None:
    printed = run_python(POOL, cluster.address, "jobs.square", env={"PYTHONPATH": str(ROOT)})
    assert printed == f"4 {SQUARES}\n"


@needs_posix
def test_worker_that_dies_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    job = f"jobs.DyingOnce(Path({str(tmp_path / 'marker')!r}))"
    printed = run_python(POOL, cluster.address, job, env={"PYTHONPATH": str(ROOT)})
    assert printed.endswith(f"{SQUARES}\n")
    assert (tmp_path / "marker").exists()


@needs_posix
def test_share_that_kills_each_worker_is_an_error(cluster: Cluster) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run_python(POOL, cluster.address, "jobs.die", env={"PYTHONPATH": str(ROOT)})
    assert "WorkersDiedError: several workers died" in failed.value.stderr


def test_scheduler_that_does_not_answer_is_one_line(
    acache: Callable[..., Result], tmp_path: Path
) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = acache("stats", "--cache-dir", tmp_path, "--scheduler", address)
    assert done.code == 1
    assert done.stderr.splitlines()[-1:] == [f"acache: error: no scheduler answers at {address}"]
    wrong = acache("stats", "--cache-dir", tmp_path, "--scheduler", "somewhere")
    assert wrong.code == 2
    assert wrong.stderr.splitlines()[-1:] == [
        "acache: error: 'somewhere' is not valid; write tcp://HOST:PORT"
    ]


def test_missing_dask_is_one_line(acache: Callable[..., Result], tmp_path: Path) -> None:
    code = "import sys; sys.modules['distributed'] = None; from acache.__main__ import main; main()"
    done = acache("stats", "--cache-dir", tmp_path, "--scheduler", "127.0.0.1:1", code=code)
    assert done.code == 2
    assert done.stderr.splitlines()[-1:] == [
        "acache: error: --scheduler needs Dask: pip install 'acache[dask]'"
    ]


def test_workers_without_acache_are_named(acache: Callable[..., Result], tmp_path: Path) -> None:
    """A worker whose Python refuses to import the package."""
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['acache'] = None\n")
    cluster = Cluster({"PYTHONPATH": str(tmp_path)})
    try:
        done = acache("stats", "--cache-dir", tmp_path, "--scheduler", cluster.address)
    finally:
        cluster.close()
    assert done.code == 1
    assert " has no acache: pip install acache==" in done.stderr.splitlines()[-1]


def test_scheduler_that_goes_away_is_one_line(tmp_path: Path, cluster: Cluster) -> None:
    code = """
import os, signal, sys
from acache.system.cluster import ClusterPool
from acache.system.errors import AcacheError
from tests.helpers.clusters import Cluster
import time
cluster = Cluster({})
pool = ClusterPool(cluster.address)
pool.begin(time.sleep)
pool.give(600)
cluster.kill()
try:
    pool.take()
except AcacheError as error:
    print(error, flush=True)
with pool:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("the scheduler is gone\n", "", 0)
