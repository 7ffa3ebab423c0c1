"""Dask on this machine: a scheduler and workers, in processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
START = """
import json, sys
from distributed import LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=int(sys.argv[1]), host="127.0.0.1", dashboard_address=None
    ) as cluster:
        print(json.dumps(cluster.scheduler_address), flush=True)
        sys.stdin.read()
"""


class Cluster:
    """Two workers, with two threads each by default, which find the tests' modules.

    Attributes
    ----------
    address : str
        Of the scheduler.
    """

    def __init__(self, environment: dict[str, str], *, threads: int = 2) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-c", START, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self.address: str = json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        """Kill scheduler and workers."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End all of it."""
        self._process.communicate()
        self._folder.cleanup()
