"""Stores on object storage, on a real server; in processes of their own, as obstore has threads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.buckets import MotoServer, client, keys, put, split_url, upload
from tests.helpers.html import Page
from tests.helpers.processes import Result, dead_pid, run_python
from tests.helpers.stores import unpack_recorded, write_entry

Run = Callable[..., Result]
HASHES = [f"{number:032x}" for number in range(0, 16**32, 16**32 // 7)]

TEMPORARY = f"output.pkl.{'0' * 32}-{dead_pid()}-1"

SCAN = """
import json, sys
from acache import Store
from acache.store.model import Entry, Leftover, Other, Unreadable
from acache.store.store import ScanOptions
store = Store(sys.argv[1])
found = [one for one in store.scan(ScanOptions(now=4e9))
         if not isinstance(one, Other) or one.kind != "folder"]
rows = []
for one in found:
    if isinstance(one, Entry):
        rows.append(["entry", one.function, one.hash, one.size_bytes])
    elif isinstance(one, Leftover):
        rows.append(["leftover", one.path, one.kind, one.function, one.hash, one.in_flight])
    elif isinstance(one, Other):
        rows.append(["other", one.path, one.kind, one.function, one.usage.size_bytes])
    else:
        rows.append(["unreadable", one.path])
functions = sorted(store.functions())
sources = {name: store.source(name) for name in functions}
print(json.dumps([sorted(rows), functions, sources]))
"""


def odd_location(location: Path) -> Path:
    """Make a location with every kind of thing, in both layouts, with odd names."""
    store = location / "joblib"
    for function in ("m/f", "m/f/<locals>/g", "m/Füße #%20/<lambda>", "a/abc"):
        for argument_hash in HASHES:
            write_entry(store / function, argument_hash)
        (store / function / "func_code.py").write_text("# first line: 3\ndef f(): ...\n")
    for argument_hash in HASHES:
        write_entry(store / "m" / "split" / argument_hash[:3], argument_hash[3:])
    (store / "m" / "f" / HASHES[0] / "notes.txt").write_text("foreign")
    (store / "m" / "README").write_text("foreign")
    (store / "m" / "output.pkl").write_text("misplaced")
    broken = store / "m" / "f" / ("e" * 32)
    broken.mkdir()
    (broken / "metadata.json").write_text("{}")
    (broken / TEMPORARY).write_text("temporary")
    return location


def test_bucket_store_finds_what_the_folder_store_finds(
    tmp_path: Path, bucket: str, moto: MotoServer
) -> None:
    location = odd_location(tmp_path / "location")
    upload(location, bucket, moto.environment)
    local, remote = (json.loads(run_python(SCAN, one)) for one in (location, bucket))
    assert [row for row in remote[0] if row not in local[0]] == []
    assert [row for row in local[0] if row not in remote[0]] == []
    assert remote[1:] == local[1:]
    assert len(local[0]) > 40


@pytest.mark.parametrize("version", ["1.2", "1.6"])
@pytest.mark.parametrize("kind", ["str", "path"])
def test_bucket_store_reads_what_old_joblibs_wrote(
    version: str, kind: str, tmp_path: Path, bucket: str, moto: MotoServer
) -> None:
    unpack_recorded(version, tmp_path)
    location = next(path for path in tmp_path.rglob(kind) if path.is_dir())
    upload(location, bucket, moto.environment)
    local, remote = (json.loads(run_python(SCAN, one)) for one in (location, bucket))
    entries = [[row for row in rows[0] if row[0] == "entry"] for rows in (local, remote)]
    assert entries[0] == entries[1] != []


def test_listing_is_divided_and_complete(bucket: str, moto: MotoServer) -> None:
    s3, (name, prefix) = client(moto.environment), split_url(bucket)
    expected = set()
    for function, count in (("a/small", 3), ("b/large", 900), ("c/d/other", 250)):
        for number in range(count):
            argument_hash = f"{number * 7919 % 4096:03x}{number:029x}"
            expected.add((function, argument_hash))
            for file in ("metadata.json", "output.pkl"):
                key = f"{prefix}joblib/{function}/{argument_hash}/{file}"
                s3.put_object(Bucket=name, Key=key, Body=b"x")
    rows = json.loads(run_python(SCAN, bucket))[0]
    assert len(rows) == len(expected)
    assert {(row[1], row[2]) for row in rows} == expected


def test_versions_of_a_function_lie_side_by_side(
    bucket: str, moto: MotoServer, acache: Run
) -> None:
    for version, text in (("0" * 16, "def f(): 0"), ("1" * 16, "def f(): 1")):
        folder = f"joblib/m/f/source-{version}"
        put(bucket, f"{folder}/func_code.py", text.encode(), moto.environment)
        put(bucket, f"{folder}/{HASHES[1]}/output.pkl", b"x", moto.environment)
    found = acache("ls", "--cache-dir", bucket, "--json").document
    assert [entry["id"] for entry in found["entries"]] == [f"m.f/{HASHES[1]}"] * 2
    assert acache("clear", "--cache-dir", bucket, "--function", "f", "-y").code == 0
    assert [key for key in keys(bucket, moto.environment) if key.endswith("output.pkl")] == []


def test_report_on_a_bucket_says_size_instead_of_room_on_disk(
    librosa_location: Path, bucket: str, moto: MotoServer, acache: Run
) -> None:
    upload(librosa_location, bucket, moto.environment)
    result = acache("report", "-o", "-", "--cache-dir", bucket)
    assert result.code == 0
    shown = Page(result.stdout)
    assert "Size by function" in result.stdout
    assert "n disk" not in shown.text


def test_stats_has_null_for_what_a_bucket_does_not_know(
    librosa_location: Path, bucket: str, moto: MotoServer, acache: Run
) -> None:
    upload(librosa_location, bucket, moto.environment)
    local = acache("stats", "--cache-dir", librosa_location, "--json").document
    remote = acache("stats", "--cache-dir", bucket, "--json").document
    assert remote["total"]["entries"] == local["total"]["entries"]
    assert remote["total"]["size_bytes"] == local["total"]["size_bytes"]
    assert [row["function"] for row in remote["functions"]] != []
    assert {row["function"]: row["level"] for row in remote["functions"]} == {
        row["function"]: row["level"] for row in local["functions"]
    }
    for key in ("disk_bytes", "inodes", "last_access", "compute_seconds"):
        assert remote["total"][key] is None
    by_time = acache("stats", "--cache-dir", bucket, "--sort", "time", "--json").document
    assert by_time["total"]["compute_seconds"] == pytest.approx(local["total"]["compute_seconds"])
    assert acache("verify", "--cache-dir", bucket).code == 0


def test_show_describes_a_value_in_a_bucket(
    librosa_location: Path, bucket: str, moto: MotoServer, acache: Run
) -> None:
    upload(librosa_location, bucket, moto.environment)
    ids = acache("ls", "--cache-dir", bucket, "-q", "--function", "mel").stdout.split()
    remote, local = (
        acache("show", ids[0], "--cache-dir", location, "--json").document
        for location in (bucket, librosa_location)
    )
    assert remote["value"] == local["value"]
    assert remote["args"] == local["args"] != {}


def test_prune_evicts_what_was_written_first_and_says_so(
    bucket: str, moto: MotoServer, acache: Run, tmp_path: Path
) -> None:
    upload(odd_location(tmp_path / "location"), bucket, moto.environment)
    done = acache("prune", "--cache-dir", bucket, "--max-items", "3", "-y", "--json")
    assert done.document["removed"]["entries"] == 5 * len(HASHES) - 3
    assert "the time of writing counts" in done.stderr
    left = acache("stats", "--cache-dir", bucket, "--json").document
    assert left["total"]["entries"] == 3


def test_clear_uses_requests_for_many_objects(
    bucket: str, moto: MotoServer, acache: Run, tmp_path: Path
) -> None:
    upload(odd_location(tmp_path / "location"), bucket, moto.environment)
    before = len(moto.requests())
    done = acache("clear", "--cache-dir", bucket, "--all", "-y")
    assert done.code == 0, done.stderr
    deletions = [line for line in moto.requests()[before:] if "?delete" in line]
    assert 1 <= len(deletions) <= 4  # of 35 entries, 70 objects, and a leftover or two
    left = [key.rpartition("/")[2] for key in keys(bucket, moto.environment)]
    assert left.count("func_code.py") == 4  # no source is removed
    # What is not an entry's, and a write that may be going on.
    assert sorted(set(left)) == sorted(
        ["README", "func_code.py", "metadata.json", "notes.txt", "output.pkl", TEMPORARY]
    )
    assert left.count("output.pkl") == left.count("metadata.json") == 1


@pytest.mark.parametrize(
    ("location", "environment", "said"),
    [
        ("s3://no-such-bucket/x", {}, "there is no such bucket"),
        ("s3://bucket/x", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
        ("s3://bucket/x", {"AWS_ENDPOINT_URL": "http://me:secret-of-the-url@:1"}, "is no endpoint"),
        ("s3://bucket/x", {"AWS_ENDPOINT_URL": "127.0.0.1:9"}, "='127.0.0.1:9' is no endpoint"),
        ("s3://bucket/x", {"AWS_ENDPOINT_URL": "http://127.0.0.1:x"}, "write http://HOST:PORT"),
        (
            "az://bucket/x",
            {"AZURE_STORAGE_ACCOUNT_NAME": "me", "AZURE_STORAGE_ACCOUNT_KEY": "secret-of-the-key"},
            "the account key of the environment is not valid",
        ),
        (
            "az://bucket/x",
            {
                "AZURE_STORAGE_ACCOUNT_NAME": "me",
                "AZURE_STORAGE_SAS_KEY": "sig=secret-of-the-key",
                "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:9",
            },
            "the server cannot be reached",
        ),
        ("gs://bucket/x", {"GOOGLE_SERVICE_ACCOUNT_KEY": "{secret-of-the-key"}, "is not valid"),
        ("gs://bucket/x", {"GOOGLE_APPLICATION_CREDENTIALS": "/no/file"}, "cannot be opened"),
        ("s3://", {}, "write s3://BUCKET/PREFIX"),
        ("s3://b/../x", {}, "write s3://BUCKET/PREFIX"),
        ("s3://me:secret-of-the-url@bucket/x", {}, "--cache-dir 's3://bucket/x': no location"),
        ("s3://bucket/x?token=secret-of-the-url", {}, "write s3://BUCKET/PREFIX"),
        ("gcs://me:secret-of-the-url@bucket/x", {}, "gs://BUCKET/PREFIX"),
    ],
)
def test_bucket_that_cannot_be_used_is_one_line_without_secrets(
    location: str, environment: dict[str, str], said: str, bucket: str, acache: Run
) -> None:
    done = acache("stats", "--cache-dir", location, env=environment)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.code in (1, 2)
    assert "secret-of" not in done.stderr
    assert "key-of-the-tests" not in done.stderr


def test_missing_obstore_is_one_line(bucket: str, acache: Run) -> None:
    code = "import sys; sys.modules['obstore'] = None; from acache.__main__ import main; main()"
    done = acache("stats", "--cache-dir", bucket, code=code)
    assert done.code == 2
    assert "pip install 'acache[remote]'" in done.stderr


def test_doctor_leaves_out_what_a_bucket_has_not(bucket: str, acache: Run) -> None:
    checks = {
        one["id"]: one
        for one in acache("doctor", "--cache-dir", bucket, "--json").document["checks"]
    }
    assert checks["cache-dir"]["status"] == "ok"
    assert "object storage" in checks["inodes"]["message"]


def test_interrupted_listing_ends_at_once(bucket: str, moto: MotoServer) -> None:
    code = (
        "import os, signal, sys, threading\n"
        "from acache import Store\n"
        "store = Store(sys.argv[1])\n"
        "found = store.scan()\n"
        "next(found)\n"
        "found.close()\n"
    )
    put(bucket, f"joblib/m/f/{HASHES[0]}/output.pkl", b"x", moto.environment)
    put(bucket, f"joblib/m/f/{HASHES[1]}/output.pkl", b"x", moto.environment)
    run_python(code, bucket)
