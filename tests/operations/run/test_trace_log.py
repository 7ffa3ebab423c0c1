"""Lines of a trace are added up; what is no line of one is left out."""

from __future__ import annotations

from acache.operations.run import trace_log as calls
from acache.operations.run.trace_log import Trace, add_up

HIT = b"hit\t/s/joblib\tm/f\t%s\t0.25\t0.5\t0.0\t0.0\t100\t0\n"
MISS = b"miss\t/s/joblib\tm/f\tbb\t0.25\t0.125\t2.0\t1.0\t0\t200\n"


def test_calls_are_added_up_per_function_and_store() -> None:
    other = MISS.replace(b"/s/joblib", b"/t/joblib")
    trace = add_up([b"python\n", HIT % b"aa", MISS, b"joblib\n", HIT % b"aa", HIT % b"bb", other])
    assert (trace.pythons, trace.joblibs) == (1, 1)
    row, alone = trace.functions
    assert (row.store, row.function, row.hits, row.misses) == ("/s/joblib", "m/f", 3, 1)
    assert (row.hash_seconds, row.load_seconds) == (1.0, 1.625)
    assert (row.compute_seconds, row.store_seconds, row.hit_seconds) == (2.0, 1.0, 2.25)
    assert (row.bytes_loaded, row.bytes_stored) == (300, 200)
    assert row.hit_entries == {"aa": 2, "bb": 1}
    assert (alone.store, alone.hits, alone.misses) == ("/t/joblib", 0, 1)
    assert trace.hits_and_misses("/s/joblib/") == (3, 1)


def test_lines_that_are_not_whole_are_left_out() -> None:
    half = MISS[:40]
    broken = [half, half + MISS, MISS.rstrip(), MISS.replace(b"2.0", b"x"), b"\n", b"python"]
    assert add_up([*broken, MISS]) == add_up([MISS])
    assert add_up([]) == Trace((), 0, 0)


def test_names_are_what_they_were() -> None:
    line = MISS.replace(b"/s/joblib", rb"/a\tb\\n\nc" + b"\xff")
    [row] = add_up([line]).functions
    assert row.store == "/a\tb\\n\nc\udcff"


def test_memory_is_bounded(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(calls, "_MOST_ENTRIES", 3)
    [row] = add_up(HIT % str(number % 5).encode() for number in range(50)).functions
    assert row.hits == 50
    assert row.hit_entries == {"0": 10, "1": 10, "2": 10}
