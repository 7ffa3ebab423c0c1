"""Long texts are shortened, and nothing else: against reading the whole document."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.store import large_metadata
from acache.store.format import duration_at_ends, parse_metadata
from acache.store.large_metadata import read_large_metadata
from acache.store.model import Entry
from acache.store.store import ScanOptions, Store
from tests.helpers.stores import write_entry

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.text(
    '\\"\nud8é\U00010000', max_size=40
)


@given(
    st.floats(0, 1e6),
    st.dictionaries(TEXTS, TEXTS, max_size=4),
    st.integers(1, 50),
    st.integers(1, 30),
    st.booleans(),
)
def test_long_texts_are_shortened_and_nothing_else(
    duration: float, arguments: dict[str, str], chunk: int, longest: int, as_ascii: bool
) -> None:
    document = {"duration": duration, "input_args": arguments, "time": 1.5e9}
    data = json.dumps(document, ensure_ascii=as_ascii).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(large_metadata, "_CHUNK", chunk)
        assert read_large_metadata(io.BytesIO(data)) == parse_metadata(data)
        patched.setattr(large_metadata, "_LONGEST_TEXT", max(longest, 20))  # names of keys
        read = read_large_metadata(io.BytesIO(data))
    assert (read.duration, read.time) == (duration, 1.5e9)
    for text in read.input_args.values():
        beginning, _, length = text.partition("... (")
        assert not length.endswith(" bytes)") or any(
            one.startswith(beginning.rstrip("\ufffd")) for one in arguments.values()
        )


def test_large_metadata_what_is_no_metadata_is_refused() -> None:
    for data in (b"[1]", b'{"duration": 1.0', b""):
        with pytest.raises(ValueError, match=r"JSON|Expecting|expecting|delimiter"):
            read_large_metadata(io.BytesIO(data))


@pytest.mark.parametrize(
    ("beginning", "end", "duration"),
    [
        (b'{"duration": 1.5, "input_args": {"x": "', b'"}}', 1.5),
        (b'{"input_args": {"x": "', b'"}, "duration": 2.5}', 2.5),
        (b'{"input_args": {"x": "', b'"}, "duration": 2.5, "time": 1.5}', 2.5),
    ],
)
def test_duration_is_at_either_end(beginning: bytes, end: bytes, duration: float) -> None:
    assert duration_at_ends(beginning, end) == duration


def test_text_is_not_taken_for_the_duration() -> None:
    with pytest.raises(ValueError, match="too large"):
        duration_at_ends(b'{"input_args": {"x": "', b'\\"duration": 2.5}')


def test_store_reads_more_than_64_megabytes(tmp_path: Path) -> None:
    long = "[1.5, 2.5],\\n" * 6_000_000
    data = f'{{"duration": 1.5, "input_args": {{"x": "{long}", "n": "3"}}, "time": 1.7e9}}'
    write_entry(tmp_path / "joblib" / "m" / "f", "0" * 32, metadata=data.encode())
    store = Store(tmp_path)
    [entry] = [e for e in store.scan(ScanOptions(durations=True)) if isinstance(e, Entry)]
    assert entry.compute_seconds == 1.5
    metadata = store.metadata("m/f", "0" * 32)
    assert metadata is not None
    assert (metadata.duration, metadata.input_args["n"]) == (1.5, "3")
    assert metadata.input_args["x"].startswith("[1.5, 2.5],\n[1.5")
    assert metadata.input_args["x"].endswith(f"... ({len(long):,} bytes)")
    assert math.isclose(metadata.time or 0, 1.7e9)
