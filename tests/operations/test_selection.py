"""A selection is what its words say: against a slow filter, and on what it must refuse."""

from __future__ import annotations

import fnmatch
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acache.operations.selection import Selection, parse_levels
from acache.store.ids import (
    entry_id,
    exactly,
    matches_function,
    matches_text,
    nearest,
    parse_entry_id,
)
from acache.store.local import LocalStore
from acache.store.model import Entry
from acache.store.store import ScanOptions, Store
from acache.store.table import EntryTable
from acache.system.errors import UsageError
from acache.system.text import printable, quoted
from tests.helpers.examples import examples
from tests.helpers.marks import needs_posix
from tests.helpers.stores import write_entry

NOW = 1_800_000_000.0
DAY = 86_400.0


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("30", [30], [29, 31, None]),
        ("-5", [-5], [5, None]),
        (">=30", [30, 31, 10**6], [29, None]),
        (">= 30", [30], [29]),
        (">30", [31], [30, None]),
        ("<=20", [20, -1], [21, None]),
        ("<20", [19], [20, None]),
        ("20-30", [20, 25, 30], [19, 31, None]),
        ("20 - 20", [20], [19, 21]),
        ("none", [None], [0, 10]),
        ("NONE", [None], [0]),
    ],
)
def test_levels(text: str, inside: list[int | None], outside: list[int | None]) -> None:
    levels = parse_levels(text)
    assert all(level in levels for level in inside)
    assert not any(level in levels for level in outside)


@pytest.mark.parametrize(
    "text", ["", "high", "30-20", "=>30", "1.5", "10,20", "٣٠", "1e2", "9" * 30]
)
def test_levels_that_are_not_valid(text: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_levels(text)
    assert repr(text) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("librosa.core.spectrum.stft", True),
        ("librosa/core/spectrum/stft", True),
        ("stft", True),
        ("spectrum.stft", True),
        ("spectrum/stft", True),
        ("tft", False),
        ("librosa", False),
        ("librosa.*", True),
        ("*stft", True),
        ("st?t", True),
        ("[rs]tft", True),
        ("core.*.stft", True),
        ("STFT", False),
        ("", False),
        ("/librosa/core/spectrum/stft", True),
        ("/librosa/*/st?t", True),
        ("/librosa.core.spectrum.stft", False),
        ("/core/spectrum/stft", False),
        ("/stft", False),
        ("/*", True),
        ("/", False),
    ],
)
def test_patterns_of_functions(pattern: str, matches: bool) -> None:
    assert matches_function("librosa/core/spectrum/stft", pattern) is matches


@pytest.mark.parametrize(
    "function",
    ["m/f", "pkg/m/f", "m.f", "m[1]/f", "m1/f", " f", "f ", "a*/?", "\x1b", "\udcff", ""],
)
def test_function_is_named_exactly(function: str) -> None:
    others = {"m/f", "pkg/m/f", "m.f", "m[1]/f", "m1/f", "f", "f/m/f", "ab/c", "n/ f"} - {function}
    assert matches_function(function, exactly(function))
    assert not any(matches_function(other, exactly(function)) for other in others)


def test_names_that_are_not_printable_match_as_they_are_shown() -> None:
    function = "m/\x1b[31mred"
    assert matches_function(function, printable("\x1b[31mred"))
    assert matches_function("m/f/<locals>/g", "f.<locals>.g")


@needs_posix
@given(st.binary(min_size=1))
def test_quoted_text_is_read_back_by_bash(word: bytes) -> None:
    word = word.replace(b"\0", b"x")
    line = f"printf %s {quoted(os.fsdecode(word))}"
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == word


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("2048", "2048", True),
        ("2048", "20*", True),
        ("2048", "20", False),
        ("'hann'", "hann", True),
        ("'hann'", "'hann'", True),
        ("'hann'", "?hann?", True),
        ("array([1., 2.])", "array([1., 2.])", True),
        ("array([1., 2.])", "array(*", True),
        ("", "", True),
        ("'", "'", True),
    ],
)
def test_patterns_of_arguments(text: str, pattern: str, matches: bool) -> None:
    assert matches_text(text, pattern) is matches


@pytest.mark.parametrize("text", ["", "f", "f/", "f/xyz", "f/" + "a" * 33, "f/AB", "a/b c"])
def test_ids_that_are_not_valid(text: str) -> None:
    with pytest.raises(UsageError, match="is not an entry"):
        parse_entry_id(text)


def test_nearest_names_come_first() -> None:
    known = ["librosa/core/spectrum/stft", "librosa/core/spectrum/istft", "librosa/filters/mel"]
    assert nearest("sftf", known)[0] == "librosa.core.spectrum.stft"
    assert nearest("librosa.filtres.mel", known)[0] == "librosa.filters.mel"
    assert nearest("xyzzy", known) == []


HASHES = [digit * 32 for digit in "0a1b"]
NAMES = ["m/f", "m/g", "other/f"]
LEVELS = {"m/f": 10, "m/g": 30, "other/f": None}
STALE = {"m/g", "other/f"}

entries = st.dictionaries(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(HASHES)),
    st.tuples(
        st.integers(0, 300), st.integers(0, 9), st.integers(0, 9), st.sampled_from(["1", "2", "12"])
    ),
)
selections = st.builds(
    Selection,
    levels=st.lists(
        st.sampled_from(["10", ">=20", "none", "10-30"]).map(parse_levels), max_size=2
    ).map(tuple),
    functions=st.lists(st.sampled_from(["f", "m.*", "m.g", "o*.f"]), max_size=2).map(tuple),
    older_than=st.none() | st.integers(0, 9).map(lambda days: days * DAY),
    unused_for=st.none() | st.integers(0, 9).map(lambda days: days * DAY),
    larger_than=st.none() | st.integers(0, 300),
    smaller_than=st.none() | st.integers(0, 300),
    arguments=st.lists(st.sampled_from([("n", "1*"), ("n", "2"), ("x", "*")]), max_size=2).map(
        tuple
    ),
    ids=st.none(),
    stale=st.booleans(),
).filter(
    lambda s: (
        s.larger_than is None
        or s.larger_than + 1 < (10**6 if s.smaller_than is None else s.smaller_than)
    )
)


@given(entries, selections)
@settings(max_examples=examples(100))
def test_selection_is_what_its_words_say(
    made: dict[tuple[str, str], tuple[int, int, int, str]], selection: Selection
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:  # known, whether they have entries or not
            (Path(folder) / "joblib" / name).mkdir(parents=True)
            (Path(folder) / "joblib" / name / "func_code.py").touch()
        for (name, argument_hash), (size, written, used, argument) in made.items():
            given = b'{"n": "%s", "x": "0"}' % argument.encode()
            metadata = b'{"duration": 1.0, "input_args": %s}' % given
            entry = write_entry(
                Path(folder) / "joblib" / name, argument_hash, output=b"x" * size, metadata=metadata
            )
            os.utime(entry / "output.pkl", (NOW - used * DAY, NOW - written * DAY))
        store = Store(folder)
        selector = selection.resolve(store, LEVELS.get, is_stale=STALE.__contains__, now=NOW)
        found = [f for f in store.scan() if isinstance(f, Entry)]
        chosen = {(e.function, e.hash) for e in found if selector.matches(e)}
        assert chosen <= {
            (e.function, e.hash) for e in found if selector.covers(e.function, e.hash)
        }

        def slowly(entry: Entry) -> bool:
            _, written, used, argument = made[entry.function, entry.hash]
            dotted = entry.function.replace("/", ".")
            level = LEVELS[entry.function]
            return (
                (not selection.levels or any(level in wanted for wanted in selection.levels))
                and (not selection.stale or entry.function in STALE)
                and (
                    not selection.functions
                    or any(
                        fnmatch.fnmatchcase(dotted, p) or fnmatch.fnmatchcase(dotted, f"*.{p}")
                        for p in selection.functions
                    )
                )
                and (selection.older_than is None or written * DAY > selection.older_than)
                and (selection.unused_for is None or used * DAY > selection.unused_for)
                and (selection.larger_than is None or entry.size_bytes > selection.larger_than)
                and (selection.smaller_than is None or entry.size_bytes < selection.smaller_than)
                and (
                    not selection.arguments
                    or any(
                        fnmatch.fnmatchcase({"n": argument, "x": "0"}[name], pattern)
                        for name, pattern in selection.arguments
                    )
                )
            )

        assert chosen == {(e.function, e.hash) for e in found if slowly(e)}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    for name in NAMES:
        for argument_hash in (*HASHES, "0a" + "0" * 30):
            write_entry(tmp_path / "joblib" / name, argument_hash)
    return Store(tmp_path)


def ids(*texts: str) -> Selection:
    return Selection(ids=tuple(map(parse_entry_id, texts)))


@pytest.mark.parametrize(
    ("text", "function", "argument_hash"),
    [
        ("m.f/b", "m/f", HASHES[3]),
        ("m/f/b", "m/f", HASHES[3]),
        ("other.f/" + HASHES[0], "other/f", HASHES[0]),
        ("g/0a", "m/g", "0a" + "0" * 30),
        ("m.g/aaa", "m/g", HASHES[1]),
    ],
)
def test_ids_may_be_short(store: Store, text: str, function: str, argument_hash: str) -> None:
    selector = ids(text).resolve(store)
    assert [
        (e.function, e.hash) for e in store.scan() if isinstance(e, Entry) and selector.matches(e)
    ] == [(function, argument_hash)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m.f/0", "names 2 entries"),
        ("f/b", "names 2 entries"),
        ("m.f/c", "no such entry 'm.f/c'"),
        ("m.gg/b", "the nearest: m.g"),
        ("zzzzzz/b", "acache stats lists them"),
    ],
)
def test_ids_that_name_not_one_entry(store: Store, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ids(text).resolve(store)


def test_ids_that_may_be_gone_are_counted(store: Store) -> None:
    texts = ("m.f/b", "m.f/" + "c" * 32, "gone.g/12", "m.f/b")
    named = tuple(dict.fromkeys(parse_entry_id(text, may_be_gone=True) for text in texts))
    assert Selection(ids=named).resolve(store).missing == 2
    with pytest.raises(UsageError, match="no such entry"):
        Selection(ids=(*named, parse_entry_id("m.f/d"))).resolve(store)


@pytest.mark.parametrize(
    ("folders", "unique"),
    [
        (("a/b/f", "a.b/f"), ["a/b/f", "a.b/f"]),
        (("m/f\x1b", "m/f\\x1b"), ["m.f\x1b", "m/f\x1b", "m/f\\x1b"]),
        ((" lead", "lead"), [" lead", "lead"]),
        (("a/b", "a.b"), ["a/b"]),
    ],
)
def test_id_never_names_another_entry(
    tmp_path: Path, folders: tuple[str, str], unique: list[str]
) -> None:
    """Arguments alone make the hash: two functions' entries often share it."""
    for folder in folders:
        write_entry(tmp_path / "joblib" / folder, HASHES[0])
    store = Store(tmp_path)
    for folder in folders:
        dotted = entry_id(folder, HASHES[0])
        for text in {dotted, printable(dotted), f"{folder}/{HASHES[0]}"}:
            if text.rpartition("/")[0] not in unique:
                with pytest.raises(UsageError, match="is not unique: it names 2 entries"):
                    ids(text).resolve(store)
                continue
            selector = ids(text).resolve(store)
            found = [e for e in store.scan() if isinstance(e, Entry)]
            assert [e.function for e in found if selector.matches(e)] == [folder], text


def test_entries_in_the_root_can_be_named(tmp_path: Path) -> None:
    write_entry(tmp_path / "joblib", HASHES[1])
    store = Store(tmp_path)
    [found] = [e for e in store.scan() if isinstance(e, Entry)]
    assert entry_id(found.function, found.hash) == f"/{HASHES[1]}"
    assert ids(f"/{HASHES[1]}").resolve(store).matches(found)


@pytest.mark.parametrize(
    ("nonsense", "says"),
    [
        (Selection(older_than=-5.0), "older_than=-5.0"),
        (Selection(unused_for=float("nan")), "unused_for=nan"),
        (Selection(larger_than=-1), "larger_than=-1"),
        (Selection(larger_than=1000, smaller_than=1000), "1,000 and smaller than 1,000"),
        (Selection(levels=(parse_levels("none"),)), "level"),
    ],
)
def test_selections_that_are_not_valid(store: Store, nonsense: Selection, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        nonsense.resolve(store)


def test_argument_that_no_function_has_is_refused(tmp_path: Path) -> None:
    for name, argument in (("f", b"n_fft"), ("g", b"window")):
        metadata = b'{"duration": 1.0, "input_args": {"%s": "1"}}' % argument
        write_entry(tmp_path / "joblib" / "m" / name, "0" * 32, metadata=metadata)
    write_entry(tmp_path / "joblib" / "m" / "unknown", "0" * 32, metadata=b"{")
    store = Store(tmp_path)
    Selection(arguments=(("n_fft", "2"), ("window", "2"))).resolve(store)
    with pytest.raises(UsageError, match=r"no selected function has an argument 'nfft'.*: n_fft"):
        Selection(arguments=(("n_fft", "1"), ("nfft", "1"))).resolve(store)
    with pytest.raises(UsageError, match="acache ls --args lists them"):
        Selection(functions=("g",), arguments=(("n_fft", "1"),)).resolve(store)
    # Where nothing is recorded, nothing is known.
    Selection(functions=("unknown",), arguments=(("n_fft", "1"),)).resolve(store)
    Selection(arguments=(("n_fft", "1"),)).resolve(Store(tmp_path / "none"))


def test_metadata_is_opened_for_those_alone_that_passed_the_rest(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    read = LocalStore.metadata

    def counted(self: LocalStore, function: str, *names: Any) -> object:
        opened.append((function, *names))
        return read(self, function, *names)

    monkeypatch.setattr(LocalStore, "metadata", counted)
    selection = Selection(functions=("m.g",), larger_than=0, arguments=(("n", "*"),))
    selector = selection.resolve(store)
    assert not [e for e in store.scan() if isinstance(e, Entry) and selector.matches(e)]
    assert len(opened) == 6  # one for the names of its arguments
    assert {function for function, *_ in opened} == {"m/g"}


def test_scan_of_one_function_looks_into_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    selector = Selection(functions=("m.g",)).resolve(store)
    found = [e for e in store.scan(ScanOptions(select=selector.covers)) if isinstance(e, Entry)]
    assert {entry.function for entry in found} == {"m/g"}
    assert len(found) == 5


@given(st.lists(st.builds(
    Entry,
    st.sampled_from(NAMES), st.sampled_from(HASHES), st.integers(0, 2**62), st.integers(0, 2**62),
    st.integers(0, 9), st.floats(0, 1e10), st.floats(0, 1e10), st.none() | st.floats(0, 1e6),
    st.integers(0, 3),
)), st.integers(0, 9))  # fmt: skip
def test_table_gives_back_what_was_put_in(made: list[Entry], cut: int) -> None:
    import pickle

    table = EntryTable(made[:cut])
    table.extend(pickle.loads(pickle.dumps(EntryTable(made[cut:]))))
    assert list(table) == made
    if made:
        assert table[-1] == made[-1]
    order = table.order(table.created.__getitem__)
    expected = sorted(made, key=lambda e: (e.created, e.function, e.hash))
    assert [(table[i].created, *table.name(i)[:1]) for i in order] == [
        (e.created, e.function) for e in expected
    ]


def test_selection_of_what_is_stale_asks(tmp_path: Path) -> None:
    for function in ("m/old", "m/new"):
        write_entry(tmp_path / "joblib" / function, "0" * 32)
        (tmp_path / "joblib" / function / "func_code.py").touch()
    store = Store(tmp_path)
    selection = Selection(stale=True)
    assert not selection.is_everything
    with pytest.raises(UsageError, match="is_stale"):
        selection.resolve(store)
    selector = selection.resolve(store, is_stale=lambda function: function == "m/old")
    assert [e.function for e in store.scan() if isinstance(e, Entry) and selector.matches(e)] == [
        "m/old"
    ]
