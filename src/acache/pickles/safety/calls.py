"""What loading a pickle may call only in one way.

What such a call may be given is as narrow as what pickle writes, for two reasons. Some constructors
call what they are given. And some of NumPy's believe what they are told of memory.
"""

from __future__ import annotations

from acache.pickles.arrays import ZONE_MAKER
from acache.pickles.dtypes import dtype_of
from acache.pickles.nodes import (
    RECONSTRUCTOR,
    Container,
    Global,
    Node,
    Object,
    whole_dict,
    whole_tuple,
)
from acache.pickles.safety.allowlist import ALLOWED, ARRAYS, CORES, ERRORS, MASKED, listed
from acache.pickles.safety.rules import (
    Rule,
    all_are,
    anything,
    are_plain,
    arguments_of,
    called_with,
    either,
    is_bytes,
    is_data,
    is_int,
    is_named,
    is_number,
    is_text,
    matching,
    of_kind,
    of_types,
    one_of,
    packed,
)

_PARTIAL = Global("functools", "partial")
_PLAIN_BASES = listed(["builtins"], "dict list tuple set frozenset int float str bytes")
_is_codec = one_of(["latin-1", "latin1", "utf-8", "utf8", "ascii"])  # others may take any time
# As an integer, which NumPy may make of it, Decimal("1e999999999") would take minutes.
_is_decimal = matching(r"-?(\d*\.?\d+(E[+-]?\d{1,4})?|s?NaN\d*|Infinity)")
_is_name = matching(r"(?!__)[A-Za-z_]\w*")
_is_ratio = matching(r"-?\d{1,4000}(/\d{1,4000})?")
_is_zone = matching(r"[\w+-]{1,30}(/[\w+-]{1,30}){0,3}")
_is_byte_code = one_of([b"b", "b"])


def _is_array_class(node: Node) -> bool:
    # Of a class that is not listed its name tells.
    return type(node) is Global and (node in ARRAYS or node not in HARMLESS)


def _is_masked_class(node: Node) -> bool:
    return type(node) is Global and (node in MASKED or node not in HARMLESS)


def _is_empty_shape(node: Node) -> bool:
    return whole_tuple(node) == [0]


def _is_axis_order(node: Node) -> bool:
    order = whole_tuple(node)
    return node is None or (order is not None and all(map(is_int, order)))


def _is_bound(node: Node) -> bool:
    # Since Python 3.12 a slice is hashed with what it holds, however much that is.
    return node is None or is_number(node) or (type(node) is Object and node.kind == "scalar")


def _is_factory(node: Node) -> bool:
    # Called when a key is missing, which loading never asks for.
    return node is None or type(node) is Global or is_named(node, _PARTIAL)


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
    given = arguments_of(made) or [None, None]
    dtype = dtype_of(given[1])
    return (
        made.array is not None
        and all(map(_is_axis_order, given[4:]))  # since NumPy 2.4
        and dtype is not None
        and dtype.is_whole
        and not dtype.has_objects
        and is_bytes(given[0])
    )


def _is_known_dtype(made: Object) -> bool:
    return made.kind == "dtype" and made.dtype is not None and made.dtype.is_whole


def _is_reconstructed(made: Object) -> bool:
    """``copyreg._reconstructor(cls, base, state)``, of protocols 0 and 1.

    It calls ``base.__new__(cls, state)`` and ``base.__init__``: the base is a plain class here.
    """
    cls, base, state = arguments_of(made) or (None, None, None)
    if type(cls) is not Global:
        return False
    if type(state) is Container and state.kind == "dict":  # some find attributes among the items
        keys = state.items[::2]
        hidden = any(type(key) is str and key.startswith("__") for key in keys)
        if hidden or not (state.whole() or cls.name in ("dok_matrix", "dok_array")):
            return False
    if base == Global("builtins", "object"):
        return state is None
    return base in _PLAIN_BASES and (type(state) is Container or is_data(state) or is_number(state))


# Dask has tblib pickle errors, with where they came from.
ERROR_MAKERS = listed(["tblib.pickling_support"], "unpickle_exception_with_attrs")
_ERROR_ATTRIBUTES = {"errno", "strerror", "winerror", "filename", "filename2"}


def _is_error(made: Object) -> bool:
    """``unpickle_exception_with_attrs(cls, attributes, ...)``, which sets each attribute.

    What follows it gives to attributes of every error, which check it.
    """
    cls, attributes, *rest = arguments_of(made) or (None, None)
    known = whole_dict(attributes) or {}
    own, given = known.pop("__dict__", None), known.pop("args", None)
    return (
        type(cls) is Global
        and cls in ERRORS
        and type(own) is Container
        and (are_plain(own) or (whole_dict(own) or {}).keys() == {"__notes__"})
        and whole_tuple(given) is not None
        and known.keys() <= _ERROR_ATTRIBUTES
        and all(whole_tuple(one) == [] for one in rest[5:])
    )


BIT_MAKER = Global("numpy.random._pickle", "__bit_generator_ctor")


def _is_bit_generator(node: Node) -> bool:
    # The maker of a generator calls what it is given.
    is_class = (
        type(node) is Global
        and node.module.startswith("numpy.random.")
        and (node == BIT_MAKER or node in ALLOWED["name"])
    )
    return is_text(node) or is_class or is_named(node, BIT_MAKER)


def _is_method(made: Object) -> bool:
    """Return whether it is a method of an object of a known class; to look it up calls nothing."""
    given = arguments_of(made) or [None, None]
    return (
        type(given[0]) is Object
        and given[0].made == "new"
        and given[0].target in ALLOWED["new"]
        and _is_name(given[1])
    )


def _is_no_callable(node: Node) -> bool:
    return type(node) in (Container, str, bytes) or (type(node) is Object and node.kind != "object")


_arrays = [f"{core}.multiarray" for core in CORES]
CALLS: dict[Global, Rule] = {
    RECONSTRUCTOR: _is_reconstructed,
    # Bytes in protocols 0 to 2. As pickle writes it, (text, "latin1"), it is read as bytes before
    # anybody asks here.
    Global("_codecs", "encode"): lambda made: False,
    **dict.fromkeys(ERRORS, all_are(anything)),
    **dict.fromkeys(ERROR_MAKERS, _is_error),
    # Plain classes. bytes and bytearray of a number would take that much memory.
    Global("builtins", "bytes"): called_with(is_data, _is_codec, least=0),
    Global("builtins", "bytearray"): called_with(is_data, _is_codec, least=0),
    Global("builtins", "complex"): called_with(is_number, is_number, least=0),
    Global("builtins", "frozenset"): called_with(),
    Global("builtins", "getattr"): _is_method,
    Global("builtins", "iter"): called_with(_is_no_callable),
    Global("builtins", "range"): called_with(is_int, is_int, is_int),
    Global("builtins", "set"): called_with(),
    Global("builtins", "slice"): called_with(_is_bound, _is_bound, _is_bound),
    Global("builtins", "type"): called_with(
        one_of([None, *listed(["builtins"], "Ellipsis NotImplemented")])
    ),
    Global("collections", "Counter"): called_with(of_kind("dict"), least=0),
    Global("collections", "defaultdict"): called_with(_is_factory, least=0),
    Global("collections", "deque"): called_with(of_kind("list", "tuple"), is_int, least=0),
    _PARTIAL: called_with(lambda node: type(node) is Global or is_named(node, _PARTIAL)),
    Global("array", "array"): either(
        called_with(is_text, is_data, least=1), called_with(is_text, of_kind("list", "tuple"))
    ),
    Global("array", "_array_reconstructor"): called_with(
        one_of([Global("array", "array")]), is_text, is_int, is_bytes
    ),
    # Values made of numbers and text. Classes of datetime check what a time zone is.
    Global("datetime", "date"): either(
        called_with(packed(4, 1, 12, at=2)), called_with(is_int, is_int, is_int)
    ),
    Global("datetime", "datetime"): either(
        called_with(packed(10, 1, 12, at=2), anything, least=1),
        called_with(*[is_int] * 7, anything, least=3),
    ),
    Global("datetime", "time"): either(
        called_with(packed(6, 0, 23, at=0), anything, least=1),
        called_with(*[is_int] * 4, anything, least=0),
    ),
    Global("datetime", "timedelta"): called_with(*[is_number] * 3, least=0),
    Global("datetime", "timezone"): called_with(
        lambda node: is_named(node, Global("datetime", "timedelta")), is_text, least=1
    ),
    ZONE_MAKER: called_with(_is_zone, is_int),  # reads the file of a zone that is installed
    Global("decimal", "Decimal"): called_with(_is_decimal),
    Global("fractions", "Fraction"): either(called_with(_is_ratio), called_with(is_int, is_int)),
    # Paths are text; nothing is looked up on disk.
    **dict.fromkeys(
        listed(
            ["pathlib", "pathlib._local"],
            "PurePosixPath PureWindowsPath PosixPath WindowsPath PurePath Path",
        ),
        all_are(is_text),
    ),
    # NumPy: types, scalars, arrays. The empty array gets its content as its state.
    Global("numpy", "dtype"): _is_known_dtype,
    **dict.fromkeys(
        listed([f"{core}._internal" for core in CORES], "_convert_to_stringdtype_kwargs"),
        called_with(of_types(bool, int), anything, least=1),
    ),
    **dict.fromkeys(listed(_arrays, "scalar"), _is_known_scalar),
    **dict.fromkeys(listed([f"{core}.numeric" for core in CORES], "_frombuffer"), _is_known_buffer),
    **dict.fromkeys(
        listed(_arrays, "_reconstruct"),
        called_with(_is_array_class, _is_empty_shape, _is_byte_code),
    ),
    Global("numpy.ma.core", "_mareconstruct"): called_with(
        _is_masked_class, _is_array_class, _is_empty_shape, _is_byte_code
    ),
    **dict.fromkeys(listed(["numpy.ma", "numpy.ma.core"], "MaskedConstant"), called_with()),
    **dict.fromkeys(
        listed([BIT_MAKER.module], "__randomstate_ctor __generator_ctor __bit_generator_ctor"),
        all_are(_is_bit_generator),
    ),
}

HARMLESS = frozenset(CALLS).union(*ALLOWED.values(), MASKED)
