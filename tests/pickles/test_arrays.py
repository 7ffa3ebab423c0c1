"""Every array is told as NumPy tells it, and is where joblib would read it."""

from __future__ import annotations

import io
import pickle
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
from joblib.numpy_pickle_compat import write_zfile

from acache.pickles import Object, PickleError, describe_file
from tests.helpers.samples import (
    F8,
    FRAME,
    STRUCTURED,
    described,
    dumped,
    facts,
    long,
    shown,
    wrapper,
)
from tests.helpers.stores import VERSIONS, unpack_recorded


def without_unit() -> np.ndarray:
    """Make what NumPy 2.4 warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array(["NaT"], "M8")


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
    "datetime of no unit": without_unit(),
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
def test_arrays_are_described_as_numpy_describes_them(name: str) -> None:
    array = ARRAYS[name]
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    for protocol in range(6):
        data = dumped(array, protocol=protocol)
        description = described(data)
        (found,) = description.arrays
        assert (found.shape, found.dtype, found.size_bytes) == facts(array), protocol
        assert found.subclass.rpartition(".")[2] == type(array).__name__, protocol
        assert found.order == ("F" if fortran else "C"), protocol
        assert isinstance(description.value, Object), protocol
        assert description.value.array == found, protocol
        assert description.bytes_read == len(data), protocol
        assert not description.trailing, protocol


def test_array_of_no_fields() -> None:  # which joblib cannot write
    (found,) = described(pickle.dumps(np.zeros(2, []))).arrays
    assert found == ((2,), "[]", "C", 0, "numpy.ndarray")


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_numpy_itself_pickled_are_described(name: str) -> None:
    for protocol in range(6):
        (found,) = described(pickle.dumps(ARRAYS[name], protocol)).arrays
        assert (found.shape, found.dtype, found.size_bytes) == facts(ARRAYS[name]), protocol


def test_memory_map(tmp_path: Path) -> None:
    array = np.memmap(tmp_path / "data", np.float32, "w+", shape=(3, 4))
    (found,) = described(dumped(array)).arrays
    assert found == ((3, 4), "float32", "C", 48, "numpy.memmap")


def test_dtype_of_too_many_fields() -> None:
    array = np.zeros(3, [(f"field {i}", "f4") for i in range(200)])
    objects = np.zeros(3, [(f"field {i}", "O") for i in range(200)])
    found = described(dumped([array, objects, array])).arrays
    assert [a.dtype for a in found] == ["|V800", "|V1600", "|V800"]
    assert [a.size_bytes for a in found] == [2400, 4800, 2400]


def test_sparse_matrices() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_matrix(np.eye(3))
    description = described(dumped(matrix, compress=3))
    assert {a[:2] for a in description.arrays} == {
        (a.shape, str(a.dtype)) for a in (matrix.data, matrix.indices, matrix.indptr)
    }
    assert shown(description)[0].endswith(".csr_matrix")


def test_frames() -> None:
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, 1.5]})
    assert shown(described(dumped(frame)))[0].endswith(".DataFrame")


OLD = b"""cjoblib.numpy_pickle
NDArrayWrapper
)\x81}(U\x08filenameU\x08x_01.npyU\x08subclasscnumpy
ndarray
ub."""


def test_array_in_a_file_of_its_own_is_named() -> None:
    description = described(b"\x80\x02" + OLD)
    assert shown(description) == [
        "joblib.numpy_pickle.NDArrayWrapper",
        "  'filename': 'x_01.npy'",
        "  'subclass': numpy.ndarray",
    ]
    assert description.arrays == ()


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


def test_results_of_librosa_are_described(librosa_location: Path) -> None:
    files = outputs(librosa_location)
    assert len(files) > 20
    for file in files:
        assert_described(file)


@pytest.mark.parametrize("version", VERSIONS)
def test_results_that_are_recorded_are_described(version: str, tmp_path: Path) -> None:
    unpack_recorded(version, tmp_path)
    files = outputs(tmp_path)
    assert len(files) > 10
    for file in files:
        if "returns_lambda" not in str(file):
            assert_described(file)
            continue
        with pytest.raises(PickleError) as caught:  # joblib began it, and could not pickle that
            assert_described(file)
        assert caught.value.truncated


def test_wrapper_by_hand_is_one() -> None:
    (found,) = described(wrapper(F8, b"K\x02\x85") + bytes(16) + b".").arrays
    assert found == ((2,), "float64", "C", 16, "numpy.ndarray")


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


def test_array_is_where_joblib_would_read_it_or_refused() -> None:
    once = wrapper(F8, b"K\x01\x85")
    assert described(once + bytes(8) + b".").bytes_read == len(once) + 9
    again = once + bytes(8) + b"h\x00}b."
    with pytest.raises(PickleError, match="a state is set twice"):
        described(again)
    framed = b"\x80\x04" + FRAME + struct.pack("<Q", len(once) + 20) + once + bytes(30)
    with pytest.raises(PickleError, match="is in a frame"):
        described(framed)
    called = once.replace(b"(U\x05", b"U\x01xK\x01s(U\x05", 1).replace(b")\x81", b"K\x01\x85\x81")
    with pytest.raises(PickleError, match="not as joblib writes it"):
        described(called + bytes(8) + b".")


O8 = F8.replace(b"f8", b"O8").replace(b"U\x01<", b"U\x01|").replace(b"K\x00tb", b"K?tb")
UNMAPPED = b"U\x0aallow_mmap\x89"

# Each of these would let joblib read on at another place than is read on at here, or take the
# bytes of an array for objects.
DISGUISED = {
    "a method of the wrapper": wrapper(F8, b"K\x01\x85", more=b"U\x04readcbuiltins\nslice\n"),
    "a key that equals a method": wrapper(F8, b"K\x01\x85", more=b"cx\nx\nU\x04read\x85RN"),
    "objects that are mapped": wrapper(O8, b"K\x01\x85", more=b"U\x0aallow_mmap\x88"),
    "objects that may be mapped": wrapper(O8, b"K\x01\x85"),
    "alignment that is computed": wrapper(
        F8, b"K\x01\x85", more=b"U\x1bnumpy_array_alignment_bytescx\nx\n)R"
    ),
    "a computed class": wrapper(F8, b"K\x01\x85").replace(b"cnumpy\nndarray\n", b"cx\nx\n)R"),
    "a type that is not complete": wrapper(b"U\x02f8\x89\x88\x87R", b"K\x01\x85"),
    "a type set twice": wrapper(F8 + F8[F8.index(b"(") :], b"K\x01\x85"),
    "no bytes an item": wrapper(b"U\x02S0" + F8[4:].replace(b"J\xff\xff\xff\xff", b"K\x00"), b")"),
}


@pytest.mark.parametrize("name", DISGUISED)
def test_pickles_that_joblib_would_read_otherwise_are_refused(name: str) -> None:
    with pytest.raises(PickleError, match=r"not as joblib|not known|mapped|twice"):
        described(DISGUISED[name] + bytes(64) + b".")


def test_object_in_the_place_of_an_array_gets_no_state() -> None:
    objects = wrapper(O8, b"K\x01\x85", more=UNMAPPED)
    with pytest.raises(PickleError, match="no array"):
        described(objects + wrapper(F8, b"K\x01\x85") + b"." + b"}b.")
    with pytest.raises(PickleError, match="a state is set twice"):
        described(wrapper(F8, b"K\x01\x85") + bytes(8) + b"}b.")


def test_fields_lie_within_their_structure() -> None:
    for dtype in (
        np.dtype([("x", "f8"), ("y", "f8")]),
        np.dtype({"names": ["x"], "formats": ["f8"], "offsets": [8], "itemsize": 16}),
        np.dtype([(("title", "x"), "f8")]),
        np.dtype(("f8", (2,))),
    ):
        data = pickle.dumps(dtype, 2)
        assert shown(described(data)) == [f"dtype {dtype}"] or "title" in str(dtype)
    beyond = data = pickle.dumps(np.zeros(1, [("x", "f8"), ("y", "f8")]), 2)
    beyond = data.replace(b"K\x08", b"K\x09")
    assert beyond != data
    assert described(data).arrays
    assert not described(beyond).arrays


def test_wrappers_have_arrays_behind_them_only_in_joblibs_own_pickle() -> None:
    inner = pickle.dumps(np.array([None], object), 3)
    assert inner.count(b"Na") == 1
    inner = inner.replace(b"Na", wrapper(F8, b"K\x07\x85")[2:] + b"a")
    objects = wrapper(O8, b"K\x01\x85", more=UNMAPPED)
    description = described(objects + inner + b".")
    assert description.bytes_read == len(objects + inner) + 1
    assert [array.dtype for array in description.arrays] == ["object"]
    file = io.BytesIO()
    write_zfile(file, wrapper(F8, b"K\x02\x85") + b".")
    assert described(file.getvalue()).arrays == ()


def test_inner_pickle_ends_with_its_frame() -> None:
    objects = wrapper(O8, b"K\x01\x85", more=UNMAPPED)
    inner = b"\x80\x04" + FRAME + struct.pack("<Q", 10) + b"N.N......"
    with pytest.raises(PickleError, match="ends within a frame"):
        described(objects + inner + b".")
