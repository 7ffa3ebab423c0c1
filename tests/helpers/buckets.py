"""Object storage: a real server that speaks S3, on a free port of this machine."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3

from tests.helpers.processes import PATIENCE_SECONDS

KEYS = {
    "AWS_ACCESS_KEY_ID": "key-of-the-tests",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class MotoServer:
    """moto's server. It knows no users: whatever the keys are, all is allowed.

    Attributes
    ----------
    url : str
    log : Path
        A line for each request.
    """

    def __init__(self, port: int | None = None) -> None:
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = Path(tempfile.mkdtemp())
        self.log = self._folder / "log"
        self._count = 0
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/moto-api/", timeout=5).close()
                return
            except OSError:
                assert self._process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """Kill the server; what it holds in memory is lost."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to it."""
        return {**KEYS, "AWS_ENDPOINT_URL": self.url}

    def bucket(self) -> str:
        """Make a new bucket, and return its URL."""
        self._count += 1
        name = f"bucket-{self._count}"
        request = urllib.request.Request(f"{self.url}/{name}", method="PUT")
        urllib.request.urlopen(request, timeout=PATIENCE_SECONDS).close()
        return f"s3://{name}"

    def requests(self) -> list[str]:
        """Return the method and the path of each request so far."""
        lines = self.log.read_text().splitlines()
        return [line.split('"')[1] for line in lines if '"' in line and "HTTP/1.1" in line]


class WeedServer:
    """SeaweedFS, which keeps its objects on disk while it is stopped.

    Attributes
    ----------
    environment : dict
        The variables that lead to it.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp())
        # Each of its services listens at a second port, 10,000 above.
        ports: list[int] = []
        while len(ports) < 4:
            port = free_port()
            if port < 55_000 and port not in ports:
                ports.append(port)
        names = ("master", "volume", "filer", "s3")
        self._options = [f"-{name}.port={port}" for name, port in zip(names, ports, strict=True)]
        self.environment = {**KEYS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports[-1]}"}
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        weed = Path(sys.executable).with_name("weed")
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [weed, "server", "-s3", f"-dir={self._folder}", "-ip=127.0.0.1", *self._options],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(Exception):  # whatever a server says that is not ready
                client(self.environment).list_buckets()
                return
            assert time.monotonic() < deadline, (self._folder / "log").read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        """Kill the server: it ends on nothing else."""
        self._process.kill()
        self._process.wait()

    def bucket(self) -> str:
        """Make a bucket, and return its URL."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                client(self.environment).create_bucket(Bucket="load")
                return "s3://load"
            except Exception:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def close(self) -> None:
        """Stop it for good."""
        self.stop()
        shutil.rmtree(self._folder)


def client(environment: dict[str, str]) -> Any:
    """Return a client of the AWS tools: obstore's threads would stay in the tests' process."""
    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )


def split_url(url: str) -> tuple[str, str]:
    """Return the bucket of a URL, and the prefix with a slash at its end."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return bucket, f"{prefix}/" if prefix else ""


def put(url: str, key: str, data: bytes, environment: dict[str, str]) -> None:
    """Write an object below a URL."""
    bucket, prefix = split_url(url)
    client(environment).put_object(Bucket=bucket, Key=prefix + key, Body=data)


def upload(location: Path, url: str, environment: dict[str, str]) -> None:
    """Put everything below a folder into a bucket, as a provider's ``sync`` does."""
    s3 = client(environment)
    bucket, prefix = split_url(url)
    for path in location.rglob("*"):
        if path.is_file():
            key = prefix + path.relative_to(location).as_posix()
            s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def keys(url: str, environment: dict[str, str]) -> list[str]:
    """List the objects below a URL."""
    bucket, prefix = split_url(url)
    pages = (
        client(environment).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    )
    return [one["Key"][len(prefix) :] for page in pages for one in page.get("Contents", ())]
