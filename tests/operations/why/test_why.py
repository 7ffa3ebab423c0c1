"""Each miss gets the reason and the argument that it is due to."""

from __future__ import annotations

import pytest

from acache.operations.why.comparison import ArgumentChange
from acache.operations.why.explanation import Miss, why
from acache.operations.why.hints import hint
from acache.store.call_log import Argument, Call

A, B, C = "a" * 32, "b" * 32, "c" * 32


def call(
    time: float,
    argument_hash: str,
    reason: str = "absent",
    *arguments: tuple[str, str, str],
    function: str = "m/f",
    error: str = "",
    stored: int = 9,
) -> Call:
    given = tuple(Argument(*one) for one in arguments)
    stored = 0 if error else stored
    return Call(
        time, function, argument_hash, reason, 0, 0, 1, 0, 0, stored, error, given, 1, "h"
    )  # fmt: skip


def reasons(*calls: Call) -> list[str]:
    return [miss.reason for miss in reversed(why(calls).misses)]


def test_first_call_is_named() -> None:
    assert reasons(call(1, A), call(2, A, ""), call(3, B, function="m/g")) == ["first-call"] * 2


def test_removed_entry_is_told_from_another_argument() -> None:
    (miss, _) = why([call(1, A), call(2, A, ""), call(3, A)]).misses
    assert miss.reason == "removed"
    assert "1970-01-01 00:00:02 UTC" in miss.message


def test_changed_source_explains_the_entries_that_it_removed() -> None:
    calls = [call(1, A), call(2, B), call(3, A, "source-changed"), call(4, B), call(5, B)]
    expected = ["first-call", "argument", "source-changed", "source-changed", "removed"]
    assert reasons(*calls) == expected


def test_failed_write_explains_the_next_miss() -> None:
    (miss, first) = why([call(1, A, error="cannot pickle"), call(2, A)]).misses
    assert (first.reason, miss.reason) == ("first-call", "not-stored")
    assert "cannot pickle" in miss.message


def test_exception_explains_the_next_miss() -> None:
    (miss, _) = why([call(1, A, stored=0), call(2, A)]).misses
    assert miss.reason == "not-stored"
    assert "raised" in miss.message


def test_call_that_another_one_is_at_is_not_told_as_removed() -> None:
    (miss, _) = why([call(1, A), call(1.5, A)]).misses  # each takes a second
    assert miss.reason == "concurrent"
    assert miss.fix is not None
    assert "SINGLE_FLIGHT" in miss.fix


@pytest.mark.parametrize("reason", ["unreadable", "expired", "forced"])
def test_reason_of_the_engine_is_kept(reason: str) -> None:
    assert reasons(call(1, A), call(2, A, reason))[1] == reason


def the_miss(*calls: Call) -> Miss:
    return why(calls).misses[0]


def test_nearest_entry_has_the_most_arguments_alike_and_is_the_latest() -> None:
    miss = the_miss(
        call(1, A, "absent", ("x", "", "1"), ("y", "", "2")),
        call(2, B, "absent", ("x", "", "1"), ("y", "", "3")),
        call(3, C, "absent", ("x", "", "9"), ("y", "", "9")),
        call(4, "d" * 32, "absent", ("x", "", "1"), ("y", "", "4")),
    )
    assert miss.nearest == f"m.f/{B}"
    assert miss.arguments == (
        ArgumentChange("x", True, "1", "1"),
        ArgumentChange("y", False, "4", "3"),
    )
    assert miss.message == "y is 4, in the nearest entry 3"


def test_same_text_with_other_content_is_said() -> None:
    miss = the_miss(
        call(1, A, "absent", ("x", "f1", "<Model>")), call(2, B, "absent", ("x", "f2", "<Model>"))
    )
    assert miss.message == "x has the same text, other content"
    assert miss.arguments[0].looks_same


def test_fingerprints_of_two_kinds_are_not_compared() -> None:
    miss = the_miss(
        call(1, A, "absent", ("x", "f1", "1"), ("y", "", "1")),
        call(2, B, "absent", ("x", "j2", "1"), ("y", "", "2")),
    )
    assert [change.same for change in miss.arguments] == [True, False]


def test_limit_keeps_the_latest_and_counts_the_rest() -> None:
    report = why([call(time, f"{time:032x}") for time in range(1, 6)], limit=2)
    assert [miss.time for miss in report.misses] == [5, 4]
    assert (report.calls, report.left_out) == (5, 3)


def test_since_explains_later_misses_by_earlier_calls() -> None:
    report = why([call(1, A), call(5, A)], since=3)
    assert [miss.reason for miss in report.misses] == ["removed"]


@pytest.mark.parametrize(
    ("name", "now", "then", "words"),
    [
        ("tuning", "0.30000000000000004", "0.3", "round it"),
        ("at", "1795662693.36", "1795662692.62", "ignore=['at']"),
        ("path", "'./a/song.wav'", "'/data/a/song.wav'", "realpath"),
        ("y", "array([1., 2.], dtype=float32)", "array([1., 2.])", "astype"),
        ("y", "array([1., 2.])", "array([1., 2.])", "memory order"),
        ("y", "array([ True])", "array([1.+0.j])", "(booleans, before complex numbers)"),
        ("random_state", "5", "6", "ignore=['random_state']"),
        ("model", "<m.Model object at 0x7f0123456789>", "<m.Model object at 0x7f0123456000>",
         "address"),
    ],
)  # fmt: skip
def test_hint_knows_the_pattern(name: str, now: str, then: str, words: str) -> None:
    fix = hint(ArgumentChange(name, False, now, then))
    assert fix is not None
    assert words in fix


@pytest.mark.parametrize(
    ("name", "now", "then"),
    [
        ("x", "1", "2"),
        ("x", "'hann'", "'hamming'"),
        ("x", "0.3", "0.4"),
        ("x", "nan", "1.0"),
        ("x", "(1.0, 2)", "(1.0, 2)"),
        ("x", "1000001", "1000000"),
        ("x", "'a/song.wav'", "'a/voice.wav'"),
        ("x", "array([1., 2.])", "array([1., 3.])"),
    ],
)
def test_hint_says_nothing_of_ordinary_differences(name: str, now: str, then: str) -> None:
    assert hint(ArgumentChange(name, False, now, then)) is None


def test_function_of_a_script_gets_its_own_hint() -> None:
    miss = the_miss(call(1, A, function="__main__--home-me-script/f"))
    assert miss.fix is not None
    assert "module" in miss.fix
