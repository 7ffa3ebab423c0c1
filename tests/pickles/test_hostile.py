"""Nothing in a pickle runs; whatever its bytes are, they are described or refused."""

from __future__ import annotations

import contextlib
import io
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acache.pickles import PickleError
from acache.system.errors import AcacheError
from tests.helpers.examples import examples
from tests.helpers.samples import FRAME, SMALL, described, dumped, shown, values


@settings(max_examples=examples(200))
@given(
    st.sampled_from([dumped(SMALL, protocol=p) for p in range(6)] + [dumped(SMALL, compress=3)]),
    st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_damage_is_an_error_or_a_description(data: bytes, changes: list[tuple[int, int]]) -> None:
    content = bytearray(data)
    for where, byte in changes:
        content[where % len(content)] = byte
    with contextlib.suppress(AcacheError):
        assert shown(described(bytes(content)))


@settings(max_examples=examples(200))
@given(
    st.lists(st.sampled_from([o.code.encode("latin-1") for o in pickletools.opcodes])), st.data()
)
def test_opcodes_are_an_error_or_a_description(codes: list[bytes], data: st.DataObject) -> None:
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


@settings(max_examples=examples(400))
@given(
    st.sampled_from([pickle.dumps((values()["ordered"], SMALL[3], {1}), p) for p in range(6)]),
    st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), max_size=3),
)
def test_names_that_unpickling_looks_up_are_all_found(
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


def test_describing_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = set()
    for way, data in hostile().items():
        try:
            description = described(data)
        except PickleError:
            refused.add(way)
            continue
        assert ("os", "system") in description.globals, way
        assert not description.trailing
    assert refused <= {"in an array of objects"}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", [w for w in hostile() if w != "in an array of objects"])
def test_describing_names_what_would_run(way: str) -> None:
    description = described(hostile()[way])
    assert description.globals == (("os", "system"),)


def test_eval_of_a_text() -> None:
    description = described(b"\x80\x02c__builtin__\neval\nX\x01\x00\x00\x001\x85R.")
    assert description.globals == (("builtins", "eval"),)
    assert shown(description) == ["builtins.eval", "  '1'"]


def test_names_that_are_computed_are_unknown() -> None:
    joined = b"c_codecs\nencode\n\x8c\x01x\x85R"
    description = described(b"\x80\x04\x8c\x02os" + joined + b"\x93.")
    assert description.globals == (("_codecs", "encode"), ("os", "?"))
    long = b"\x8d" + struct.pack("<Q", 300) + b"x" * 300
    assert described(b"\x80\x04" + long + b"\x8c\x01x\x93.").globals == (("?", "x"),)


def test_control_characters_are_not_shown() -> None:
    assert shown(described(b"cos\nsys\x1b[2Jtem\n.")) == ["os.sys\\x1b[2Jtem"]
    with pytest.raises(PickleError) as failed:
        described(b"L\x1b[2J" + b"1" * 300 + b"\n.")
    assert str(failed.value).isprintable()
    unit = pickle.dumps(np.dtype("M8[ns]")).replace(b"C\x02ns", b"C\x02\x1bs")
    assert shown(described(unit)) == ["numpy.dtype"]  # NumPy has no such unit


WRONG = {
    "empty": (b"", "ends too early"),
    "no opcode": (b"\x80\x04\xff.", "byte 2: 0xff is no opcode"),
    "text": (b"hello", "damaged at byte 1"),
    "no such protocol": (b"\x80\x09N.", "protocol: 9"),
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
    "frame in a frame": (
        b"\x80\x04" + FRAME + struct.pack("<Q", 12) + FRAME + struct.pack("<Q", 1) + b"NNN.",
        "frame",
    ),
    "state of a class": (b"\x80\x02cos\nx\n}b.", "no known object"),
    "state of a list": (b"\x80\x02]}b.", "no known object"),
    "state of who knows what": (b"\x80\x04\x8c\x01xNQ\x93)\x81}b.", "no known object"),
}


@pytest.mark.parametrize("name", WRONG)
def test_describing_says_what_is_wrong(name: str) -> None:
    data, reason = WRONG[name]
    with pytest.raises(PickleError, match=reason) as caught:
        described(data)
    assert caught.value.truncated is (name == "empty")
    assert "\n" not in str(caught.value)


def test_keys_that_take_long_to_hash_are_refused() -> None:
    twice = b")" + b"2\x86" * 60
    for data in (b"}" + twice + b"Ns.", b"\x8f(" + twice + b"\x90.", b"(" + twice + b"\x91."):
        with pytest.raises(PickleError, match="take too long to hash"):
            described(b"\x80\x04" + data)
    set_of = b"cbuiltins\nset\n](" + twice + b"e\x85R."
    with pytest.raises(PickleError, match="take too long to hash"):
        described(b"\x80\x04" + set_of)
    keys = {(i, (i, i)): i for i in range(30_000)}
    assert described(dumped([keys, *[{(1, 2, 3): i} for i in range(30_000)]])).value


def test_describing_notes_what_is_outside_of_the_pickle() -> None:
    for data in (b"Pid\n.", b"U\x02idQ.", b"\x80\x05\x97."):
        assert described(data).outside
    assert not described(b"N.").outside
