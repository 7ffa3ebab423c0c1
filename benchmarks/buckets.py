"""Stores on object storage against bare requests, with moto's server on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import obstore
from engine import SHAPE, _in_turns, _row
from measure import Row, compare, measure
from obstore.store import S3Store

from acache import CacheManager

ACACHE = str(Path(sys.executable).with_name("acache"))
# Filled before it serves: by requests that would take minutes.
SERVER = """
import hashlib, sys
from moto.s3.models import s3_backends
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
backend = s3_backends["123456789012"]["aws"]
for name in ("many", "few"):
    backend.create_bucket(name, "us-east-1")
for number in range(int(sys.argv[2]) // 2):
    digits = hashlib.md5(b"%d" % number).hexdigest()
    folder = f"team/joblib/package/module_{number % 20}/function/{digits}"
    for file in ("output.pkl", "metadata.json"):
        backend.put_object("many", f"{folder}/{file}", b"x")
server = ThreadedMotoServer("127.0.0.1", 0)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""
LOOP = """
import obstore
from obstore.store import S3Store
import os
store = S3Store("many", prefix="team", endpoint=os.environ["AWS_ENDPOINT_URL"],
                client_options={"allow_http": True, "timeout": "600s"})
print(sum(one["size"] for page in obstore.list(store, chunk_size=1000) for one in page))
"""


@contextmanager
def served(objects: int) -> Iterator[None]:
    """Serve so many objects, and have the environment lead there."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, "moto", str(objects)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "benchmark")
    port = next(line for line in process.stdout if line.strip().isdecimal())
    url = f"http://127.0.0.1:{port.strip()}"
    os.environ.update(keys, AWS_REGION="us-east-1", AWS_ENDPOINT_URL=url)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def buckets(folder: Path, runs: int, objects: int = 100_000) -> list[Row]:
    """Measure listing, hits of the local copy, and hits of the bucket."""
    with served(objects):
        stats, loop = measure(
            [ACACHE, "stats", "--json", "--cache-dir", "s3://many/team"],
            [sys.executable, "-c", LOOP],
            runs=max(1, runs // 3),
            warmup=0,
        )
        return [
            compare(f"stats of {objects:,} objects / a bare listing", stats, loop, 1.3),
            *_hits(folder, runs),
        ]


def _hits(folder: Path, runs: int) -> list[Row]:
    y = np.random.default_rng(0).random((*SHAPE, 2), np.float32).view(np.complex64)[..., 0]
    first, second, plain = (
        CacheManager(location, local=local, level=50, verbose=0)
        for location, local in (
            ("s3://few/team", folder / "first"),
            ("s3://few/team", folder / "second"),
            (folder / "plain", None),
        )
    )
    uploading, fetching, local = (cache(20)(double) for cache in (first, second, plain))
    for cached in (uploading, local):
        cached(y)
    store = S3Store(
        "few", endpoint=os.environ["AWS_ENDPOINT_URL"], client_options={"allow_http": True}
    )
    [key] = _wait(lambda: [
        one["path"] for page in obstore.list(store) for one in page if "output.pkl" in one["path"]
    ])  # fmt: skip
    time.sleep(1.0)  # the sources are settled then
    near = _in_turns([lambda: uploading(y), lambda: local(y)], each=3, rounds=2 * runs)

    def fetch() -> None:
        fetching.cache_clear()
        fetching(y)

    def download() -> None:
        target = folder / "download"
        with target.open("wb") as file:
            for piece in obstore.get(store, key).stream(min_chunk_size=1 << 20):
                file.write(piece)

    fetching(y)
    assert fetching.cache_info().misses == 0
    far = _in_turns([fetch, download], each=1, rounds=2 * runs)
    return [
        _row("hit of the local copy, 21.7 MB / hit of a local store", *near, 1.1),
        _row("hit of the bucket, 21.7 MB / a bare download", *far, 1.3),
    ]


def double(y: Any) -> Any:
    return y * 2


def _wait(found: Callable[[], list[str]]) -> list[str]:
    while not (keys := found()):
        time.sleep(0.1)
    return keys


if __name__ == "__main__":
    import tempfile

    from measure import print_table

    with tempfile.TemporaryDirectory() as folder:
        print_table(buckets(Path(folder), runs=3, objects=int(sys.argv[1])))
