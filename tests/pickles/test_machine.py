"""A pickle's structure is that of what joblib loads from it, and its end is where joblib's is."""

from __future__ import annotations

import io
import pickle
import random
from typing import Any

import numpy as np
import pytest
from joblib.numpy_pickle import NumpyUnpickler
from joblib.numpy_pickle_compat import write_zfile

from acache.pickles import Container, DamagedError, Excerpt, Object, PickleError, Unknown
from tests.helpers.samples import SMALL, Plain, described, dumped, shown, values


@pytest.mark.parametrize("compress", [0, 3, "zlib", "gzip", "bz2", "lzma", "xz", "lz4"])
def test_structure_of_every_compression(compress: int | str) -> None:
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


@pytest.mark.parametrize("name", values())
def test_names_are_those_that_unpickling_looks_up(name: str) -> None:
    for protocol in range(6):
        data = dumped(values()[name], protocol=protocol)
        description = described(data)
        assert {(m, n) for m, n in description.globals} == looked_up(data, protocol), protocol
        assert description.protocol == (protocol if protocol > 1 else 0)
        assert description.bytes_read == len(data), protocol
        assert shown(description), protocol


def looked_up(data: bytes, protocol: int) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()

    class Recorder(NumpyUnpickler):
        def find_class(self, module: str, name: str) -> Any:
            # What protocols 0 to 2 name as Python 2 did is translated below this.
            found.add((module, name))
            return super().find_class(module, name)

    Recorder("", io.BytesIO(data), ensure_native_byte_order=False).load()
    names = {
        (m.replace("__builtin__", "builtins").replace("copy_reg", "copyreg"), n) for m, n in found
    }
    if protocol < 3:
        names = {(m, {"xrange": "range"}.get(n, n)) for m, n in names}
    return names


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


def test_data_behind_a_pickle_is_noted() -> None:
    data = dumped([1, 2])
    assert described(data + b"more").trailing
    assert described(data + b"more").bytes_read == len(data)
    assert described(dumped([1, 2], compress=("bz2", 3)) + b"more").trailing
    assert not described(data).trailing


def test_format_of_joblib_0_9() -> None:
    file = io.BytesIO()
    write_zfile(file, pickle.dumps({"a": [1, 2]}, 2))
    description = described(file.getvalue())
    assert description.compression == "compat"
    assert shown(description) == ["dict of 1", "  'a': list of 2", "    1", "    2"]


def test_names_of_python_2_are_those_that_they_become() -> None:
    assert described(b"ccommands\ngetoutput\n.").globals == (("subprocess", "getoutput"),)
    assert described(b"c__builtin__\nreduce\n.").globals == (("functools", "reduce"),)
    assert described(b"\x80\x03ccommands\ngetoutput\n.").globals == (("commands", "getoutput"),)


def test_extensions_are_named() -> None:
    description = described(b"(\x82\x05\x83\x06\x00\x84\x07\x00\x00\x00t.")
    assert description.globals == tuple(("copyreg", f"extension {code}") for code in (5, 6, 7))


def test_values_that_are_not_in_the_file_are_unknown() -> None:
    value = described(b"(Pid\nK\x01Q\x97\x98t.").value
    assert isinstance(value, Container)
    assert [type(item) for item in value.items] == [Unknown] * 3


def test_pickle_cut_anywhere_is_truncated() -> None:
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
def test_compressed_pickle_cut_anywhere_is_truncated(method: str) -> None:
    if method == "lz4":
        pytest.importorskip("lz4.frame")
    data = dumped(SMALL, compress=(method, 3))
    for size in range(6, len(data)):  # with fewer, it may be taken for none
        with pytest.raises(DamagedError) as caught:
            described(data[:size])
        assert caught.value.truncated, size


def test_strings_that_name_classes_are_remembered_however_many_there_are() -> None:
    words = [f"word {i}" for i in range(600_000)]
    arrays = [np.zeros(i) for i in range(3)]
    value = [words, *arrays, Plain(x=1), Plain(y=np.ones(2)), words[-1], words[55_000], words[9]]
    description = described(dumped(value))
    assert [a.shape for a in description.arrays] == [(0,), (1,), (2,), (2,)]
    assert all("?" not in name for name in description.globals)
    assert shown(description)[-3:] == [
        *("  'word 599999'", "  unknown (among too many)", "  'word 9'")
    ]


def test_order_that_cannot_be_followed_is_refused() -> None:
    many = b"N\x94" * 50_000
    assert described(b"\x80\x04" + many + b"N\x94h\x00.").value is None
    with pytest.raises(PickleError, match="memo too large"):
        described(b"\x80\x04" + many + b"Nr\xff\xff\xff\x00\x94.")


@pytest.mark.parametrize("seed", range(12))
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
