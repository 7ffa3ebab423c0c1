"""What loading a pickle may call, and how.

What a call may be given is as narrow as what pickle writes, for two reasons. Some constructors call
what they are given. And some of NumPy's believe what they are told of memory.
"""

from __future__ import annotations

from acache.pickles import Container, Global, Node, Object
from acache.pickles.arrays import ZONE_MAKER
from acache.pickles.dtypes import dtype_of
from acache.pickles.nodes import RECONSTRUCTOR
from acache.pickles.safety.allowlist import (
    ARRAYS,
    BLANK,
    CORES,
    ERRORS,
    MASKED,
    RESULTS,
    VALUES,
    listed,
)
from acache.pickles.safety.rules import (
    Rule,
    all_text,
    anything,
    are_plain,
    arguments_of,
    called_with,
    either,
    is_axis_order,
    is_bound,
    is_bytes,
    is_code_of_bytes,
    is_codec,
    is_data,
    is_decimal,
    is_dict,
    is_factory,
    is_int,
    is_known_dtype,
    is_number,
    is_ratio,
    is_sequence,
    is_shape_of_nothing,
    is_singleton,
    is_text,
    is_timedelta,
    is_zone,
    packed,
)


def _is_array_class(node: Node) -> bool:
    # Of a class that is not listed its name tells.
    return type(node) is Global and (node in ARRAYS or node not in HARMLESS)


def _is_masked_class(node: Node) -> bool:
    return type(node) is Global and (node in MASKED or node not in HARMLESS)


def _is_known_scalar(made: Object) -> bool:
    given = arguments_of(made)
    return (
        made.dtype is not None
        and made.dtype.is_whole
        and not made.dtype.has_objects  # it would return the second argument, whatever that is
        and given is not None
        and len(given) == 2
        and is_data(given[1])
    )


def _is_known_buffer(made: Object) -> bool:
    given = arguments_of(made)
    dtype = dtype_of(given[1]) if given is not None and len(given) in (4, 5) else None
    return (
        made.array is not None
        and all(map(is_axis_order, (given or [])[4:]))  # since NumPy 2.4
        and dtype is not None
        and dtype.is_whole
        and not dtype.has_objects
        and given is not None
        and is_bytes(given[0])
    )


def _is_reconstructed(made: Object) -> bool:
    """``copyreg._reconstructor(cls, base, state)``, of protocols 0 and 1.

    It calls ``base.__new__(cls, state)`` and ``base.__init__``: the base is a plain class here.
    """
    given = arguments_of(made)
    if given is None or len(given) != 3 or type(given[0]) is not Global:
        return False
    cls, base, state = given
    if cls in HARMLESS:
        # Of SciPy's results, which are dicts, it finds attributes and methods among the items.
        if cls in RESULTS and base == Global("builtins", "dict"):
            return type(state) is Container and are_plain(state)
        if base == Global("builtins", "dict") and cls.name in ("dok_matrix", "dok_array"):
            return type(state) is Container
        return cls in BLANK and base == Global("builtins", "object") and state is None
    if base == Global("builtins", "object"):
        return state is None
    plain = base in listed(["builtins"], "dict list tuple set frozenset int float str bytes")
    return plain and (type(state) is Container or is_data(state) or is_number(state))


CALLS: dict[Global, Rule] = {
    RECONSTRUCTOR: _is_reconstructed,
    # Bytes in protocols 0 to 2. As pickle writes it, (text, "latin1"), it is read as bytes before
    # anybody asks here. Other codecs may take any time, or be anybody's.
    Global("_codecs", "encode"): lambda made: False,
    **dict.fromkeys(ERRORS, lambda made: arguments_of(made) is not None),
    # Plain classes. bytes and bytearray of a number would take that much memory.
    Global("builtins", "bytes"): called_with(is_data, is_codec, least=0),
    Global("builtins", "bytearray"): called_with(is_data, is_codec, least=0),
    Global("builtins", "complex"): called_with(is_number, is_number, least=0),
    Global("builtins", "frozenset"): called_with(),
    # Of a class that is known with a method that is known the call is read as that method.
    Global("builtins", "getattr"): lambda made: False,
    Global("builtins", "range"): called_with(is_int, is_int, is_int),
    Global("builtins", "set"): called_with(),
    Global("builtins", "slice"): called_with(is_bound, is_bound, is_bound),
    Global("builtins", "type"): called_with(is_singleton),  # type(None)
    # Containers; what a defaultdict makes is made when a key is missing, which loading never asks.
    Global("collections", "Counter"): called_with(is_dict, least=0),
    Global("collections", "defaultdict"): called_with(is_factory, least=0),
    Global("collections", "deque"): called_with(is_sequence, is_int, least=0),
    Global("array", "array"): either(
        called_with(is_text, is_data, least=1), called_with(is_text, is_sequence)
    ),
    Global("array", "_array_reconstructor"): called_with(
        lambda node: node == Global("array", "array"), is_text, is_int, is_bytes
    ),
    # Values made of numbers and text. Classes of datetime check what a time zone is.
    Global("datetime", "date"): either(
        called_with(packed(4, 1, 12, at=2)), called_with(is_int, is_int, is_int)
    ),
    Global("datetime", "datetime"): either(
        called_with(packed(10, 1, 12, at=2), anything, least=1),
        called_with(is_int, is_int, is_int, is_int, is_int, is_int, is_int, anything, least=3),
    ),
    Global("datetime", "time"): either(
        called_with(packed(6, 0, 23, at=0), anything, least=1),
        called_with(is_int, is_int, is_int, is_int, anything, least=0),
    ),
    Global("datetime", "timedelta"): called_with(is_number, is_number, is_number, least=0),
    Global("datetime", "timezone"): called_with(is_timedelta, is_text, least=1),
    # It reads the file of a zone that is installed.
    ZONE_MAKER: called_with(is_zone, is_int),
    Global("decimal", "Decimal"): called_with(is_decimal),
    Global("fractions", "Fraction"): either(called_with(is_ratio), called_with(is_int, is_int)),
    # Paths are text; nothing is looked up on disk.
    **dict.fromkeys(
        listed(
            ["pathlib", "pathlib._local"],
            "PurePosixPath PureWindowsPath PosixPath WindowsPath PurePath Path",
        ),
        all_text,
    ),
    # NumPy: types, scalars, arrays. The empty array gets its content as its state.
    Global("numpy", "dtype"): is_known_dtype,
    **dict.fromkeys(listed([f"{c}.multiarray" for c in CORES], "scalar"), _is_known_scalar),
    **dict.fromkeys(listed([f"{c}.numeric" for c in CORES], "_frombuffer"), _is_known_buffer),
    **dict.fromkeys(
        listed([f"{c}.multiarray" for c in CORES], "_reconstruct"),
        called_with(_is_array_class, is_shape_of_nothing, is_code_of_bytes),
    ),
    Global("numpy.ma.core", "_mareconstruct"): called_with(
        _is_masked_class, _is_array_class, is_shape_of_nothing, is_code_of_bytes
    ),
    **dict.fromkeys(listed(["numpy.ma", "numpy.ma.core"], "MaskedConstant"), called_with()),
}

# Left out on purpose: numpy.random (a state holds an index that is believed), functools.partial,
# all of operator, copyreg.__newobj__ (pickle has opcodes for it).
HARMLESS = frozenset({*VALUES, *BLANK, *CALLS})
