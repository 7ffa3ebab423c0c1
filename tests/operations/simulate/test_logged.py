"""The trace of logged calls: sizes, seconds, order, and what is left out."""

from __future__ import annotations

from pathlib import Path

from acache.operations.simulate.logged import trace_of
from acache.operations.simulate.simulation import simulate
from acache.store.call_log import Call
from acache.store.store import Store

A, B, C = "a" * 32, "b" * 32, "c" * 32


def call(
    time: float, argument_hash: str, *, loaded: int = 0, stored: int = 0, seconds: float = 0.0
) -> Call:
    reason = "" if loaded else "absent"
    return Call(
        time, "m/f", argument_hash, reason, 0, 0, seconds, 0, loaded, stored, "", (), 1, "h"
    )  # fmt: skip


def test_trace_has_the_last_size_and_seconds_of_each_entry() -> None:
    calls = [
        call(1, A, stored=5, seconds=2.0),
        call(2, A, loaded=6),
        call(3, B, stored=7, seconds=4.0),
        call(4, A, stored=8, seconds=3.0),
    ]
    trace, left_out, unknown = trace_of(calls)
    assert (list(trace.entries), list(trace.times)) == ([0, 0, 1, 0], [1.0, 2.0, 3.0, 4.0])
    assert (list(trace.sizes), list(trace.seconds)) == ([8, 7], [3.0, 4.0])
    assert (left_out, unknown) == (0, 0)


def test_trace_leaves_out_what_was_never_stored() -> None:
    calls = [call(1, A), call(2, B, stored=7, seconds=4.0), call(3, A), call(4, B, loaded=7)]
    trace, left_out, _ = trace_of(calls)
    assert (list(trace.entries), list(trace.times)) == ([0, 0], [2.0, 4.0])
    assert (list(trace.sizes), list(trace.seconds), left_out) == ([7], [4.0], 2)


def test_trace_of_two_hosts_is_put_in_order() -> None:
    calls = [call(time, one, stored=1) for time, one in ((5, A), (7, B), (4, C), (7, A))]
    trace = trace_of(calls).trace
    assert list(trace.times) == [4.0, 5.0, 7.0, 7.0]
    assert list(trace.entries) == [2, 0, 1, 0]


def test_trace_takes_unknown_seconds_from_other_calls_of_the_function() -> None:
    calls = [call(1, A, loaded=9), call(2, B, stored=1, seconds=2.0), call(3, C, stored=1)]
    assert list(trace_of(calls).trace.seconds) == [1.0, 2.0, 0.0]
    assert trace_of(calls[:1]).unknown_seconds == 1


def test_trace_takes_seconds_that_are_not_logged_from_the_store(tmp_path: Path) -> None:
    for argument_hash, seconds in ((A, 2.5), (B, 0.5)):
        folder = tmp_path / "joblib" / "m" / "f" / argument_hash
        folder.mkdir(parents=True)
        (folder / "output.pkl").write_bytes(b"N.")
        (folder / "metadata.json").write_text(
            f'{{"duration": {seconds}, "input_args": {{}}, "time": 1.0}}'
        )
    calls = [call(1, A, loaded=9), call(2, A, loaded=9), call(3, B, loaded=9)]
    calls += [call(4, C, loaded=9), call(5, B, stored=9, seconds=1.5)]
    trace, _, unknown = trace_of(calls, Store(tmp_path))
    assert list(trace.seconds) == [2.5, 1.5, 2.0]  # logged, else recorded, else the mean
    assert unknown == 0
    report = simulate(trace)
    assert report.recommended is not None
    assert report.unlimited.saved_seconds == 2.5 + 1.5
    unknowing = simulate(trace_of(calls[:4]).trace)
    assert unknowing.recommended is None
    assert "not known how long" in unknowing.nothing_saved
    assert "asked for twice" in simulate(trace_of(calls[:1]).trace).nothing_saved
