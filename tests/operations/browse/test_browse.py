"""What the browser reads is what the commands report, and its words select what it shows."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acache.cli.browse import parse_filter
from acache.operations.browse import process
from acache.operations.browse.commands import narrowed, selection_words
from acache.operations.browse.contents import Contents, StoppedError, read_entries
from acache.operations.browse.process import Reading, read_apart
from acache.operations.ls import LIST_SORTS, Listing, order_of
from acache.operations.selection import Selection, parse_levels
from acache.operations.stats import stats
from acache.sources.installed import InstalledSources
from acache.sources.levels import Levels
from acache.store.format import dotted
from acache.store.ids import parse_entry_id
from acache.store.store import Store
from acache.store.table import EntryTable
from tests.helpers.examples import examples
from tests.helpers.marks import needs_posix
from tests.helpers.processes import PATIENCE_SECONDS

SELECTIONS = st.builds(
    Selection,
    levels=st.lists(st.sampled_from(["30", ">=20", "10-20", "none"]).map(parse_levels)).map(tuple),
    functions=st.lists(st.sampled_from(["stft", "a b", "m.*", "/m/f[[]0]", "it's"])).map(tuple),
    older_than=st.none() | st.sampled_from([90.0, 0.0, 0.5, 604_800.0, 86_400.0 * 30, 5400.0]),
    unused_for=st.none() | st.integers(0, 10**9).map(float),
    larger_than=st.none() | st.integers(0, 10**15),
    smaller_than=st.none() | st.sampled_from([10**3, 5 * 10**6, 1024]),
    arguments=st.lists(st.sampled_from([("n_fft", "2048"), ("window", "h n*")])).map(tuple),
    ids=st.none() | st.just((parse_entry_id("m.f/0a"),)),
    stale=st.booleans(),
)


@settings(max_examples=examples(100))
@given(SELECTIONS)
def test_words_of_a_selection_are_read_back(selection: Selection) -> None:
    assert parse_filter(shlex.join(selection_words(selection))) == selection


def readings(location: Path, selection: Selection | None = None) -> list[Contents]:
    told: list[Contents] = []
    chosen = Selection() if selection is None else selection
    read_apart(Reading(str(location), sys.executable, chosen, True), told.append)
    return told


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("words", ["", "--level 20-30", "stft --larger-than 10k"])
def test_contents_are_those_of_stats(
    words: str, apart: bool, librosa_location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not apart:
        monkeypatch.setattr(process, "is_python", lambda: False)
    selection = parse_filter(words)
    told = readings(librosa_location, selection)
    first, last = told[0], told[-1]
    store = Store(librosa_location)
    levels = Levels(store, InstalledSources())
    report = stats(store, levels, selection.resolve(store, levels))
    assert last.complete
    assert not first.complete
    assert {row.function for row in last.functions} <= {row.function for row in first.functions}
    assert last.total == report.total
    assert last.levels == report.levels
    expected = {(row.function, row.level): row.totals for row in report.functions}
    assert {(dotted(row.function), row.level): row.totals for row in last.functions} == expected


def test_contents_without_anything_named_are_empty(librosa_location: Path) -> None:
    [only] = readings(librosa_location, Selection(functions=("no_such_function",)))
    assert only == Contents(complete=True)


def test_reading_stops_when_it_is_asked_to(librosa_location: Path) -> None:
    told: list[Contents] = []
    reading = Reading(str(librosa_location), sys.executable, Selection(), True)
    with pytest.raises(StoppedError):
        read_apart(reading, told.append, stopped=lambda: len(told) == 1)
    assert len(told) == 1


def test_reading_of_a_process_that_dies_is_an_error(
    librosa_location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_MAIN", "import os; os._exit(3)")
    with pytest.raises(OSError, match="the process that reads the cache ended with 3"):
        readings(librosa_location)


@needs_posix
def test_reading_process_ends_with_the_one_that_asked(tmp_path: Path) -> None:
    """As when the browser is killed: it tells nobody that it goes."""
    for number in range(5000):
        (tmp_path / "joblib" / "m" / f"f{number}").mkdir(parents=True)
    code = (
        "import sys, time, os\n"
        "from acache.operations.browse import process\n"
        "from acache.operations.selection import Selection\n"
        "process._MAIN = process._MAIN.replace('main()', '''import time\n"
        "from acache.operations.browse import process as p\n"
        "def run(reading, report, *, stopped, fork):\n"
        "    while not stopped(): time.sleep(0.01)\n"
        "p.run = run\n"
        "main()''')\n"
        "started = process._start\n"
        "def start():\n"
        "    child = started(); print(child.pid, flush=True); return child\n"
        "process._start = start\n"
        "reading = process.Reading(sys.argv[1], sys.executable, Selection(), True)\n"
        "process.read_apart(reading, print)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        child = int(asking.stdout.readline())
        os.kill(child, 0)
        asking.kill()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Path(f"/proc/{child}").exists() and "Z (" not in status(child):
        assert time.monotonic() < deadline, "the process goes on"
        time.sleep(0.01)


def status(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return "Z ("


def test_entries_are_those_of_ls(librosa_location: Path) -> None:
    store = Store(librosa_location)
    function = "librosa/util/utils/normalize"
    selector = Selection(larger_than=15_000).resolve(store)
    table = EntryTable()
    read_entries(store, selector, function, table, durations=True)
    narrow = narrowed(Selection(larger_than=15_000), functions=[function]).resolve(store)
    for sort in LIST_SORTS:
        expected = [row.entry for row in Listing(store, narrow, sort=sort)]
        assert [table[index] for index in order_of(table, sort)] == expected
    for number, entry in enumerate(table):
        assert table.index_of(entry.function, entry.hash) == number
    assert table.index_of(function, "0" * 32) is None
