"""Deletion removes what was selected, and nothing else, whatever happens in the middle of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acache.operations.clear import Plan, plan_clear
from acache.operations.execute import execute
from acache.operations.selection import Selection
from acache.store.ids import parse_entry_id
from acache.store.model import Entry
from acache.store.remove import LocalRemoval
from acache.store.store import Store
from acache.system.errors import UsageError
from tests.helpers.examples import examples
from tests.helpers.marks import needs_links
from tests.helpers.processes import SLOW_WARNING, dead_pid, run_python
from tests.helpers.stores import tree, write_entry, write_temporary

HASHES = [digit * 32 for digit in "0369cf"]
OLD = time.time() - 7200


def clear(
    location: Path, selection: Selection | None = None, *, leftovers: bool = True, **options: float
) -> Plan:
    store = Store(location)
    selector = (Selection() if selection is None else selection).resolve(store)
    plan = plan_clear(store, selector, leftovers=leftovers, **options)
    execute(plan)
    return plan


@pytest.fixture
def location(tmp_path: Path) -> Path:
    function = tmp_path / "location" / "joblib" / "m" / "f"
    for argument_hash in HASHES[:3]:
        write_entry(function, argument_hash)
    (function / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    return tmp_path / "location"


def test_clear_all_leaves_sources_and_function_folders(location: Path) -> None:
    plan = clear(location)
    assert plan.total.entries == 3
    assert list(tree(location)) == ["joblib", "joblib/m", "joblib/m/f", "joblib/m/f/func_code.py"]


def test_foreign_things_stay(location: Path) -> None:
    function = location / "joblib" / "m" / "f"
    (function / HASHES[0] / ".DS_Store").write_bytes(b"finder")
    (function / HASHES[1] / "album").mkdir()
    (function / HASHES[1] / "album" / "song.wav").write_bytes(b"la")
    photo = function / ("b" * 32)
    photo.mkdir()
    (photo / "photo.jpg").write_bytes(b"smile")
    (location / "joblib" / "m" / ("d" * 32)).mkdir()  # beside no source: nobody's entry
    (location / "joblib" / "notes.txt").write_text("mine")
    (location / "joblib" / HASHES[2].upper()).mkdir()
    clear(location)
    left = tree(location)
    assert left == {
        "joblib": None,
        "joblib/m": None,
        "joblib/m/f": None,
        "joblib/m/f/func_code.py": b"# first line: 1\ndef f(): ...\n",
        f"joblib/m/f/{HASHES[0]}": None,
        f"joblib/m/f/{HASHES[0]}/.DS_Store": b"finder",
        f"joblib/m/f/{HASHES[1]}": None,
        f"joblib/m/f/{HASHES[1]}/album": None,
        f"joblib/m/f/{HASHES[1]}/album/song.wav": b"la",
        f"joblib/m/f/{'b' * 32}": None,
        f"joblib/m/f/{'b' * 32}/photo.jpg": b"smile",
        f"joblib/m/{'d' * 32}": None,
        "joblib/notes.txt": b"mine",
        f"joblib/{HASHES[2].upper()}": None,
    }


@needs_links
def test_links_are_neither_followed_nor_removed(location: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_entry(outside / "f", HASHES[0])
    (outside / "output.pkl").write_bytes(b"precious")
    store = location / "joblib"
    (store / "linked").symlink_to(outside)
    (store / "m" / "f" / HASHES[4]).symlink_to(outside / "f" / HASHES[0])
    entry = store / "m" / "f" / HASHES[5]
    entry.mkdir()
    (entry / "output.pkl").symlink_to(outside / "output.pkl")
    (entry / "metadata.json").write_bytes(b"{}")
    before = tree(outside)
    (entry / f"metadata.json.{'0' * 32}-1-1").symlink_to(outside / "output.pkl")
    clear(location)
    assert clear(location).is_empty
    assert tree(outside) == before
    assert not (entry / "metadata.json").exists()
    assert (store / "linked").is_symlink()
    assert (store / "m" / "f" / HASHES[4]).is_symlink()
    assert (entry / "output.pkl").is_symlink()


@needs_links
def test_removal_takes_a_store_that_is_a_link(location: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(location)
    assert clear(tmp_path / "link").total.entries == 3
    assert not list(location.rglob("output.pkl"))
    write_entry(location / "joblib" / "m" / "f", HASHES[0])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "joblib").symlink_to(location / "joblib")
    assert clear(tmp_path / "other").total.entries == 1


@needs_links
def test_folder_that_becomes_a_link_is_left_alone(location: Path, tmp_path: Path) -> None:
    store = Store(location)
    plan = plan_clear(store, Selection().resolve(store))
    (location / "joblib" / "m").rename(tmp_path / "moved")
    (location / "joblib" / "m").symlink_to(tmp_path / "moved")
    before = tree(tmp_path / "moved")
    outcome = execute(plan)
    assert tree(tmp_path / "moved") == before
    assert outcome.removed.entries == 0
    assert len(outcome.failed) == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows does not move what is open")
def test_folder_that_is_moved_away_in_the_middle_is_left_alone(
    location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = LocalRemoval.entry
    function = location / "joblib" / "m" / "f"

    def moving(self: LocalRemoval, *args: str, **since: float | None) -> bool:
        removed = remove(self, *args, **since)
        if function.exists():
            function.rename(tmp_path / "saved")
        return removed

    monkeypatch.setattr(LocalRemoval, "entry", moving)
    store = Store(location)
    outcome = execute(plan_clear(store, Selection().resolve(store)))
    assert (outcome.removed.entries, outcome.failed) == (1, ())
    assert len(list((tmp_path / "saved").rglob("output.pkl"))) == 2


def test_store_that_vanished_is_no_failure(location: Path, tmp_path: Path) -> None:
    store = Store(location)
    plan = plan_clear(store, Selection().resolve(store))
    location.rename(tmp_path / "elsewhere")
    outcome = execute(plan)
    assert (outcome.removed.entries, outcome.failed) == (0, ())
    assert len(list((tmp_path / "elsewhere").rglob("output.pkl"))) == 3


def test_time_in_the_future_does_not_protect_for_ever(location: Path) -> None:
    function = location / "joblib" / "m" / "f"
    file = write_temporary(function, "func_code.py", dead_pid(), modified=time.time() + 1e7)
    clear(location)
    assert not file.exists()


@pytest.mark.parametrize("grace", [-1.0, float("nan"), float("inf")])
def test_grace_that_is_not_valid(location: Path, grace: float) -> None:
    with pytest.raises(UsageError, match="grace"):
        clear(location, grace=grace)


def test_entries_written_since_the_plan_stay(location: Path) -> None:
    store = Store(location)
    plan = plan_clear(store, Selection().resolve(store))
    output = location / "joblib" / "m" / "f" / HASHES[1] / "output.pkl"
    output.write_bytes(b"computed anew")
    os.utime(output, (1, 1_900_000_000))
    outcome = execute(plan)
    assert output.read_bytes() == b"computed anew"
    assert (outcome.removed.entries, outcome.failed) == (2, ())


def test_entries_that_vanished_since_the_plan_are_no_failure(location: Path) -> None:
    store = Store(location)
    plan = plan_clear(store, Selection().resolve(store))
    joblib.Memory(str(location), verbose=0).store_backend.clear()
    outcome = execute(plan)
    assert (outcome.removed.entries, outcome.failed) == (0, ())


def test_temporary_files_have_a_grace_and_live_as_long_as_their_process(location: Path) -> None:
    function = location / "joblib" / "m" / "f"
    dead = dead_pid()
    entry, fresh = function / HASHES[0], function / HASHES[4]
    fresh.mkdir()
    alive = write_temporary(entry, "output.pkl", os.getpid(), modified=time.time())
    expired = write_temporary(entry, "metadata.json", dead, modified=OLD)
    source = write_temporary(function, "func_code.py", dead, modified=OLD)
    young = write_temporary(fresh, "output.pkl", dead, modified=time.time())
    # A process of that number that began later than the file was written did not write it.
    reused = write_temporary(function, "func_code.py", os.getpid(), modified=OLD)
    clear(location)
    assert alive.exists()
    assert young.exists()
    assert not expired.exists()
    assert not source.exists()
    if sys.platform == "linux":
        assert not reused.exists()
    assert not (entry / "output.pkl").exists()
    clear(location, grace=0.0)
    assert alive.exists()
    assert not fresh.exists()


def test_interrupted_deletion_is_finished_at_once(location: Path) -> None:
    function = location / "joblib" / "m" / "f"
    (function / HASHES[0] / "output.pkl").unlink()
    (function / HASHES[4]).mkdir()
    other = location / "joblib" / "m" / "g"
    write_entry(other, HASHES[0])
    (other / HASHES[0] / "output.pkl").unlink()
    clear(location, Selection(functions=("f",), older_than=1e9), leftovers=False)
    assert not (function / HASHES[0]).exists()
    assert not (function / HASHES[4]).exists()
    assert (function / HASHES[1] / "output.pkl").exists()
    assert (other / HASHES[0]).exists()


def test_leftovers_of_entries_that_stay_stay(location: Path) -> None:
    entry = location / "joblib" / "m" / "f" / HASHES[0]
    stray = write_temporary(entry, "output.pkl", dead_pid(), modified=OLD)
    ids = (parse_entry_id(f"m.f/{HASHES[1]}"),)
    plan = clear(location, Selection(ids=ids), leftovers=False)
    assert stray.exists()
    assert (plan.total.entries, plan.leftovers) == (1, ())
    plan = clear(location, Selection(ids=(parse_entry_id(f"m.f/{HASHES[0]}"),)), leftovers=False)
    assert not entry.exists()
    assert len(plan.leftovers) == 1


@given(
    entries=st.sets(st.tuples(st.sampled_from("fgh"), st.sampled_from(HASHES)), max_size=12),
    wanted=st.sets(st.sampled_from("fgh"), min_size=1),
    fork=st.booleans(),
)
@settings(max_examples=examples(40))
def test_files_that_are_not_selected_stay_as_they_are(
    entries: set[tuple[str, str]], wanted: set[str], fork: bool
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        location = Path(folder)
        for name in "fgh":
            (location / "joblib" / "m" / name).mkdir(parents=True)
            (location / "joblib" / "m" / name / "func_code.py").write_text(name)
        for name, argument_hash in entries:
            write_entry(location / "joblib" / "m" / name, argument_hash, output=name.encode())
        before = tree(location)
        store = Store(location)
        plan = plan_clear(store, Selection(functions=tuple(wanted)).resolve(store), fork=fork)
        execute(plan, fork=fork)
        gone = {f"joblib/m/{name}/{h}" for name, h in entries if name in wanted}
        expected = {k: v for k, v in before.items() if not any(k.startswith(g) for g in gone)}
        assert tree(location) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="is there what is imitated here")
def test_removal_without_relative_names_is_the_same(location: Path, tmp_path: Path) -> None:
    function = location / "joblib" / "m" / "f"
    (function / HASHES[0] / ".DS_Store").write_bytes(b"finder")
    (function / HASHES[4]).symlink_to(function / HASHES[0])
    write_temporary(function / HASHES[1], "output.pkl", dead_pid(), modified=OLD)
    write_temporary(function / HASHES[2], "output.pkl", dead_pid(), modified=time.time())
    (function / HASHES[5]).mkdir()
    twin = tmp_path / "twin"
    subprocess.run(["cp", "-a", location, twin], check=True)
    imitation = "import os; os.supports_fd = os.supports_dir_fd = set(); del os.fork\n"
    code = "from acache.cli.app import main; main()"
    options = ["clear", "--all", "-y", "--json", "--cache-dir"]
    expected = run_python(code, *options, location)
    assert run_python(imitation + code, *options, twin) == expected
    assert tree(twin).keys() == tree(location).keys()
    assert '"failed": []' in expected


# -- killed in the middle ------------------------------------------------------------------------

# Whichever of the two processes makes so many changes of the file system first kills the first one.
CLEARING = """
import os, signal, sys
first, steps = os.getpid(), int(sys.argv[2])
def counted(change):
    def changed(*args, **kwargs):
        global steps
        if steps == 0:
            os.kill(first, signal.SIGKILL)
        steps -= 1
        return change(*args, **kwargs)
    return changed
os.unlink, os.rmdir = counted(os.unlink), counted(os.rmdir)
from acache.cli.app import main
main(["clear", "--all", "-y", "-q", "--cache-dir", sys.argv[1]])
"""

STRICT = [sys.executable, "-W", "error", "-W", SLOW_WARNING]
CALLS = """
import sys, joblib
calls = []
def source(n):
    calls.append(n)
    return list(range(n))
cached = joblib.Memory(sys.argv[1], verbose=0).cache(source)
for n in range(int(sys.argv[2])):
    assert cached(n) == list(range(n))
print(len(calls))
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
@pytest.mark.parametrize(
    "kills",
    [
        [1, 150, 399],
        pytest.param(random.Random(0).sample(range(1, 400), 20), marks=pytest.mark.slow),
    ],
)
def test_store_is_sound_if_a_deletion_is_killed_at_any_moment(
    tmp_path: Path, kills: list[int]
) -> None:
    script = tmp_path / "calls.py"
    script.write_text(CALLS)
    location = tmp_path / "cache"
    count = 400  # entries: enough for two processes, neither of which gets to the end in 399 steps

    def run_calls() -> int:
        done = subprocess.run(
            [*STRICT, script, location, str(count)],
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout)

    assert run_calls() == count
    for steps in kills:
        # Its output ends when its second process has ended, with the pieces that it had.
        clearing = [sys.executable, "-c", CLEARING, str(location), str(steps)]
        done = subprocess.run(clearing, stdout=subprocess.PIPE, check=False)
        assert done.returncode == -signal.SIGKILL
        left = len(list(location.rglob("output.pkl")))
        assert 0 < left < count
        assert run_calls() == count - left
        assert run_calls() == 0
    run_python("import sys\nfrom acache.cli.app import main\nmain()", "clear", "--all", "-y",
               "--cache-dir", location)  # fmt: skip
    assert not list(location.rglob("output.pkl"))
    assert not list(location.rglob("metadata.json"))
    assert run_calls() == count


def test_store_is_sound_after_every_step_of_a_deletion(tmp_path: Path) -> None:
    """Stop after each single change of the file system, and let joblib read what is left."""
    code = """
import os, sys
steps = int(sys.argv[2])
def counted(change):
    def changed(*args, **kwargs):
        global steps
        if steps == 0:
            os._exit(9)
        steps -= 1
        return change(*args, **kwargs)
    return changed
os.unlink, os.rmdir = counted(os.unlink), counted(os.rmdir)
from acache.cli.app import main
main(["clear", "--all", "-y", "-q", "--grace", "0s", "--cache-dir", sys.argv[1]])
"""
    script = tmp_path / "calls.py"
    script.write_text(CALLS)
    location = tmp_path / "cache"

    def run_calls() -> int:
        command = [*STRICT, script, location, "3"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(done.stdout)

    run_calls()
    steps = 0
    while True:
        entry = next(location.rglob("output.pkl")).parent
        write_temporary(entry, "output.pkl", dead_pid(), modified=OLD)
        command = [sys.executable, "-c", code, str(location), str(steps)]
        ended = subprocess.run(command, check=False).returncode
        left = len(list(location.rglob("output.pkl")))
        assert run_calls() == 3 - left
        assert run_calls() == 0
        if ended == 0:
            break
        assert ended == 9
        steps += 1
    assert steps == 3 * 3 + 2  # of one the folder is full at first, for a temporary file


def test_entries_are_all_that_real_joblib_recomputes(tmp_path: Path) -> None:
    script = tmp_path / "calls.py"
    script.write_text(CALLS)
    location = tmp_path / "cache"
    command = [sys.executable, script, location, "6"]
    subprocess.run(command, check=True, capture_output=True)
    store = Store(location)
    found = [entry for entry in store.scan() if isinstance(entry, Entry)]
    chosen = found[:2]
    ids = tuple(parse_entry_id(f"{e.function}/{e.hash}") for e in chosen)
    clear(location, Selection(ids=ids), leftovers=False)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(done.stdout) == 2
