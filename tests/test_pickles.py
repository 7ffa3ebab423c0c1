"""A pickle's structure is that of what joblib loads from it; nothing in it runs; memory is bounded.

`joblib.load` and `pickle.load` serve only to load what the tests themselves wrote.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import io
import os
import pickle
import pickletools
import random
import struct
import tarfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib.numpy_pickle import NumpyUnpickler
from joblib.numpy_pickle_compat import write_zfile

from acache.compression import DamagedError
from acache.errors import AcacheError
from acache.outline import Container, Excerpt, Line, Object, Unknown, outline
from acache.pickles import Description, PickleError, describe_file

from .test_recorded import RECORDED, VERSIONS

FRAME = b"\x95"


class Plain:
    """An object with attributes; it equals others with the same ones."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Listed(list[Any]):
    """A list with attributes."""


def dumped(value: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def described(data: bytes, **options: int) -> Description:
    return describe_file(io.BytesIO(data), **options)


def told(value: Any, **options: Any) -> list[str]:
    return shown(described(dumped(value, **options)))


def shown(description: Description, **options: int) -> list[str]:
    return ["  " * line.depth + line.text for line in outline(description.value, **options)]


def facts(array: np.ndarray) -> tuple[Any, ...]:
    return array.shape, str(array.dtype), array.nbytes


STRUCTURED = [("x", "<f4"), ("when", "M8[us]"), ("grid", ">i2", (2, 3)), ("name", "U4")]
ARRAYS = {
    "1-d": np.arange(10),
    "C": np.ones((3, 4), np.float32),
    "F": np.asfortranarray(np.ones((3, 4))),
    "0-d": np.array(3.5),
    "empty": np.empty((0, 3), np.complex64),
    "strided": np.arange(100)[::7],
    "5-d": np.zeros((1, 2, 3, 4, 5), np.int8),
    "bool": np.array([True, False]),
    "complex": np.ones(3, complex),
    "longdouble": np.ones(3, np.longdouble),
    "half": np.ones(3, np.float16),
    "big-endian": np.ones(3, ">u2"),
    "unicode": np.array(["a", "größe"]),
    "big-endian unicode": np.array(["a"], ">U3"),
    "bytes": np.array([b"a", b"abc"]),
    "void": np.zeros(3, "V7"),
    "datetime": np.array(["2020-01-01"], "M8[ns]"),
    "datetime by 25": np.array([1], "M8[25s]"),
    "datetime of no unit": np.array(["NaT"], "M8"),
    "big-endian datetime": np.array([1], ">M8[D]"),
    "timedelta": np.array([1, 2], "m8[D]"),
    "structured": np.zeros(2, STRUCTURED),
    "nested": np.zeros((2, 2), [("a", STRUCTURED), ("b", [("c", "?")], (2,))]),
    "aligned": np.zeros(2, np.dtype([("a", "u1"), ("b", "f8")], align=True)),
    "with gaps": np.zeros(
        2, {"names": ["a", "b"], "formats": ["S3", ("f4", (2,))], "offsets": [4, 8], "itemsize": 32}
    ),
    "objects": np.array(["a", None, [1, 2], {"b": 3}], object),
    "objects in fields": np.array([(1, "x")], [("a", "i4"), ("b", "O")]),
    "no objects": np.array([], object),
    "with metadata": np.zeros(2, np.dtype("f8", metadata={"unit": "m"})),
    "matrix": np.eye(2).view(np.matrix),
    "record": np.rec.array([(1, 2.0)]),
    "masked": np.ma.array([1, 2], mask=[0, 1]),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("protocol", range(6))
def test_every_array(name: str, protocol: int) -> None:
    array = ARRAYS[name]
    data = dumped(array, protocol=protocol)
    description = described(data)
    (found,) = description.arrays
    assert (found.shape, found.dtype, found.size_bytes) == facts(array)
    assert found.subclass.rpartition(".")[2] == type(array).__name__
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    assert found.order == ("F" if fortran else "C")
    assert isinstance(description.value, Object)
    assert description.value.array == found
    assert description.bytes_read == len(data)
    assert not description.trailing
    assert not description.cut


def test_an_array_of_no_fields() -> None:  # which joblib cannot write
    (found,) = described(pickle.dumps(np.zeros(2, []))).arrays
    assert found == ((2,), "[]", "C", 0, "numpy.ndarray")


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("protocol", range(6))
def test_every_array_that_numpy_itself_pickled(name: str, protocol: int) -> None:
    (found,) = described(pickle.dumps(ARRAYS[name], protocol)).arrays
    assert (found.shape, found.dtype, found.size_bytes) == facts(ARRAYS[name])


@pytest.mark.parametrize("compress", [0, 3, "zlib", "gzip", "bz2", "lzma", "xz", "lz4"])
def test_every_compression(compress: int | str) -> None:
    if compress == "lz4":
        pytest.importorskip("lz4.frame")
    value = {"a": np.ones((300, 400)), "b": [np.asfortranarray(np.ones((4, 5), "c8")), "text"]}
    description = described(dumped(value, compress=compress))
    assert description.compression == {0: None, 3: "zlib"}.get(compress, compress)
    assert description.protocol == pickle.DEFAULT_PROTOCOL
    assert [a.shape for a in description.arrays] == [(300, 400), (4, 5)]
    assert shown(description) == [
        "dict of 2",
        "  'a': array, shape (300, 400), dtype float64",
        "  'b': list of 2",
        "    array, shape (4, 5), dtype complex64, F order",
        "    'text'",
    ]


def test_an_outline_says_what_an_array_takes() -> None:
    lines = outline(described(dumped((np.ones((1025, 44), "f4"), "x" * 1000))).value)
    assert lines == [
        Line(0, "tuple of 2", None),
        Line(1, "array, shape (1025, 44), dtype float32", 180_400),
        Line(1, f"str '{'x' * 56}...", 1000),
    ]


def test_a_memory_map(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "data", np.float32, "w+", shape=(3, 4))
    (found,) = described(dumped(array)).arrays
    assert found == ((3, 4), "float32", "C", 48, "numpy.memmap")


def test_a_dtype_of_too_many_fields() -> None:
    array = np.zeros(3, [(f"field {i}", "f4") for i in range(200)])
    objects = np.zeros(3, [(f"field {i}", "O") for i in range(200)])
    found = described(dumped([array, objects, array])).arrays
    assert [a.dtype for a in found] == ["|V800", "|V1600", "|V800"]
    assert [a.size_bytes for a in found] == [2400, 4800, 2400]


def values() -> dict[str, Any]:
    loop: list[Any] = [1]
    loop.append(loop)
    me = Plain(x=1)
    me.me = me  # type: ignore[attr-defined]
    listed = Listed([1, 2, 3])
    listed.note = "attribute"  # type: ignore[attr-defined]
    shared = ["shared"]
    return {
        "constants": [None, True, False, 0, 1, -1, 255, 256, 65536, 2**31, -(2**40), 2**2000],
        "large": 7**5000,
        "floats": [0.0, -1.5, float("inf"), 1e300],
        "complex": 1 + 2j,
        "text": ["", "a", "größe", "\n'\"", "\ud800", "\U0001f600", "x" * 300, "x" * 70_000],
        "text with lines": "line\nline\n" * 20_000,
        "bytes": [b"", b"a", bytes(256), bytes(300), bytes(70_000), bytearray(b"abc")],
        "empty": [(), [], {}, set(), frozenset(), bytearray()],
        "nested": {"a": [(1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], "b": {1: {2: {3: {}}}}},
        "sets": [{1, 2}, frozenset({1})],
        "long": [list(range(3000)), tuple(range(3000)), {i: i for i in range(3000)}],
        "loop": loop,
        "object": me,
        "a list's child": listed,
        "shared": [shared, shared],
        "ordered": collections.OrderedDict(a=1, b=2),
        "default": collections.defaultdict(list, a=[1]),
        "deque": collections.deque([1, 2], 5),
        "date": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc),
        "path": Path("x"),
        "slice": slice(1, 2),
        "functions": [len, os.path.join, collections.OrderedDict, NotImplemented, ...],
        "method": "a".upper,
        "scalars": [np.float32(1.5), np.int64(-3), np.str_("größe"), np.bool_(1), np.complex64(1)],
        "times": [np.datetime64("2020"), np.timedelta64(1, "s"), np.datetime64("NaT")],
        "dtypes": [np.dtype("M8[ns]"), np.dtype(STRUCTURED), np.float32],
        "random": np.random.default_rng(0),
    }


@pytest.mark.parametrize("name", values())
@pytest.mark.parametrize("protocol", range(6))
def test_every_value_names_what_unpickling_looks_up(name: str, protocol: int) -> None:
    data = dumped(values()[name], protocol=protocol)
    looked_up: list[tuple[str, str]] = []

    class Recorder(NumpyUnpickler):
        def find_class(self, module: str, name: str) -> Any:
            # What protocols 0 to 2 name as Python 2 did is translated below this.
            looked_up.append((module, name))
            return super().find_class(module, name)

    Recorder("", io.BytesIO(data), ensure_native_byte_order=False).load()
    description = described(data)
    names = {
        (m.replace("__builtin__", "builtins").replace("copy_reg", "copyreg"), n)
        for m, n in looked_up
    }
    if protocol < 3:
        names = {(m, {"xrange": "range"}.get(n, n)) for m, n in names}
    assert {(m, n) for m, n in description.globals} == names
    assert description.protocol == (protocol if protocol > 1 else 0)
    assert description.bytes_read == len(data)
    assert not description.cut
    assert shown(description)


@pytest.mark.parametrize("protocol", range(6))
def test_every_value_is_shown(protocol: int) -> None:
    every = values()
    assert told(every["constants"], protocol=protocol)[1:7] == [
        *("  None", "  True", "  False", "  0", "  1", "  -1")
    ]
    assert told(every["floats"], protocol=protocol)[1:] == ["  0.0", "  -1.5", "  inf", "  1e+300"]
    assert told(every["complex"], protocol=protocol) == ["(1+2j)"]
    assert told(every["text"], protocol=protocol)[1:7] == [
        *("  ''", "  'a'", "  'größe'", "  '\\n\\'\"'", "  '\\ud800'", "  '\U0001f600'")
    ]
    assert told(every["bytes"], protocol=protocol)[1:3] == ["  b''", "  b'a'"]
    assert told(every["loop"], protocol=protocol) == [
        *("list of 2", "  1", "  list of 2, shown above")
    ]
    assert told(every["shared"], protocol=protocol) == [
        *("list of 2", "  list of 1", "    'shared'", "  list of 1, shown above")
    ]
    assert told(every["object"], protocol=protocol) == [
        "tests.test_pickles.Plain",
        "  'x': 1",
        "  'me': tests.test_pickles.Plain, shown above",
    ]
    assert told(every["a list's child"], protocol=protocol)[-4:] == [
        *("  1", "  2", "  3", "  'note': 'attribute'")
    ]
    assert told(every["ordered"], protocol=protocol)[0] == "collections.OrderedDict"
    assert told(every["scalars"], protocol=protocol) == [
        "list of 5",
        "  scalar float32: 1.5",
        "  scalar int64: -3",
        "  scalar <U5: 'größe'",
        "  scalar bool: True",
        "  scalar complex64",
    ]
    assert told(every["dtypes"][:1], protocol=protocol)[1:] == ["  dtype datetime64[ns]"]


@pytest.mark.parametrize("protocol", range(6))
def test_sets_are_sets_in_every_protocol(protocol: int) -> None:
    assert told([{1}, frozenset({1})], protocol=protocol) == [
        *("list of 2", "  set of 1", "    1", "  frozenset of 1", "    1")
    ]


def test_an_outline_is_as_wide_and_as_deep_as_wished() -> None:
    description = described(dumped([list(range(50)), [[["deep"]]], {"key": [1, 2]}]))
    assert shown(description, depth=2, width=2) == [
        "list of 3",
        "  list of 50",
        "    0",
        "    1",
        "    ... and 48 more",
        "  list of 1",
        "    list of 1",
        "  ... and 1 more",
    ]
    assert shown(description, depth=0) == ["list of 3"]
    assert shown(description, depth=1, width=0) == ["list of 3", "  ... and 3 more"]


def test_long_containers_keep_their_first_items_and_their_count() -> None:
    value = [
        list(range(5000)),
        tuple(range(100_000)),
        dict.fromkeys(range(70_000), 1),
        {*range(900)},
    ]
    parts = described(dumped(value)).value
    assert isinstance(parts, Container)
    counts = [(part.kind, part.count, len(part.items)) for part in parts.items]
    assert counts == [
        ("list", 5000, 100),
        ("tuple", 100_000, 100),
        ("dict", 70_000, 200),
        ("set", 900, 100),
    ]
    assert parts.items[1].items[:3] == [0, 1, 2]
    assert parts.items[2].items[:4] == [0, 1, 1, 1]


def test_sparse_matrices() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    description = described(dumped(matrix, compress=3))
    assert {a[:2] for a in description.arrays} == {
        (a.shape, str(a.dtype)) for a in (matrix.data, matrix.indices, matrix.indptr)
    }
    assert shown(description)[0].endswith(".csr_matrix")


def test_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]})
    assert shown(described(dumped(frame)))[0] == "pandas.core.frame.DataFrame"


def test_what_follows_is_told() -> None:
    data = dumped([1, 2])
    assert described(data + b"more").trailing
    assert described(data + b"more").bytes_read == len(data)
    assert described(dumped([1, 2], compress=("bz2", 3)) + b"more").trailing
    assert not described(data).trailing


def test_the_format_of_joblib_0_9(tmp_path: Path) -> None:
    file = io.BytesIO()
    write_zfile(file, pickle.dumps({"a": [1, 2]}, 2))
    description = described(file.getvalue())
    assert description.compression == "compat"
    assert shown(description) == ["dict of 1", "  'a': list of 2", "    1", "    2"]


OLD = b"""cjoblib.numpy_pickle
NDArrayWrapper
)\x81}(U\x08filenameU\x08x_01.npyU\x08subclasscnumpy
ndarray
ub."""


def test_an_array_in_a_file_of_its_own_is_named() -> None:
    description = described(b"\x80\x02" + OLD)
    assert shown(description) == [
        "joblib.numpy_pickle.NDArrayWrapper",
        "  'filename': 'x_01.npy'",
        "  'subclass': numpy.ndarray",
    ]
    assert description.arrays == ()


# Files that real programs wrote


def outputs(location: Path) -> list[Path]:
    return sorted(location.rglob("output.pkl"))


def arrays_in(value: Any) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from arrays_in(item)
    elif hasattr(value, "__dict__"):  # a sparse matrix
        yield from arrays_in(list(vars(value).values()))


def assert_described(file: Path) -> None:
    with file.open("rb", buffering=0) as opened:
        description = describe_file(opened)
    found = [(a.shape, a.dtype, a.size_bytes) for a in description.arrays]
    assert found == [facts(array) for array in arrays_in(joblib.load(file))]
    assert not description.trailing
    assert not description.cut


def test_every_result_of_librosa(librosa_location: Path) -> None:
    files = outputs(librosa_location)
    assert len(files) > 20
    for file in files:
        assert_described(file)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_result_that_is_recorded(version: str, tmp_path: Path) -> None:
    with tarfile.open(RECORDED / f"joblib-{version}.tar.gz") as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(tmp_path, filter="data")
        else:
            archive.extractall(tmp_path)
    files = outputs(tmp_path)
    assert len(files) > 10
    for file in files:
        if "returns_lambda" not in str(file):
            assert_described(file)
            continue
        with pytest.raises(PickleError) as caught:  # joblib began it, and could not pickle that
            assert_described(file)
        assert caught.value.truncated


# Damage


SMALL = [{"a": (1, 2.5, "größe", b"x" * 300)}, np.arange(3), np.array([None, "x"]), Plain(x=2**70)]


def test_a_pickle_cut_anywhere_is_truncated() -> None:
    for protocol in range(6):
        data = dumped(SMALL, protocol=protocol)
        for size in range(len(data)):
            with pytest.raises(PickleError, match="ends too early, at byte") as caught:
                described(data[:size])
            assert caught.value.truncated, (protocol, size)


def test_long_lines_cut_anywhere_are_truncated() -> None:
    data = dumped(["x" * 70_000, 10**1000], protocol=0)
    for size in (*range(0, len(data), 977), *range(len(data) - 1500, len(data))):
        with pytest.raises(PickleError) as caught:
            described(data[:size])
        assert caught.value.truncated, size


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz", "lz4"])
def test_a_compressed_pickle_cut_anywhere_is_truncated(method: str) -> None:
    if method == "lz4":
        pytest.importorskip("lz4.frame")
    data = dumped(SMALL, compress=(method, 3))
    for size in range(6, len(data)):  # with fewer, it may be taken for none
        with pytest.raises(DamagedError) as caught:
            described(data[:size])
        assert caught.value.truncated, size


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([dumped(SMALL, protocol=p) for p in range(6)] + [dumped(SMALL, compress=3)]),
    st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_any_damage_is_an_error_or_a_description(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(data)
    for where, byte in changes:
        content[where % len(content)] = byte
    with contextlib.suppress(AcacheError):
        assert shown(described(bytes(content)))


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.sampled_from([o.code.encode("latin-1") for o in pickletools.opcodes])), st.data()
)
def test_any_opcodes_are_an_error_or_a_description(codes: list[bytes], data: st.DataObject) -> None:
    arguments = st.sampled_from([b"", b"\x01", b"\x01\x00\x00\x00", b"1\n", b"a\nb\n", bytes(8)])
    content = b"".join(code + data.draw(arguments) for code in codes)
    with contextlib.suppress(AcacheError):
        assert shown(described(b"\x80\x04" + content + b"."))


class Anything:
    """Stands for every class and function: does nothing, whatever is asked of it."""

    def __new__(cls, *_: object, **__: object) -> Anything:
        return object.__new__(cls)

    def nothing(self, *_: object) -> None: ...

    __init__ = __setstate__ = append = extend = add = __setitem__ = nothing  # type: ignore


@settings(max_examples=1000, deadline=None)
@given(
    st.sampled_from([pickle.dumps((values()["ordered"], SMALL[3], {1}), p) for p in range(6)]),
    st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=3),
)
def test_nothing_that_unpickling_looks_up_is_missed(
    data: bytes, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(data)
    for where, byte in changes:
        content[where % len(content)] = byte
    looked_up = set()

    class Harmless(pickle._Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            looked_up.add(name)
            return Anything

    try:
        description = described(bytes(content))
    except AcacheError:
        return
    with contextlib.suppress(Exception):
        Harmless(io.BytesIO(content)).load()
    names = {name for _, name in description.globals}
    assert "?" in names or looked_up <= names | {"unicode", "xrange", "str", "range"}


# Hostile pickles


SYSTEM = "echo > canary"


def hostile() -> dict[str, bytes]:
    command = SYSTEM.encode()
    short = b"\x8c\x0d" + command
    return {
        "GLOBAL": b"cos\nsystem\n(V" + command + b"\ntR.",
        "INST": b"(V" + command + b"\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nV" + command + b"\no.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + short + b"\x85R.",
        "names from the memo": (
            b"\x80\x04\x8c\x06system\x94\x8c\x02os\x94\x30\x30h\x01h\x00\x93" + short + b"\x85R."
        ),
        "names put out of order": b"\x80\x04\x8c\x06systemq\x07\x8c\x02osr\xff\xff\x00\x000"
        b"0j\xff\xff\x00\x00h\x07\x93" + short + b"\x85R.",
        "dropped at once": b"cos\nsystem\n(V" + command + b"\ntR0N.",
        "in an array of objects": dumped(np.array([None], object)).replace(
            b"]\x94N", b"]\x94cos\nsystem\n(V" + command + b"\ntR", 1
        ),
    }


def test_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for way, data in hostile().items():
        with contextlib.suppress(PickleError):
            description = described(data)
            assert ("os", "system") in description.globals, way
            assert not description.trailing
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", [w for w in hostile() if w != "in an array of objects"])
def test_what_would_run_is_named(way: str) -> None:
    description = described(hostile()[way])
    assert description.globals == (("os", "system"),)


def test_eval_of_a_text() -> None:
    description = described(b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.")
    assert description.globals == (("builtins", "eval"),)
    assert shown(description) == ["builtins.eval", "  '1'"]


def test_names_of_python_2_are_those_that_they_become() -> None:
    assert described(b"ccommands\ngetoutput\n.").globals == (("subprocess", "getoutput"),)
    assert described(b"c__builtin__\nreduce\n.").globals == (("functools", "reduce"),)
    assert described(b"\x80\x03ccommands\ngetoutput\n.").globals == (("commands", "getoutput"),)


def test_names_that_are_computed_are_unknown() -> None:
    joined = b"c_codecs\nencode\n\x8c\x01x\x85R"
    description = described(b"\x80\x04\x8c\x02os" + joined + b"\x93.")
    assert description.globals == (("_codecs", "encode"), ("os", "?"))
    long = b"\x8d" + struct.pack("<Q", 300) + b"x" * 300
    assert described(b"\x80\x04" + long + b"\x8c\x01x\x93.").globals == (("?", "x"),)


def test_extensions_are_named() -> None:
    description = described(b"(\x82\x05\x83\x06\x00\x84\x07\x00\x00\x00t.")
    assert description.globals == tuple(("copyreg", f"extension {code}") for code in (5, 6, 7))


def test_what_is_not_in_the_file_is_unknown() -> None:
    value = described(b"(Pid\nK\x01Q\x97\x98t.").value
    assert isinstance(value, Container)
    assert [type(item) for item in value.items] == [Unknown] * 3


def test_control_characters_are_not_shown() -> None:
    assert shown(described(b"cos\nsys\x1b[2Jtem\n.")) == ["os.sys\\x1b[2Jtem"]
    assert shown(described(b"L\x1b[2J" + b"1" * 300 + b"\n."))[0].startswith("int \\x1b[2J111")
    unit = pickle.dumps(np.dtype("M8[ns]")).replace(b"C\x02ns", b"C\x02\x1bs")
    assert shown(described(unit)) == ["dtype datetime64"]


WRONG = {
    "empty": (b"", "ends too early"),
    "no opcode": (b"\x80\x04\xff.", "byte 2: 0xff is no opcode"),
    "text": (b"hello", "damaged at byte 0"),
    "no such protocol": (b"\x80\x09N.", "protocol 9"),
    "nothing to stop with": (b".", "lacks what it works on"),
    "no mark": (b"t.", "lacks what it works on"),
    "below the mark": (b"N(\x85.", "lacks what it works on"),
    "nothing remembered": (b"h\x01.", "nothing is remembered as 1"),
    "append to a number": (b"K\x01K\x02a.", "should be a list"),
    "key without value": (b"}(K\x01u.", "has no value"),
    "call of a number": (b"K\x01)R.", "neither class nor function"),
    "name that is a number": (b"\x80\x04K\x01K\x02\x93.", "no string"),
    "negative length": (b"T\xff\xff\xff\xff.", "negative"),
    "negative index": (b"Np-1\n.", "negative"),
    "no extension": (b"\x82\x00.", "extension"),
    "string without quotes": (b"Sabc\n.", "quoted"),
    "no number": (b"Iabc\n.", "invalid literal"),
    "not UTF-8": (b"\x80\x04\x8c\x01\xff.", "decode"),
    "long name": (b"c" + b"x" * 300 + b"\nx\n.", "too long"),
    "frame in a frame": (b"\x80\x04" + (FRAME + struct.pack("<Q", 99)) * 2 + b"N.", "frame"),
    "state of a class": (b"\x80\x02cos\nx\n}b.", "no known object"),
    "state of a list": (b"\x80\x02]}b.", "no known object"),
    "state of who knows what": (b"\x80\x04\x8c\x01xNQ\x93)\x81}b.", "no known object"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(name: str) -> None:
    data, reason = WRONG[name]
    with pytest.raises(PickleError, match=reason) as caught:
        described(data)
    assert caught.value.truncated is (name == "empty")
    assert "\n" not in str(caught.value)


def wrapper(dtype: bytes, shape: bytes, *, more: bytes = b"", twice: bool = False) -> bytes:
    """Write what joblib writes before an array, by hand."""
    return (
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81q\x00}(U\x05shape"
        + shape
        + b"U\x05orderU\x01CU\x05dtypecnumpy\ndtype\n"
        + dtype
        + more
        + b"ub"
    )


F8 = b"U\x02f8\x89\x88\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def test_the_wrapper_by_hand_is_one() -> None:
    (found,) = described(wrapper(F8, b"K\x02\x85") + bytes(16) + b".").arrays
    assert found == ((2,), "float64", "C", 16, "numpy.ndarray")


def long(number: int) -> bytes:
    data = number.to_bytes(100, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


@pytest.mark.parametrize(
    ("shape", "reason", "truncated"),
    [
        (long(2**50) + b"\x85", "ends too early", True),
        (long(2**60) + b"\x85", "larger than any memory", False),
        (long(2**700) + b"\x85", "larger than any memory", False),
        (long(2**32) + long(2**32) + b"\x86", "larger than any memory", False),
        (b"K\x00" + long(2**63) + b"\x86", "larger than any memory", False),
        (long(-1) + b"\x85", "shape of an array is none", False),
        (b"G?\xf0\x00\x00\x00\x00\x00\x00\x85", "shape of an array is none", False),
        (b"\x88\x85", "shape of an array is none", False),
        (b"U\x01x", "shape of an array is none", False),
        (b"]K\x01a", "shape of an array is none", False),
    ],
)
def test_shapes_that_no_array_has(shape: bytes, reason: str, truncated: bool) -> None:
    with pytest.raises(PickleError, match=reason) as caught:
        described(wrapper(F8, shape) + bytes(16) + b".")
    assert caught.value.truncated is truncated


@pytest.mark.parametrize(
    "dtype",
    [
        b"U\x02q8\x89\x88\x87R",
        b"U\x02f5\x89\x88\x87R",
        b"U\x05f8,f4\x89\x88\x87R",
        b"K\x01\x89\x88\x87R",
        b"cnumpy\nvoid\n\x89\x88\x87R",
        F8.replace(b"K\x00tb", b"K?tb"),  # has objects, which no float has
        F8.replace(b"NNN", b"NN)"),
        F8.replace(b"K\x03", b"K\x09"),
        F8.replace(b"U\x01<", b"U\x01!"),
        b"U\x02V8\x89\x88\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffK\x01K\x00tb",
    ],
)
def test_types_that_numpy_does_not_write(dtype: bytes) -> None:
    with pytest.raises(PickleError, match="type of an array is not known"):
        described(wrapper(dtype, b"K\x02\x85") + bytes(16) + b".")


def test_an_array_is_where_joblib_would_read_it_or_refused() -> None:
    once = wrapper(F8, b"K\x01\x85")
    assert described(once + bytes(8) + b".").bytes_read == len(once) + 9
    again = once + bytes(8) + b"h\x00}b."
    with pytest.raises(PickleError, match="not as joblib writes it"):
        described(again)
    framed = b"\x80\x04" + FRAME + struct.pack("<Q", len(once) + 20) + once + bytes(30)
    with pytest.raises(PickleError, match="is in a frame"):
        described(framed)
    called = once.replace(b"(U\x05", b"U\x01xK\x01s(U\x05", 1).replace(b")\x81", b"K\x01\x85\x81")
    with pytest.raises(PickleError, match="not as joblib writes it"):
        described(called + bytes(8) + b".")


def test_only_joblibs_own_pickle_has_arrays_behind_their_wrappers() -> None:
    inner = wrapper(F8, b"K\x00\x85") + b"."
    objects = wrapper(b"U\x02O8\x89\x88\x87R", b"K\x01\x85")
    description = described(objects + inner + b".")
    assert description.bytes_read == len(objects + inner) + 1
    file = io.BytesIO()
    write_zfile(file, wrapper(F8, b"K\x02\x85") + b".")
    assert described(file.getvalue()).arrays == ()


def test_the_inner_pickle_ends_with_its_frame() -> None:
    objects = wrapper(b"U\x02O8\x89\x88\x87R", b"K\x01\x85")
    inner = b"\x80\x04" + FRAME + struct.pack("<Q", 10) + b"N.N......"
    with pytest.raises(PickleError, match="ends within a frame"):
        described(objects + inner + b".")


# Memory and time


def peak(data: bytes, **options: int) -> tuple[int, Description | None]:
    file = io.BytesIO(data)
    with contextlib.suppress(DamagedError):
        describe_file(io.BytesIO(dumped([1], compress=3)))  # modules
    tracemalloc.start()
    try:
        description = None
        with contextlib.suppress(PickleError):
            description = describe_file(file, **options)
        return tracemalloc.get_traced_memory()[1], description
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compress", [0, "zlib", "bz2", "xz"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_large_content_takes_little_memory(compress: int | str, protocol: int) -> None:
    size = 20_000_000
    for value in (bytes(size), "x" * size, np.zeros(size, np.uint8), bytearray(size)):
        if protocol < 3 and not isinstance(value, np.ndarray):
            value = value[: size // 10]  # noqa: PLW2901
        data = dumped(value, compress=(compress, 1) if compress else 0, protocol=protocol)
        most, description = peak(data)
        assert most < 8_000_000
        assert description is not None
        assert not description.trailing


def test_passing_over_an_array_costs_nothing(tmp_path: Path) -> None:
    file = tmp_path / "output.pkl"
    with file.open("wb") as opened:  # a hole of a tebibyte
        opened.write(wrapper(F8, long(2**37) + b"\x85"))
        opened.seek(2**40, os.SEEK_CUR)
        try:
            opened.write(b".")
            opened.flush()
        except OSError:
            pytest.skip("no such large file here")
    start = time.perf_counter()
    with file.open("rb", buffering=0) as opened:
        (found,) = describe_file(opened).arrays
    assert time.perf_counter() - start < 1
    assert found.size_bytes == 2**40


MANY = 60_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: list(range(MANY)),
        lambda: tuple(map(float, range(MANY))),
        lambda: [str(i) * 5 for i in range(MANY)],
        lambda: {str(i): [i] for i in range(MANY)},
        lambda: [[[j] * 3 for j in range(10)] for i in range(MANY // 20)],
        lambda: [{"name": str(i), "value": (i, [i])} for i in range(MANY // 5)],
    ],
)
def test_many_values_take_little_memory(make: Callable[[], Any]) -> None:
    data = dumped([make(), np.zeros(3), {"last": np.ones((2, 2))}])
    most, description = peak(data)
    assert most < 24_000_000
    assert description is not None
    assert [a.shape for a in description.arrays] == [(3,), (2, 2)]
    lines = shown(description)
    assert lines[0] == "list of 3"
    assert len(lines) > 5


LARGE = 100_000
HOGS = {
    "marks": b"(" * LARGE,
    "lists": b"]" * LARGE,
    "lists remembered": b"]\x94" * LARGE,
    "lists in lists": b"]" * LARGE + b"a" * LARGE,
    "tuples in tuples": b")" + b"\x85" * LARGE,
    "pairs of the same": b")" + b"2\x86" * LARGE,
    "pairs of the same, remembered": b")" + b"\x942\x86" * LARGE,
    "lists that hold themselves": b"]\x94h\x00a" * LARGE,
    "pushed and popped": b"N" * LARGE + b"0" * LARGE,
    "tuples of three": b"(" + b"]]]\x87" * LARGE + b"t",
    "trees": (b"(" * 30 + b"]" * 30 + b"t" * 30) * (LARGE // 90),
    "classes": b"".join(b"c%d\nx\n0" % i for i in range(LARGE // 10)),
    "calls of calls": b"cos\nx\n" + b")R" * LARGE,
    "states": b"cos\nx\n)\x81" + b"N\x94]\x94b" * LARGE,
    "frames": b"\x95" + bytes(8),
    "strings": b"".join(b"\x8c\xff%0255d\x94" % i for i in range(LARGE // 10)),
    "strings dropped": b"(" + b"".join(b"\x8c\x40%064d" % i for i in range(LARGE)) + b"t",
    "containers held": b"".join(b"](K\x01\x8c\x40%064de\x94" % i for i in range(LARGE // 3)),
    "indexes": b"N" + b"".join(b"r" + struct.pack("<I", i * 7) for i in range(LARGE)),
}


@pytest.mark.parametrize("name", HOGS)
def test_hostile_pickles_take_little_memory_and_end(name: str) -> None:
    data = b"\x80\x04" + HOGS[name] + b"."
    start = time.perf_counter()
    most, description = peak(data)
    assert most < 64_000_000
    assert time.perf_counter() - start < 60
    if description is not None:
        assert len(outline(description.value, depth=10**6, width=10**6)) < 100_000


def test_a_billion_laughs_are_shown_once_each() -> None:
    value: Any = "ha"
    for _ in range(60):
        value = [value, value]
    lines = shown(described(dumped(value)), depth=60)
    assert len(lines) == 121


def test_strings_that_name_classes_are_remembered_however_many_there_are() -> None:
    words = [f"word {i}" for i in range(60_000)]
    value = [words, *(np.zeros(i) for i in range(3)), Plain(x=1), Plain(y=np.ones(2)), words[-1]]
    description = described(dumped(value))
    assert [a.shape for a in description.arrays] == [(0,), (1,), (2,), (2,)]
    assert all("?" not in name for name in description.globals)
    assert description.cut  # the last word
    assert shown(description)[-1] == "  unknown (among too many)"


def test_an_order_that_cannot_be_followed_is_refused() -> None:
    many = b"N\x94" * 50_000
    assert described(b"\x80\x04" + many + b"N\x94h\x00.").value is None
    with pytest.raises(PickleError, match="memo too large"):
        described(b"\x80\x04" + many + b"Nr\xff\xff\xff\x00\x94.")


@pytest.mark.parametrize("seed", range(20))
def test_windows_end_anywhere(seed: int) -> None:
    choose = random.Random(seed)
    value = [
        choose.choice(
            [1, 2**20, 2**100, 1.5, "x" * choose.randrange(600), bytes(choose.randrange(600)), {}]
        )
        for _ in range(1500)
    ]
    value.insert(700, np.zeros(choose.randrange(9000), np.uint8))
    for protocol in range(6):
        data = dumped(value, protocol=protocol)
        description = described(data, most_items=10**4)
        assert description.bytes_read == len(data)
        assert isinstance(description.value, Container)
        for found, expected in zip(description.value.items, value, strict=True):
            if isinstance(found, Excerpt):
                assert expected.startswith(found.start[:9])
            elif not isinstance(found, (Container, Object)):
                assert found == expected
