"""joblib's names and contents are read as joblib writes them."""

from __future__ import annotations

import inspect
import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.store.format import (
    dotted,
    is_hash,
    parse_duration,
    parse_metadata,
    parse_temporary,
    split_source,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("0123456789abcdef0123456789abcdef", True),
        ("0123456789ABCDEF0123456789ABCDEF", False),
        ("0123456789abcdef0123456789abcde", False),
        ("0123456789abcdef0123456789abcdef0", False),
        ("0123456789abcdef0123456789abcdeg", False),
        ("0123456789abcdef 123456789abcdef", False),
        ("", False),
    ],
)
def test_hashes(name: str, expected: bool) -> None:
    assert is_hash(name) is expected


def test_temporary_names_are_those_of_the_installed_joblib() -> None:
    from joblib._store_backends import concurrency_safe_write

    written = concurrency_safe_write(None, "output.pkl", lambda *_: None)
    assert parse_temporary(written) is not None
    assert parse_temporary(written).target == "output.pkl"


@pytest.mark.parametrize("target", ["output.pkl", "metadata.json", "func_code.py"])
def test_temporary_names_of_every_joblib(target: str) -> None:
    assert parse_temporary(f"{target}.{uuid.uuid4().hex}-12-345") == (target, 12)
    assert parse_temporary(f"{target}.thread-345-pid-12") == (target, 12)


@pytest.mark.parametrize(
    "name",
    ["output.pkl", "output.pkl.bak", "other.thread-1-pid-2", "output.pkl.thread-1-pid-2~", "x"],
)
def test_names_that_are_not_temporary(name: str) -> None:
    assert parse_temporary(name) is None


def test_sources_first_line_is_joblibs() -> None:
    source = inspect.getsource(test_hashes)
    assert split_source(f"# first line: 12\n{source}") == source
    assert split_source(source) == source


def test_metadata_as_joblib_writes_it() -> None:
    data = json.dumps({"duration": 0.25, "input_args": {"x": "1"}, "time": 1.7e9}).encode()
    assert parse_metadata(data) == (0.25, 1.7e9, {"x": "1"})
    assert parse_duration(data) == 0.25


def test_metadata_before_joblib_1_3_has_no_time() -> None:
    data = b'{"duration": 0.25, "input_args": {"x": "1"}}'
    assert parse_metadata(data) == (0.25, None, {"x": "1"})


@pytest.mark.parametrize(
    "duration",
    [
        "null",
        '"1"',
        "true",
        "NaN",
        "Infinity",
        "-1.0",
        "[]",
        "9" * 400,
        "1.7e308",
        "9" * 400 + ".0",
    ],
)
def test_durations_that_are_none(duration: str) -> None:
    data = b'{"duration": %s, "input_args": {}}' % duration.encode()
    assert parse_metadata(data).duration is None
    assert parse_duration(data) is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"duration": 1.5', b"[" * 10**5]
)
def test_broken_metadata(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_metadata(data)
    with pytest.raises(ValueError, match=r"."):
        parse_duration(data)


@given(st.floats(min_value=0, max_value=1e11))
def test_durations_are_read_exactly(seconds: float) -> None:
    data = json.dumps({"duration": seconds, "input_args": {}}).encode()
    assert parse_duration(data) == seconds


def test_dotted() -> None:
    assert dotted("librosa/core/spectrum/stft") == "librosa.core.spectrum.stft"
