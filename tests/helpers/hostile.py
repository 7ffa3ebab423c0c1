"""Pickles that run something when they are loaded, by every way that is known to the tests.

What they run makes a file ``canary`` in the current folder.
"""

from __future__ import annotations

import pickle
import struct
from typing import Any

import numpy as np

from tests.helpers.opcodes import dict_of, numpy_type, of, text, tuple_of

COMMAND = "echo > canary"
_TEXT = b"\x8c\x0d" + COMMAND.encode()
_PYTHON = "open('canary', 'w').close()"


class Calls:
    """Is pickled as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call

    def __call__(self) -> None:
        """Do nothing: pickle wants what it calls to be callable."""


def _object_and(code: str, size: int) -> bytes:
    """Write a structure of an object, and of something else behind it."""
    fields = dict_of(
        *(text("a"), tuple_of(numpy_type("O8", flags=63), b"K\x00")),
        *(text("b"), tuple_of(numpy_type(code, size=size), b"K\x08")),
    )
    names = tuple_of(text("a"), text("b"))
    return numpy_type(f"V{size + 8}", names=names, fields=fields, size=size + 8, flags=27)


def _reconstructed(dtype: bytes, content: bytes) -> bytes:
    """Write an array of one item as NumPy does."""
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    return array + tuple_of(b"K\x01K\x01\x85", dtype, b"\x89", content) + b"b"


def _masked(filled: bytes) -> bytes:
    array = b"cnumpy.ma.core\n_mareconstruct\n(cnumpy.ma.core\nMaskedArray\ncnumpy\nndarray\n"
    state = (b"K\x01K\x01\x85", numpy_type("i8"), b"\x89C\x08" + bytes(8), b"C\x01\x00", filled)
    return array + b"K\x00\x85C\x01btR" + tuple_of(*state) + b"b"


def _in_an_array(called: bytes) -> bytes:
    """Call something in an array of objects: a pickle of protocol 5 in one of protocol 2."""
    objects = of(np.empty(1, object), protocol=2)
    content = _reconstructed(numpy_type("O8", flags=63), b"](" + called + text(COMMAND) + b"\x85Re")
    return objects[: objects.index(b"\x80\x05")] + b"\x80\x05" + content + b".."


def _range(length: int) -> bytes:
    return b"cbuiltins\nrange\n" + tuple_of(b"K\x00J" + struct.pack("<i", length), b"K\x01") + b"R"


def _optimized(called: bytes) -> bytes:
    result = b"\x80\x04cscipy.optimize._optimize\nOptimizeResult\n)\x81}b"
    return result + b"(" + text("append") + called + text("extend") + called + b"u"


def running() -> dict[str, bytes]:
    """Return pickles that run the command, each by another way."""
    import builtins
    import functools
    import operator
    import os
    import subprocess

    command = COMMAND.encode()
    plain = {
        "os.system": Calls(os.system, COMMAND),
        "subprocess": Calls(subprocess.call, COMMAND, -1, None, None, None, None, None, True, True),
        "eval": Calls(builtins.eval, _PYTHON),
        "exec": Calls(builtins.exec, _PYTHON),
        "open": Calls(open, "canary", "w"),
        "partial": Calls(Calls(functools.partial, os.system, COMMAND)),
        "methodcaller": Calls(
            Calls(operator.methodcaller, "system", COMMAND), Calls(__import__, "os")
        ),
        "getattr": Calls(Calls(getattr, Calls(__import__, "os"), "system"), COMMAND),
        "runstring": Calls(np.testing.runstring, _PYTHON, {}),
        "memmap": Calls(np.memmap, "canary", "uint8", "w+", 0, (1,)),
        "a thread's target": Calls(list, [Calls(os.system, COMMAND)]),
    }
    found = {
        f"{name}, protocol {protocol}": pickle.dumps(value, protocol)
        for name, value in plain.items()
        for protocol in range(6)
    }
    for compress in ("zlib", "gzip", "bz2", "lzma", "xz"):
        found[f"in {compress}"] = of(plain["os.system"], compress=(compress, 3))
    objects = np.empty(2, object)
    objects[0] = plain["os.system"]
    found |= {
        "in an array of objects": of(objects),
        "in a list in a dict": of({"a": [1, (plain["eval"],)]}),
        "behind an array": of([np.zeros(1000), plain["os.system"]]),
        "GLOBAL": b"cos\nsystem\n(V" + command + b"\ntR.",
        "a name of Python 2": b"\x80\x02c__builtin__\neval\n" + text(_PYTHON) + b"\x85R.",
        "INST": b"(V" + command + b"\nios\nsystem\n.",
        "OBJ": b"(cos\nsystem\nV" + command + b"\no.",
        "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + _TEXT + b"\x85R.",
        "a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x20testing._private.utils.os.system\x93"
        + _TEXT
        + b"\x85R.",
        "what is in every script": b"\x80\x04\x8c\x08__main__\x8c\x11__builtins__.eval\x93"
        + text(_PYTHON)
        + b"\x85R.",
        "a module that another package imports": b"\x80\x04\x8c\x0blazy_loader\x8c\x09os.system\x93"
        + _TEXT
        + b"\x85R.",
        "names from the memo": b"\x80\x04\x8c\x06system\x94\x8c\x02os\x94\x30\x30h\x01h\x00\x93"
        + _TEXT
        + b"\x85R.",
        "names put out of order": b"\x80\x04\x8c\x06systemq\x07\x8c\x02osr\xff\xff\x00\x000"
        b"0j\xff\xff\x00\x00h\x07\x93" + _TEXT + b"\x85R.",
        "dropped at once": b"cos\nsystem\n(V" + command + b"\ntR0N.",
        "before it ends too early": b"cos\nsystem\n(V" + command + b"\ntR",
        "before it is damaged": b"cos\nsystem\n(V" + command + b"\ntR\xff",
        "an index that is taken again": _aliased(),
        "under a mark": b"(cos\nsystem\n(V" + command + b"\ntR1N.",
    }
    return found


def dangerous() -> dict[str, bytes]:
    """Return pickles that do harm in another way, or might with what else is on the computer."""
    state = b"(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK%ctb"
    objects = b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8K\x00K\x01tR"
    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    flagless = objects + state.replace(b"%c", b"\x00")
    complete = objects + state.replace(b"%c", b"\x3f")
    csr = b"cscipy.sparse._csr\ncsr_matrix\n)\x81"
    whole = b"cnumpy\ndtype\n(X\x02\x00\x00\x00i8K\x00K\x01tR" + state.replace(b"%c", b"\x00")
    names = b"(X\x01\x00\x00\x00aX\x01\x00\x00\x00bt"
    overlap = b"cnumpy\ndtype\n(X\x02\x00\x00\x00V8K\x00K\x01tR(K\x03X\x01\x00\x00\x00|N" + names
    overlap += (
        b"}(X\x01\x00\x00\x00a(" + complete + b"K\x00tX\x01\x00\x00\x00b(" + whole + b"K\x00tu"
    )
    overlap += b"K\x08K\x01K\x1btb"
    masked = b"cnumpy.ma.core\n_mareconstruct\n(cjoblib.numpy_pickle\nNumpyArrayWrapper\n"
    return {
        "extension": b"\x80\x02\x82\x01.",
        "an extension that is called": b"\x80\x02\x84\x01\x00\x00\x00)R.",
        "an unlisted name": b"cos\nPathLike\n.",
        "a module that prints": b"cthis\ns\n.",
        "no name of a module": b"ca b\nc\n.",
        "joblib's older wrapper": b"cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}b.",
        "a computed name": b"\x80\x04\x8c\x02osc_codecs\nencode\n\x8c\x01x\x85R\x93.",
        "a computed call": b"\x80\x04cnumpy\ndtype\n(X\x02\x00\x00\x00f8K\x00K\x01tR)R.",
        "another codec": b"\x80\x02c_codecs\nencode\n" + text("x") + text("idna") + b"\x86R.",
        "memory": b"\x80\x04cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R.",
        "a list of a range": b"\x80\x04cbuiltins\nlist\ncbuiltins\nrange\n"
        b"(K\x00J\xff\xff\xff\x7fK\x01tR\x85R.",
        "a power": b"\x80\x04cfractions\nFraction\n" + text("1e999999999") + b"\x85R.",
        "a base that is called": b"ccopyreg\n_reconstructor\n(ccollections\nOrderedDict\n"
        b"cdatetime\ndate\nNtR.",
        "a class for another": masked + b"cnumpy\nndarray\nK\x00\x85C\x01btR}b.",
        "bytes for objects": array + b"(K\x01K\x01\x85" + flagless + b"K\x00C\x08AAAAAAAAtb.",
        "too few objects": array + b"(K\x01M\x00\x10\x85" + complete + b"K\x00]NatbN.",
        "a type that changes": b"\x80\x04"
        + complete
        + b"\x94"
        + state.replace(b"%c", b"\x00")
        + b".",
        "a large empty array": b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
        b"\x8a\x06\x00\x00\x00\x00\x00\x10\x85C\x01btR.",
        "a method that an attribute hides": b"\x80\x04" + csr + b"}\x8c\x0c__setstate__"
        b"cbuiltins\nslice\nsb.",
        "attributes by themselves": b"\x80\x04"
        + csr
        + b"N}\x8c\x09__class__cbuiltins\nobject\ns\x86b.",
        "indices that SciPy believes": b"\x80\x04" + csr + b"}bK\x00K\x00\x86K\x01s.",
        "a number for a pointer": b"\x80\x04" + overlap + b".",
        "an object of four bytes": b"\x80\x04" + complete.replace(b"O8", b"O4") + b".",
        # NumPy's own type takes no state: joblib would go on elsewhere in the array's bytes.
        "a type that is not copied": b"\x80\x04cnumpy\ndtype\n(X\x02\x00\x00\x00S0K\x00K\x00tR"
        b"(K\x03X\x01\x00\x00\x00|NNNM\x90\x01K\x01K\x00tb.",
        "a codec that takes long": b"\x80\x04cbuiltins\nbytes\n"
        + text("x")
        + text("punycode")
        + b"\x86R.",
        "a unit of nothing": b"\x80\x04cnumpy\ndtype\n(X\x02\x00\x00\x00m8K\x00K\x01tR"
        b"(K\x04X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00"
        b"N(C\x02nsK\x00K\x01K\x01t\x86tb.",
        "an array's items and fields": b"\x80\x04"
        + numpy_type(
            "V8",
            base=tuple_of(numpy_type("i8"), b"K\x01\x85"),
            names=tuple_of(text("a")),
            fields=dict_of(text("a"), tuple_of(numpy_type("i8"), b"J\x00\x00\x00\x40")),
            size=8,
        )
        + b".",
        "a number that takes long to hash": b"\x80\x04cuuid\nUUID\n)\x81"
        + dict_of(text("int"), b")" + b"2\x86" * 12)
        + b"b.",
        "a decimal power": b"\x80\x04cdecimal\nDecimal\n" + text("1e999999999") + b"\x85R.",
        "a text of what takes long": b"\x80\x04"
        + _reconstructed(
            _object_and("U10", 40),
            b"](N]q\x00" + b"".join(b"0](h%ch%ceq%c" % (i, i, i + 1) for i in range(9)) + b"\x86e",
        )
        + b".",
        "a masked array's filling": b"\x80\x04" + _masked(b"]q\x00(h\x00h\x00e") + b".",
        "a name of Python 2 in an array": _in_an_array(b"ccommands\ngetoutput\n"),
        "a module of another Python": b"\x80\x04c_interpreters\nrun_string\n.",
        "an attribute that is called": _optimized(b"cfractions\nFraction\n")
        + text("1e999999999")
        + b"a.",
        "attributes that are called": _optimized(b"cfractions\nFraction\n") + b"(K\x01e.",
        "objects of another order": b"\x80\x04" + numpy_type("O8", order=">", flags=63) + b".",
        "arguments of an error": b"\x80\x04cbuiltins\nValueError\n)R"
        + dict_of(text("args"), _range(3_000))
        + b"b.",
        "a field that is twice": b"\x80\x04"
        + numpy_type(
            "V8",
            names=tuple_of(text("a"), text("a")),
            fields=dict_of(text("a"), tuple_of(numpy_type("i8"), b"K\x00")),
            size=8,
        )
        + b".",
        "characters of five bytes": b"\x80\x04" + numpy_type("U1", size=5) + b".",
        "a list of a list": b"\x80\x04cbuiltins\nlist\n]" + b"(" + b"N" * 3000 + b"e\x85R.",
    }


def bombs() -> dict[str, bytes]:
    """Return pickles that claim much, or grow when they are loaded."""
    return {
        "marks": b"(" * 10_000_000 + b".",
        "lists in lists": b"]" * 1_000_000 + b"a" * 999_999 + b"N",
        "a petabyte": _claiming(b"\x8a\x07\x00\x00\x00\x00\x00\x00\x02"),
        "all memory": _claiming(b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
        "a long string": b"\x80\x04\x8d" + struct.pack("<Q", 2**60) + b"x",
        "a long frame": b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N",
        "keys that take long to hash": b"\x80\x04}" + b")" + b"2\x86" * 60 + b"Ns.",
        "a key that is nested deep": b"\x80\x04})" + b"\x85" * 1_000_000 + b"K\x01s.",
        "many names": b"".join(b"c%d\nx\n0" % i for i in range(10_000)) + b"N.",
        "a type's fields that change": b"\x80\x04"
        + numpy_type(
            "V8",
            names=tuple_of(text("a")),
            fields=dict_of(text("a"), tuple_of(numpy_type("i8"), b"K\x00")) + b"q\x00",
            size=8,
        )
        + b"h\x00"
        + text("a")
        + tuple_of(numpy_type("O8", flags=63), b"K\x00")
        + b"s0.",
        "types in types": b"\x80\x04" + _nested(1000) + b".",
        "a type that doubles": b"\x80\x04" + _doubled(40) + b".",
        "copies": b"\x80\x04cbuiltins\nbytearray\nq\x000\x8e"
        + struct.pack("<Q", 1_000_000)
        + bytes(1_000_000)
        + b"q\x010("
        + b"h\x00h\x01\x85R" * 2_000
        + b"l.",
        "a range that is compared": b"\x80\x04" + dict_of(_range(10**9), b"N") + b".",
        "a range in a key": b"\x80\x04" + dict_of(_range(10**9) + b"K\x00\x86", b"N") + b".",
        "bytes of a text": b"\x80\x04"
        + text("x" * 1_000_000)
        + b"q\x000"
        + b"("
        + b"c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R" * 500
        + b"l.",
        "attributes over and over": b"\x80\x04("
        + b"".join(text(f"a{i}") + b"N" for i in range(900))
        + b"dq\x000("
        + b"ctypes\nSimpleNamespace\n)\x81h\x00b" * 5_000
        + b"l.",
        "an array out of nothing": b"\x80\x04"
        + _reconstructed(
            _object_and("V1000000000", 10**9),
            b"](N" + b"C\x01x" + b"\x86e",
        )
        + b".",
        "long numbers": b"\x80\x04\x8b"
        + struct.pack("<i", 1_000_000)
        + b"\x01" * 1_000_000
        + b"q\x000\x8f("
        + b"h\x00" * 1_000
        + b"\x90.",
        "a high index of the memo": b"Nr\xff\xff\xff\xff" * 200_000 + b"(",
    }


def _nested(depth: int) -> bytes:
    inner = numpy_type("u1")
    for _ in range(depth):
        fields = dict_of(text("a"), tuple_of(inner, b"K\x00"))
        inner = numpy_type("V1", names=tuple_of(text("a")), fields=fields, size=1)
    return inner


def _doubled(times: int) -> bytes:
    inner, names = numpy_type("V0", size=0), tuple_of(text("a"), text("b"))
    for index in range(times):
        both = bytes([index])
        fields = dict_of(
            *(text("a"), tuple_of(inner + b"q" + both, b"K\x00")),
            *(text("b"), tuple_of(b"h" + both, b"K\x00")),
        )
        inner = numpy_type("V0", names=names, fields=fields, size=0)
    return inner


def _aliased() -> bytes:
    """Put two strings at one index of a full memo, and name the first before the second."""
    parts = [b"K\x00", *(b"r" + struct.pack("<I", n) for n in range(50_000)), b"0"]
    for index, first, second in ((50_000, "pathlib", "os"), (50_001, "PurePath", "system")):
        put = b"r" + struct.pack("<I", index)
        parts.append(text(first) + put + text(second) + put + b"0")
    got = b"".join(b"j" + struct.pack("<I", index) for index in (50_000, 50_001))
    return b"\x80\x04" + b"".join(parts) + b"\x930" + got + b"\x93" + text(COMMAND) + b"\x85R."


def _claiming(length: bytes) -> bytes:
    data = of(np.zeros(3, np.uint8), protocol=2)
    assert data.count(b"K\x03\x85") == 1
    return data.replace(b"K\x03\x85", length + b"\x85")
