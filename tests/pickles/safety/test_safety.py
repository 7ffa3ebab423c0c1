"""What loading a pickle would run is told before, and nothing of it runs."""

from __future__ import annotations

import array
import collections
import contextlib
import datetime
import decimal
import fractions
import io
import os
import pathlib
import random
import tracemalloc
import types
import uuid
import zoneinfo
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
import scipy.optimize
import scipy.sparse
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import NMF
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from acache.operations.verify.store import verify
from acache.pickles import DamagedError, PickleError, describe_file, literals, memo
from acache.pickles.safety import Judge, parse_allowed
from acache.pickles.safety.calls import HARMLESS
from acache.store.store import Store
from acache.system.errors import AcacheError, UsageError
from tests.helpers.crashing import crashing
from tests.helpers.hostile import bombs, dangerous, running
from tests.helpers.opcodes import of, text
from tests.helpers.processes import run_python
from tests.helpers.samples import values
from tests.helpers.stores import write_entry

# make fuzz runs many more.
EXAMPLES = int(os.environ.get("ACACHE_FUZZ_EXAMPLES", "300"))


def judged(data: bytes, *allowed: str) -> Judge:
    judge = Judge(allowed)
    with contextlib.suppress(DamagedError):
        describe_file(io.BytesIO(data), watcher=judge, contents=False)
    return judge


@pytest.mark.parametrize("way", running())
def test_pickles_that_run_something_are_unsafe_and_run_nothing(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert judged(running()[way]).unsafe
    assert not list(tmp_path.iterdir())


def test_pickles_that_are_said_to_run_something_do(tmp_path: Path) -> None:
    """The canary is worth something: joblib.load lets it appear."""
    code = (
        "import contextlib, io, os, sys, warnings, joblib\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "warnings.simplefilter('ignore')\n"
        "from tests.helpers.hostile import running\n"
        "for way, data in running().items():\n"
        "    with contextlib.suppress(Exception):\n"
        "        joblib.load(io.BytesIO(data))\n"
        "    if os.path.exists('canary'):\n"
        "        os.remove('canary')\n"
        "    else:\n"
        "        print(way)\n"
    )
    root = Path(__file__).parents[3]
    silent = run_python(f"import os; os.chdir({str(tmp_path)!r})\n{code}", root).splitlines()
    assert silent == []


@pytest.mark.parametrize("way", dangerous())
def test_pickles_that_do_harm_otherwise_are_unsafe(way: str) -> None:
    data = dangerous()[way]
    if way == "a type that changes":
        with pytest.raises(PickleError, match="set twice"):
            describe_file(io.BytesIO(data))
    else:
        assert judged(data).unsafe


@pytest.mark.parametrize("way", bombs())
def test_bombs_are_refused(way: str) -> None:
    with pytest.raises(PickleError):
        describe_file(io.BytesIO(bombs()[way]), watcher=Judge(), contents=False)


ROWS = np.random.default_rng(0).random((2, 50))


def sound() -> list[Any]:
    """Return values of all kinds that are harmless to load."""
    odd = ("object", "a list's child", "functions", "method", "random")
    found = [value for name, value in values().items() if name not in odd]
    forms = [f"{form}_" for form in ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")]
    found += [
        getattr(scipy.sparse, f + kind)(np.eye(3)) for f in forms for kind in ("matrix", "array")
    ]
    records = np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)])
    found += [
        *(np.ma.array([1, 2], mask=[0, 1]), np.ma.array([None, "a"], mask=[0, 1]), np.ma.masked),
        *(records, records[0], np.char.array(["a"])),
        *(uuid.UUID(int=5), types.SimpleNamespace(a=1), fractions.Fraction(1, 3)),
        *(decimal.Decimal("1.5"), pathlib.Path("a"), array.array("d", [1])),
        *(collections.Counter("abc"), collections.deque([1]), range(3), bytearray(b"abc")),
        *(datetime.timedelta(1), datetime.date(2020, 1, 1), datetime.time(1)),
        *(np.array(["a", "b"]), np.array([1, 2], ">i4"), np.array([[1, None]], object)[:, ::2]),
        *(np.array([(1, "a")], [("x", "i4"), ("y", "O")]), np.zeros(2, [(("title", "x"), "f8")])),
        *(np.array(5), np.array([np.zeros(3), None, [np.ones(2)]], object), type(None)),
        *(np.asfortranarray(np.ones((2, 3))), np.zeros((0, 3)), np.zeros(3, [("s", "f4", (2,))])),
    ]
    found += [
        np.array([np.ones((2, 3, 4)).transpose(1, 0, 2), None], object),
        np.array([(1, "a", ("b", 2.5), np.datetime64("2020"))],
                 [("x", "i4"), ("y", "O"), ("z", [("s", "U3"), ("t", "f8")]), ("w", "M8[D]")]),
        np.zeros(2, [("a", "O", (2,)), ("b", "i4"), ("c", "f4", (3,))]),
        *(np.ma.array(["a", "b"], mask=[0, 1]), np.ma.zeros(2, [("a", "i4"), ("b", "f8")])),
        *(ValueError("no", 1), FileNotFoundError(2, "no such file"), StopIteration(3)),
        *(np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2]), np.polynomial.HermiteE([1])),
        scipy.optimize.minimize_scalar(lambda x: (x - 1) ** 2),
        *(scipy.stats.mode([1, 1, 2]), scipy.stats.describe([1.0, 2]), scipy.stats.levene(*ROWS)),
        *(scipy.stats.shapiro(ROWS[0]), scipy.stats.mannwhitneyu(*ROWS)),
        *(scipy.stats.kruskal(*ROWS), scipy.stats.binned_statistic(*ROWS)),
        scipy.stats.cumfreq(ROWS[0]),
        *(collections.ChainMap({1: 2}), collections.UserDict(a=1), collections.UserList([1])),
        *(np.linalg.svd(np.eye(2)), np.linalg.qr(np.eye(2)), np.linalg.slogdet(np.eye(2))),
        *(np.unique_counts(np.array([1, 1, 2])), {np.linalg.slogdet(np.eye(2)): 1}),
        *(np.zeros(2, np.dtype([("a", "u1"), ("b", "f8")], align=True)), range(10**12)),
        datetime.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("America/Argentina/Jujuy")),
        *(slice(1, None, 2), decimal.Decimal("-1.5E+9"), decimal.Decimal("NaN"), 1e300),
    ]  # fmt: skip
    return found


@pytest.mark.parametrize(
    ("method", "zone"),
    [
        ("_unpickle", "../../../tmp/zone"),
        ("_unpickle", "/tmp/zone"),
        ("from_file", "Europe/Berlin"),
        ("__class__", "Europe/Berlin"),
    ],
)
def test_time_zone_is_sound_by_its_name_alone(method: str, zone: str) -> None:
    known = of(zoneinfo.ZoneInfo("Europe/Berlin"), protocol=2)
    assert judged(known).unsafe == []
    for old, new in (("_unpickle", method), ("Europe/Berlin", zone)):
        assert text(old) in known
        known = known.replace(text(old), text(new))
    assert judged(known).unsafe


FEW = 2_000


def late() -> list[Any]:
    """Return values that follow more strings, or types, than are remembered."""
    words = [f"word {i}" for i in range(FEW + FEW // 2)]
    records = [np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]) for _ in range(2)]
    zone = datetime.timezone.utc
    return [
        [pathlib.Path(f"/data/{i // 100}/below/{i}.wav") for i in range(FEW)],
        [words, uuid.UUID(int=1), uuid.UUID(int=2), records],
        [words, *(scipy.sparse.csr_matrix(np.eye(i)) for i in (2, 3)), *np.arange(3, dtype="u1")],
        [words, *(np.ma.array([1, 2], mask=[0, 1]) for _ in range(2)), np.array(["2020"], "M8[s]")],
        [words, {"x": 1, "y": 2}, np.zeros(2, [("x", "f4"), ("y", "f4")]), array.array("d", [1])],
        [words, *(types.SimpleNamespace(a=i) for i in range(2)), *[datetime.time(tzinfo=zone)] * 2],
        np.array([*words, *np.arange(3, dtype="u1"), None], object),
        [[np.datetime64(i, "s") for i in range(2 * FEW)], pathlib.Path("a"), pathlib.Path("b")],
    ]


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_values_that_are_sound_are_so_in_a_long_pickle(
    monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    monkeypatch.setattr(memo, "_MANY", FEW)  # for 500,000 it takes a minute
    monkeypatch.setattr(memo, "_FIRST", FEW // 20)
    monkeypatch.setattr(memo, "_LAST", FEW // 4)
    monkeypatch.setattr(literals, "_PIECE", 1_000)
    for value in late():
        judge = judged(of(value, protocol=protocol))
        assert (judge.unsafe, judge.doubts, judge.unknown) == ([], [], []), value[-2:]


def test_values_too_large_to_be_judged_are_not_called_unsafe(tmp_path: Path) -> None:
    value = np.array([("a" * 3, None)] * 2000, [("s", "U3"), ("o", "O")])
    for large in (value, types.SimpleNamespace(**{f"a{i}": i for i in range(1500)})):
        judge = judged(of(large))
        assert judge.unsafe == []
        assert judge.doubts
    entry = write_entry(tmp_path / "joblib" / "m" / "f", "0" * 32, output=of(value))
    (entry.parent / "func_code.py").write_text("# first line: 1\ndef f(): ...\n")
    report = verify(Store(tmp_path))
    assert [(one.kind, one.severity) for one in report.findings] == [("unreadable", "problem")]
    assert not report.broken
    assert not report.unsafe


def sound_pickles() -> list[bytes]:
    found = [of(value, protocol=protocol) for value in sound() for protocol in range(6)]
    for compress in ("zlib", "gzip", "bz2", "lzma", "xz"):
        found += [of(value, compress=(compress, 3)) for value in sound()]
    return found


def test_values_that_are_sound_have_no_findings() -> None:
    for data in sound_pickles():
        judge = judged(data)
        assert (judge.unsafe, judge.unknown) == ([], []), data


def test_aligned_structures_of_numpy_1_are_sound() -> None:
    data = of(np.zeros(2, np.dtype([("a", "u1"), ("b", "f8")], align=True)), protocol=2)
    flags = b"K\x90tq"
    assert data.count(flags) == 1
    before = data.replace(flags, b"J\x90\xff\xff\xfftq")
    assert joblib.load(io.BytesIO(before)).dtype.itemsize == 16
    assert judged(before).unsafe == []


def test_note_of_an_error_is_sound() -> None:
    error = ValueError("no")
    error.__dict__["__notes__"] = ["seen"]
    assert judged(of(error)).unsafe == []


# In a process of its own: it changes how all errors are pickled.
OF_TBLIB = """
import io, joblib, sys
from tblib import pickling_support
pickling_support.install()
noted = OSError(2, "no", "file")
noted.__dict__["__notes__"] = ["seen"]
caused = KeyError("k")
caused.__cause__ = IndexError(5)
for error in (ValueError("no", 1), noted, caused, ValueError(*sys.argv[1:])):
    file = io.BytesIO()
    joblib.dump(error, file)
    print(file.getvalue().hex())
"""


def test_errors_that_a_worker_of_dask_pickles_are_sound() -> None:
    *pickles, long = [bytes.fromhex(line) for line in run_python(OF_TBLIB, "x" * 30).split()]
    for data in (*pickles, long):
        judge = judged(data)
        assert (judge.unsafe, judge.unknown) == ([], []), data
        assert b"unpickle_exception_with_attrs" in data
    for old, new in (
        (b"args\x94", b"name\x94"),  # any attribute may be a property
        (b"__dict__\x94", b"__init__\x94"),
        (b"ValueError", b"memoryview"),
    ):
        assert old in long
        assert judged(long.replace(old, new)).unsafe, new


def test_stored_maps_of_files_are_sound(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    data = of(np.load(tmp_path / "a.npy", mmap_mode="r"))
    judge = Judge()
    assert ("numpy", "memmap") in describe_file(
        io.BytesIO(data), watcher=judge, contents=False
    ).globals
    assert judge.unsafe == []


def of_other_packages() -> dict[str, Any]:
    numbers = np.random.default_rng(0).random((30, 4))
    frame = pandas.DataFrame(
        {
            "number": range(3000),
            "text": [f"x{i}" for i in range(3000)],
            "time": pandas.date_range("2020", periods=3000, tz="UTC"),
            "kind": pandas.Categorical(["a", "b", "c"] * 1000),
        }
    )
    return {
        "frame": frame,
        "rows": frame[["number", "text"]].to_records(),
        "series": pandas.Series([1, None], dtype="Int64"),
        "regression": LinearRegression().fit(numbers, numbers[:, 0]),
        "factors": NMF(2, max_iter=1000).fit(numbers),
        "trees": RandomForestRegressor(3).fit(numbers, numbers[:, 0]),
    }


@pytest.mark.parametrize("protocol", range(6))
def test_classes_of_other_packages_are_listed(protocol: int) -> None:
    for name, value in of_other_packages().items():
        judge = judged(of(value, protocol=protocol))
        assert (judge.unsafe, judge.doubts, judge.unknown) == ([], [], []), name


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("os", "system", "unsafe"),
        ("os.path", "join", "unsafe"),
        ("posix", "system", "unsafe"),
        ("nt", "system", "unsafe"),
        ("no_such.module", "x", "unknown"),
        ("numpy_evil", "x", "unknown"),
        ("__main__", "x", "unknown"),
        ("distutils.spawn", "spawn", "unsafe"),
        ("pip._internal", "main", "unsafe"),
        ("numpy.no_such", "x", "unsafe"),
        ("collections", "OrderedDict.__init__.__globals__", "unsafe"),
        ("numpy", "testing._private.utils.runstring", "unsafe"),
        ("joblib.externals.cloudpickle", "loads", "unsafe"),
        ("scipy", "x", "unknown"),
        ("", "x", "unsafe"),
        ("mine", "?", "unsafe"),
        ("mine", "Outer.Inner", "unknown"),
        ("mine", "os", "unsafe"),
        ("mine.io", "tool.call", "unsafe"),
        ("mine", "__loader__", "unsafe"),
        ("mine", "Thing.__globals__.x", "unsafe"),
        ("mine", "__pyx_unpickle_Thing", "unknown"),
        ("_testcapi", "run_in_subinterp", "unsafe"),
        ("collections", "OrderedDict", "harmless"),
    ],
)
def test_names_are_judged_one_by_one(module: str, name: str, kind: str) -> None:
    parts = b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name))
    judge = judged(b"\x80\x04" + parts + b"\x93.")
    found = "unsafe" if judge.unsafe else "unknown" if judge.unknown else "harmless"
    assert found == kind


def test_names_of_python_2_are_those_that_loading_takes() -> None:
    assert judged(b"c__builtin__\nset\n.").unsafe == []
    assert judged(b"ccopy_reg\n_reconstructor\n.").unsafe == []
    assert judged(b"c__builtin__\neval\n.").unsafe == ["names builtins.eval"]
    assert judged(b"\x80\x03c__builtin__\nset\n.").unsafe == ["names __builtin__.set"]


def test_names_that_are_allowed_are_trusted() -> None:
    data = b"cos\nsystem\n(Vtrue\ntR."
    assert judged(data, "os.system").unsafe == []
    assert judged(data, "os.popen").unsafe == ["names os.system"]
    assert judged(b"cmine\nThing\n)\x81.", "mine.Thing").unknown == []
    assert judged(b"\x80\x04cnumpy\nmemmap\n)R.").unsafe
    assert judged(b"\x80\x04cnumpy\nmemmap\n)R.", "numpy.memmap").unsafe == []


@pytest.mark.parametrize("text", ["", "x", "a.", ".a", "a b.c", "a..b", "a.b-c", "a.\x1b[2J"])
def test_names_that_are_not_valid_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"MODULE\.NAME"):
        parse_allowed(text)


def test_message_is_short_and_printable() -> None:
    judge = judged(b"".join(b"cos\nx%d\x1b\n0" % i for i in range(500)) + b"N.")
    assert (
        judge.unsafe_text() == "names os.x0\\x1b, names os.x1\\x1b, names os.x2\\x1b, and 97 more"
    )


SAMPLES = sound_pickles()
CHANGES = st.lists(
    st.tuples(st.integers(0, 10**4), st.integers(0, 255), st.sampled_from("=+-")), max_size=4
)


def changed(data: bytes, changes: list[tuple[int, int, str]]) -> bytes:
    content = bytearray(data)
    for where, byte, how in changes:
        at = where % max(len(content), 1)
        if how == "+":
            content[at:at] = bytes([byte])
        elif how == "-":
            del content[at : at + byte % 4]
        elif content:
            content[at] = byte
    return bytes(content)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(SAMPLES), CHANGES)
def test_fuzz_changed_pickles(data: bytes, changes: list[tuple[int, int, str]]) -> None:
    judge = Judge()
    with contextlib.suppress(AcacheError):
        describe_file(io.BytesIO(changed(data, changes)), watcher=judge, contents=False)
    assert judge.unsafe_text().isprintable()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300))
def test_fuzz_any_bytes(data: bytes) -> None:
    for begin in (b"", b"\x80\x04", b"\x78\x9c", b"\x1f\x8b\x08", b"BZh9", b"\x5d\x00", b"ZF0x"):
        with contextlib.suppress(AcacheError):
            describe_file(io.BytesIO(begin + data), watcher=Judge(), contents=False)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sampled_from(SAMPLES), CHANGES)
def test_fuzz_what_is_harmless_looks_up_nothing_else(
    data: bytes, changes: list[tuple[int, int, str]]
) -> None:
    """Loaded for real by joblib, as far as that goes, with each name it looks up."""
    content = changed(data, changes)
    judge = Judge()
    try:
        described = describe_file(io.BytesIO(content), watcher=judge, contents=False)
    except AcacheError:
        return
    if judge.unsafe or judge.unknown or described.compression is not None:
        return
    looked_up = set()

    class Looking(joblib.numpy_pickle.NumpyUnpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            found = super().find_class(module, name)
            looked_up.add((module, name))
            return found

    with contextlib.suppress(Exception):
        Looking("", io.BytesIO(content), True).load()
    old = {"copy_reg", "__builtin__", "exceptions", "UserDict", "UserList"}
    assert {one for one in looked_up if one[0] not in old} <= HARMLESS


def test_fuzz_has_something_to_load() -> None:
    """Most changes make a pickle that is refused; some must not, or else nothing is shown."""
    choose = random.Random(0)
    harmless = 0
    for data in choose.choices(SAMPLES, k=600):
        where = choose.randrange(len(data))
        content = changed(data, [(where, data[where] ^ 1, "=")])
        judge = Judge()
        with contextlib.suppress(AcacheError):
            describe_file(io.BytesIO(content), watcher=judge, contents=False)
            harmless += not (judge.unsafe or judge.unknown)
    assert harmless > 30


@pytest.mark.parametrize("way", crashing())
def test_pickles_that_crash_or_take_all_memory_are_problems(way: str, tmp_path: Path) -> None:
    data = crashing()[way]
    entry = write_entry(tmp_path / "joblib" / "m" / "f", "0" * 32, output=data)
    (entry.parent / "func_code.py").write_text("def f():\n    pass\n")
    tracemalloc.start()
    try:
        [finding] = verify(Store(tmp_path)).findings
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
    assert finding.severity == "problem"
    assert finding.kind in ("unsafe-pickle", "unreadable")


def test_ordinary_values_are_never_too_heavy() -> None:
    choose = random.Random(0)
    words = [f"word{i}" for i in range(60_000)]
    pairs = {(choose.choice(words), choose.choice(words)): i for i in range(150_000)}
    for value in (pairs, scipy.sparse.random(400, 400, 0.05).todok(), words, list(pairs)):
        judge = judged(of(value))
        assert (judge.unsafe, judge.doubts, judge.unknown) == ([], [], [])
