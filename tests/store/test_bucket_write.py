"""Copying to and from object storage, and compressing there."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.buckets import MotoServer, keys, put
from tests.helpers.processes import Result, run_python
from tests.helpers.stores import tree

Run = Callable[..., Result]
FILL = """
import sys
import joblib, numpy as np
memory = joblib.Memory(sys.argv[1], verbose=0)
@memory.cache
def noise(seed):
    return np.random.default_rng(seed).normal(size=3000)
@memory.cache
def text(word):
    return word * 1000
for number in range(3):
    noise(number), text(str(number))
"""


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Have joblib fill a location."""
    run_python(FILL, tmp_path / "location")
    return tmp_path / "location"


def files(location: Path) -> dict[str, bytes | str | None]:
    return {name: data for name, data in tree(location / "joblib").items() if data is not None}


def test_copy_to_a_bucket_and_back_gives_the_same_files(
    location: Path, bucket: str, acache: Run, tmp_path: Path
) -> None:
    done = acache("copy", location, bucket, "--json")
    assert (done.code, sum(row["copied"] for row in done.document["functions"])) == (0, 6)
    back = tmp_path / "back"
    assert acache("copy", bucket, back).code == 0
    assert files(back) == files(location)


def test_copy_to_a_bucket_again_copies_nothing(
    location: Path, bucket: str, moto: MotoServer, acache: Run
) -> None:
    acache("copy", location, bucket)
    before = len(moto.requests())
    done = acache("copy", location, bucket, "--json")
    assert done.code == 0
    assert sum(row["copied"] for row in done.document["functions"]) == 0
    puts = [line for line in moto.requests()[before:] if line.startswith("PUT")]
    assert not [line for line in puts if "output.pkl" in line]


def test_copy_between_a_bucket_and_an_archive(
    location: Path, bucket: str, acache: Run, tmp_path: Path
) -> None:
    archive = tmp_path / "backup.tar"
    acache("copy", location, bucket)
    assert acache("copy", bucket, archive).code == 0
    other = f"{bucket}-2"
    assert acache("copy", archive, other).code == 0
    assert acache("stats", "--cache-dir", other, "--json").document["total"]["entries"] == 6


class Evil:
    """Runs a command where it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_copy_from_a_bucket_refuses_what_may_run_code(
    location: Path, bucket: str, moto: MotoServer, acache: Run, tmp_path: Path
) -> None:
    acache("copy", location, bucket)
    key = next(key for key in keys(bucket, moto.environment) if key.endswith("output.pkl"))
    put(bucket, key, pickle.dumps(Evil()), moto.environment)
    done = acache("copy", bucket, tmp_path / "back")
    assert done.code == 1
    assert "refused" in done.stderr
    assert len(list((tmp_path / "back").rglob("output.pkl"))) == 5
    found = acache("verify", "--cache-dir", bucket, "--json")
    assert found.code == 3
    assert [one["kind"] for one in found.document["problems"]] == ["unsafe-pickle"]


def test_compress_in_a_bucket_keeps_values(
    location: Path, bucket: str, acache: Run, tmp_path: Path
) -> None:
    acache("copy", location, bucket)
    before = acache("stats", "--cache-dir", bucket, "--json").document["total"]["size_bytes"]
    done = acache("compress", "--cache-dir", bucket, "--all", "--method", "zlib")
    assert done.code == 0, done.stderr
    after = acache("stats", "--cache-dir", bucket, "--json").document["total"]["size_bytes"]
    assert after < before
    back = tmp_path / "back"
    assert acache("copy", bucket, back).code == 0
    code = (
        "import sys, joblib, pathlib\n"
        "one, two = ({p.parent.name: joblib.load(p) for p in pathlib.Path(x).rglob('output.pkl')}\n"
        "            for x in sys.argv[1:])\n"
        "print(one.keys() == two.keys(), all((one[k] == two[k]).all() if hasattr(one[k], 'all')"
        " else one[k] == two[k] for k in one))\n"
    )
    assert run_python(code, location, back) == "True True\n"
