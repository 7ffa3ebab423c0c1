"""Ranges of keys that several processes list: each object in one of them, no entry cut in two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.helpers.buckets import MotoServer, upload
from tests.helpers.processes import run_python
from tests.helpers.stores import write_entry

HASHES = [f"{number:032x}" for number in range(0, 16**32, 16**32 // 23)]
# What is left after each page is listed anew, by others.
SHARES = """
import json, sys
from acache import Store
from acache.store import objects
from acache.store.key_ranges import KeyRange
from acache.store.store import ScanOptions
objects._PAGE = int(sys.argv[2])
store, options = Store(sys.argv[1]), ScanOptions(now=4e9)
waiting, found, shares, sources = [KeyRange()], [], 0, {}
while waiting:
    taken, waiting = waiting[:2], waiting[2:]
    listing = store.listing(options, sources, ranges=taken, seconds=0)
    found += store.found_by(listing, options)
    waiting += listing.rest
    shares += 1
whole = sorted(map(repr, store.scan(options)))
print(json.dumps([sorted(map(repr, found)) == whole, len(whole), shares, sorted(sources)]))
"""


@pytest.fixture
def filled(tmp_path: Path, bucket: str, moto: MotoServer) -> str:
    store = tmp_path / "joblib"
    for function in ("m/f", "m/f/<locals>/g", "a/abc"):
        for argument_hash in HASHES:
            entry = write_entry(store / function, argument_hash)
            (entry / "notes.txt").write_text("foreign")
        (store / function / "func_code.py").write_text("# first line: 3\ndef f(): ...\n")
    for argument_hash in HASHES:
        write_entry(store / "m" / "split" / argument_hash[:3], argument_hash[3:])
    (store / "m" / "README").write_text("foreign")
    upload(tmp_path, bucket, moto.environment)
    return bucket


@pytest.mark.parametrize("page", [1, 7, 50])
def test_ranges_hold_each_object_once(page: int, filled: str) -> None:
    same, count, shares, sources = json.loads(run_python(SHARES, filled, str(page)))
    assert same
    assert count > 150
    assert shares > 2
    assert sources == ["a/abc", "m/f", "m/f/<locals>/g"]
