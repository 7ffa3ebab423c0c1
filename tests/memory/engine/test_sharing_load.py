"""Many results shared through a real server at once, which is killed and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.helpers.buckets import WeedServer, keys
from tests.helpers.processes import PATIENCE_SECONDS, Result

Run = Callable[..., Result]

# Calls with random arguments; each result is compared with what it must be.
CLIENT = """
import random, sys, time, warnings
import numpy as np
from acache import CacheManager

url, local, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
cache = CacheManager(url, local=local, level=50, verbose=0, max_items=60)

def work(seed, n):
    return np.full(n, seed, dtype=np.int64), {"seed": seed}

cached = cache(20)(work)
deadline = time.monotonic() + seconds
chosen = random.Random(local)
calls = 0
while time.monotonic() < deadline:
    seed, n = chosen.randrange(150), chosen.choice([10, 1000, 200_000])
    array, same = cached(seed, n)
    assert array.shape == (n,) and (array == seed).all() and same == {"seed": seed}, (seed, n)
    calls += 1
print(calls, *cached.cache_info()[:2])
"""


@pytest.fixture
def weed() -> Iterator[WeedServer]:
    server = WeedServer()
    yield server
    server.close()


@pytest.mark.slow
def test_sharing_survives_load_and_a_server_that_is_killed(
    weed: WeedServer, tmp_path: Path, acache: Run
) -> None:
    url = f"{weed.bucket()}/team"
    script = tmp_path / "work.py"
    script.write_text(CLIENT)
    environment = {**os.environ, **weed.environment}
    clients = [
        subprocess.Popen(
            [sys.executable, script, url, tmp_path / f"machine-{number % 3}", "30"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)  # two of them share a local cache
    ]
    time.sleep(10)
    weed.stop()
    time.sleep(3)
    weed.start()
    for client in clients:
        out, said = client.communicate(timeout=PATIENCE_SECONDS * 3)
        assert client.returncode == 0, said
        assert int(out.split()[1]) > 0, out  # hits
    found = keys(url, weed.environment)
    assert len([key for key in found if key.endswith("/output.pkl")]) > 20
    # What was shared is whole, but for what the server lost when it was killed.
    done = acache("verify", "--cache-dir", url, "--json", env=weed.environment)
    problems = [one["message"] for one in done.document["problems"]]
    assert [text for text in problems if "InternalError" not in text] == []
    assert len(problems) < len(found) / 4
