"""Results are loaded as joblib loads them, and arrays mapped."""

from __future__ import annotations

import collections
import mmap
import os
import pickle
import struct
import threading
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from joblib._memmapping_reducer import has_shareable_memory

from acache.memory.engine import loading
from acache.memory.engine.loading import MAPPED_BYTES, load
from acache.system.mounts import is_local
from tests.helpers.marks import needs_posix
from tests.helpers.odd_arguments import Array, Plain
from tests.helpers.processes import run_python

LARGE = np.arange(MAPPED_BYTES // 4, dtype=np.int32)
shared_list = [np.arange(3)]
shared_tuple = (np.arange(3), 1)

VALUES: dict[str, Any] = {
    "int": 5,
    "text": "ArrayWrapper",
    "list": [1, 2.5, None, {"a": (1,)}],
    "object": Plain(1),
    "array": np.arange(10.0),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "empty": np.empty((0, 5)),
    "one": np.empty((1, 3, 1)),
    "none": np.array(2.5),
    "structured": np.zeros(3, [("a", "i4"), ("b", "f8")]),
    "dates": np.array(["2020-01-01"], "M8[D]"),
    "text-array": np.array(["a", "bc"]),
    "swapped": np.arange(3).astype(">i4"),
    "objects": np.array([1, "a"], object),
    "masked": np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "subclass": np.arange(3.0).view(Array),
    "matrix": np.arange(4.0).reshape(2, 2).view(np.matrix),
    "scalar": np.float32(1.5),
    "tuple": (np.arange(3), np.float64(2), "a", 1j),
    "nested": {"a": [np.arange(3), (np.ones(2), [np.zeros(1)])], "b": ()},
    "in-object": Plain([np.arange(3)]),
    "shared": [shared_list, shared_list, shared_tuple, shared_tuple],
    "deque": collections.deque([np.arange(3)]),
    "large": LARGE,
    "large-fortran": np.asfortranarray(LARGE.reshape(512, -1)),
    "large-tuple": (LARGE, np.arange(5), LARGE.reshape(2, -1)),
    "large-swapped": LARGE.byteswap().view(LARGE.dtype.newbyteorder()),
    "large-object": Plain(LARGE),
    "large-objects": np.array(["a" * 1000 for _ in range(1100)], object),
    "large-list": ["a" * 1000 for _ in range(1100)],
    "large-text": "a" * MAPPED_BYTES,
}
DAMAGES = (EOFError, ValueError, IndexError, pickle.UnpicklingError, struct.error)


def written(folder: Path, value: Any, **options: Any) -> str:
    path = folder / "output.pkl"
    with path.open("wb") as file:
        joblib.dump(value, file, **options)
    return str(path)


def described(value: Any) -> Any:
    """Describe a value such that two of one description are alike in any use."""
    if isinstance(value, np.ndarray):
        flags = (value.flags.writeable, value.flags.aligned, value.flags.c_contiguous)
        content = value.tolist() if value.dtype.hasobject else value.tobytes()
        return (type(value), value.dtype, value.shape, value.strides, flags, content)
    if isinstance(value, Plain):
        return (Plain, described(value.value))
    if isinstance(value, dict):
        return (type(value), [(key, described(item)) for key, item in value.items()])
    if isinstance(value, tuple | list | collections.deque):
        return (type(value), [described(item) for item in value])
    return (type(value), value)


def from_joblib(path: str) -> Any:
    with open(path, "rb") as file:  # as joblib's store opens it
        return joblib.load(file)


@pytest.mark.parametrize("name", VALUES)
def test_result_is_what_joblib_loads(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, VALUES[name])
    try:
        theirs = from_joblib(path)
    except AttributeError as error:  # joblib 1.3 cannot swap bytes with NumPy 2
        with pytest.raises(AttributeError, match=str(error)):
            load(path)
        return
    ours = load(path)
    assert described(ours) == described(theirs)
    if name != "masked":  # which joblib cannot hash
        assert joblib.hash(ours) == joblib.hash(theirs)


@pytest.mark.parametrize(
    "compress", [1, ("gzip", 3), ("bz2", 1), ("lzma", 1), ("xz", 1), ("lz4", 1)]
)
def test_compressed_result_is_loaded_by_joblib(tmp_path: Path, compress: Any) -> None:
    path = written(tmp_path, LARGE, compress=compress)
    assert load(path).tobytes() == LARGE.tobytes()


@pytest.mark.parametrize("protocol", range(6))
def test_results_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    value = {"a": (np.arange(3), LARGE), "b": np.float32(1), "c": "a"}
    path = written(tmp_path, value, protocol=protocol)
    assert described(load(path)) == described(from_joblib(path))


def base_of(array: Any) -> Any:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.base


@needs_posix
def test_large_array_is_mapped_and_ones_own(tmp_path: Path) -> None:
    path = written(tmp_path, (LARGE, np.arange(5)))
    if not is_local(path):
        pytest.skip("the file system is not local")
    content = Path(path).read_bytes()
    large, small = load(path)
    assert isinstance(base_of(large), memoryview)
    assert isinstance(base_of(large).obj, mmap.mmap)
    assert base_of(small) is None
    assert type(large) is np.ndarray
    assert not has_shareable_memory(large)
    large[:] = 7
    assert Path(path).read_bytes() == content
    assert load(path)[0].tobytes() == LARGE.tobytes()
    os.unlink(path)
    assert (large == 7).all()


@needs_posix
def test_mapped_array_outlives_its_file_and_goes_through_workers(tmp_path: Path) -> None:
    path = written(tmp_path, LARGE)
    mapped = load(path)
    os.unlink(path)
    for backend in ("loky", "threading"):
        parallel = joblib.Parallel(n_jobs=2, backend=backend, max_nbytes=1000)
        for back in parallel(joblib.delayed(np.multiply)(mapped, number) for number in (1, 2)):
            assert type(back) is np.ndarray
        assert (back == 2 * LARGE).all()
    assert (pickle.loads(pickle.dumps(mapped)) == LARGE).all()


def test_results_on_other_file_systems_are_not_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, LARGE)
    monkeypatch.setattr(loading, "is_local", lambda path: False)
    assert not isinstance(base_of(load(path)), memoryview)


@needs_posix
def test_results_that_are_very_many_keep_no_more_files_open(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from acache.memory.engine.loading import load\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))\n"
        "kept = [load(sys.argv[1]) for _ in range(600)]\n"
        "print(sum(int(array[1]) for array in kept))\n"
    )
    assert run_python(code, written(tmp_path, LARGE)) == "600\n"


@pytest.mark.parametrize("name", ["list", "object", "array", "tuple", "large", "large-tuple"])
def test_result_that_was_cut_raises(tmp_path: Path, name: str) -> None:
    path = Path(written(tmp_path, VALUES[name]))
    content = path.read_bytes()
    for length in (0, 1, 10, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(DAMAGES):
            load(str(path))


def test_result_that_is_no_result_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / "output.pkl"))
    (tmp_path / "output.pkl").write_bytes(b"nothing of the kind")
    with pytest.raises(Exception, match=r"."):
        load(str(tmp_path / "output.pkl"))


class Loading:
    """Loads another result while it is loaded itself."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return load, (self.path,)


def test_results_may_be_loaded_within_results_and_in_threads(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    inner = written(tmp_path / "inner", (np.arange(3), LARGE))
    outer = written(tmp_path, [Loading(inner), np.arange(2)])
    assert described(load(outer)) == described([(np.arange(3), LARGE), np.arange(2)])
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(load(inner))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [described(value) for value in found] == [described((np.arange(3), LARGE))] * 4


@pytest.mark.parametrize("name", ["int", "array", "large", "object", "in-object"])
def test_use_is_noted_where_the_last_one_is_old(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, VALUES[name])
    written_ns = 1_600_000_000 * 10**9
    now = time.time_ns()
    os.utime(path, ns=(now - 7200 * 10**9, written_ns))
    load(path)
    status = os.stat(path)
    assert now - 10**9 <= status.st_atime_ns
    assert status.st_mtime_ns == written_ns


def test_use_is_noted_once_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[str] = []
    monkeypatch.setattr(loading, "_note_use", lambda descriptor, path, status: noted.append(path))
    path = written(tmp_path, 5)
    for hours, count in ((0.9, 0), (1.1, 1)):
        then = time.time_ns() - int(hours * 3600e9)
        os.utime(path, ns=(then, then))
        load(path)
        assert len(noted) == count


def test_use_that_cannot_be_noted_costs_nothing(tmp_path: Path, as_nobody: int | None) -> None:
    path = written(tmp_path, 5)
    os.chmod(path, 0o444)
    os.utime(path, ns=(0, 0))
    code = (
        "import os, sys\n"
        "from acache.memory.engine.loading import load\n"
        f"if {as_nobody}: os.setuid({as_nobody})\n"
        "print(load(sys.argv[1]))\n"
    )
    assert run_python(code, path) == "5\n"
