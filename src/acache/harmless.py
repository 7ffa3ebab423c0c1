"""What loading a pickle may name, call and set without running anything but a constructor.

Each name stands here by itself, as the module that pickle writes and the name in it; never does a
whole package: ``numpy.testing._private.utils.runstring`` runs a string. What a call may be given
is as narrow as what pickle writes, for two reasons. Some constructors call what they are given. And
some of NumPy's believe what they are told of memory.

The rules follow the ``__reduce__`` of CPython 3.9 to 3.14, NumPy 1.x and 2.x, SciPy, joblib.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import prod

from acache.pickles import Container, Excerpt, Global, Node, Object, Unknown
from acache.pickles.arrays import TUPLES
from acache.pickles.dtypes import dtype_of
from acache.pickles.nodes import RECONSTRUCTOR, Dtype, whole_dict, whole_tuple

Rule = Callable[[Object], bool]

_FRACTION = re.compile(r"-?\d{1,4000}(/\d{1,4000})?", re.ASCII)
# As an integer, which NumPy may make of it, Decimal("1e999999999") would take minutes.
_DECIMAL = re.compile(r"-?(\d*\.?\d+(E[+-]?\d{1,4})?|s?NaN\d*|Infinity)", re.ASCII)
_CORES = ("numpy.core", "numpy._core")  # of NumPy 1.x, of NumPy 2.x


def _named(modules: Iterable[str], names: str) -> set[Global]:
    return {Global(module, name) for module in modules for name in names.split()}


# NumPy's array and its subclasses, which have no state but ndarray's. To name memmap does nothing,
# to call it opens a file.
ARRAYS = {
    *_named(["numpy"], "ndarray matrix memmap recarray chararray"),
    *_named(["numpy.matrixlib.defmatrix"], "matrix"),
    *_named(["numpy.rec", *(f"{core}.records" for core in _CORES)], "recarray"),
    *_named(["numpy.char", *(f"{core}.defchararray" for core in _CORES)], "chararray"),
    *_named([f"{core}.memmap" for core in _CORES], "memmap"),
}
_MASKED = _named(["numpy.ma", "numpy.ma.core"], "MaskedArray")

# Named as values: as the class of an array, as what a defaultdict makes, as what a function
# returned. Nothing calls them.
VALUES = {
    *ARRAYS,
    *_MASKED,
    *_named(["builtins"], "int float str bool dict list tuple Ellipsis NotImplemented"),
    *TUPLES,
    # The classes of NumPy's scalars, as dtype=numpy.float32 names them.
    *_named(
        ["numpy"],
        "bool bool_ int8 int16 int32 int64 intc int_ intp longlong long uint8 uint16 uint32 uint64"
        " uintc uint uintp ulonglong ulong float16 float32 float64 float128 half single double"
        " longdouble complex64 complex128 complex256 csingle cdouble clongdouble datetime64"
        " timedelta64 str_ bytes_ void object_ number integer floating complexfloating generic",
    ),
    *_named(["numpy", "numpy.rec", *(f"{core}.records" for core in _CORES)], "record"),
}

# Classes whose instances are made without arguments (object.__new__), and then get attributes.
_SPARSE = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
_SERIES = (
    *(("polynomial", "Polynomial"), ("chebyshev", "Chebyshev"), ("legendre", "Legendre")),
    *(("laguerre", "Laguerre"), ("hermite", "Hermite"), ("hermite_e", "HermiteE")),
)
_RESULTS = _named(["scipy.optimize", "scipy.optimize._optimize"], "OptimizeResult")
BLANK = {
    Global("builtins", "object"),
    *_named(["collections"], "OrderedDict ChainMap UserDict UserList"),
    Global("types", "SimpleNamespace"),
    Global("uuid", "UUID"),
    *_RESULTS,
    *_named(["numpy", "numpy.lib.polynomial", "numpy.lib._polynomial_impl"], "poly1d"),
    *(Global(f"numpy.polynomial.{module}", name) for module, name in _SERIES),
    # Its attributes are checked where it is read: see acache.pickles.arrays.read_array. Not so the
    # NDArrayWrapper of joblib before 0.10, which loads another file.
    Global("joblib.numpy_pickle", "NumpyArrayWrapper"),
    *(
        Global(f"scipy.sparse.{underscore}{kind}", f"{kind}_{form}")
        for kind in _SPARSE
        for underscore in ("_", "")  # since SciPy 1.8, before
        for form in ("matrix", "array")
    ),
}


def arguments_of(made: Object) -> list[Node] | None:
    """Return what something was called with, None if not all of it is known."""
    return whole_tuple(made.arguments)


def _given(*rules: Callable[[Node], bool], least: int | None = None) -> Rule:
    """Allow a call whose arguments each keep to their rule; the last ones may be missing."""
    fewest = len(rules) if least is None else least

    def rule(made: Object) -> bool:
        given = arguments_of(made)
        return (
            given is not None
            and fewest <= len(given) <= len(rules)
            and all(check(one) for check, one in zip(rules, given, strict=False))
        )

    return rule


def _anything(node: Node) -> bool:
    return True


def _is_int(node: Node) -> bool:
    return type(node) is int


def _is_number(node: Node) -> bool:
    return type(node) in (int, float)


def _is_text(node: Node) -> bool:
    return type(node) is str or (type(node) is Excerpt and node.kind == "str")


def _is_bytes(node: Node) -> bool:
    return type(node) is bytes or (type(node) is Excerpt and node.kind in ("bytes", "bytearray"))


def _is_data(node: Node) -> bool:
    return _is_bytes(node) or _is_text(node)


def _is_codec(node: Node) -> bool:
    return node in ("latin-1", "latin1", "utf-8", "utf8", "ascii")  # others may take any time


def _is_sequence(node: Node) -> bool:
    return type(node) is Container and node.kind in ("list", "tuple")


def _is_dict(node: Node) -> bool:
    return type(node) is Container and node.kind == "dict"


def _is_factory(node: Node) -> bool:
    return node is None or type(node) is Global  # which is judged by its name; nothing calls it


def _is_singleton(node: Node) -> bool:
    return node is None or node in _named(["builtins"], "Ellipsis NotImplemented")


def _is_ratio(node: Node) -> bool:
    # Fraction("1e999999999") would compute that power.
    return type(node) is str and _FRACTION.fullmatch(node) is not None


def _is_decimal(node: Node) -> bool:
    return type(node) is str and _DECIMAL.fullmatch(node) is not None


def _is_bound(node: Node) -> bool:
    # Since Python 3.12 a slice is hashed with what it holds, however much that is.
    return node is None or _is_number(node) or (type(node) is Object and node.kind == "scalar")


def _is_axis_order(node: Node) -> bool:
    order = whole_tuple(node)
    return node is None or (order is not None and all(type(axis) is int for axis in order))


def _is_shape_of_nothing(node: Node) -> bool:
    return whole_tuple(node) == [0]


def _is_code_of_bytes(node: Node) -> bool:
    return node in (b"b", "b")


def _is_array_class(node: Node) -> bool:
    # Of a class that is not listed its name tells.
    return type(node) is Global and (node in ARRAYS or node not in HARMLESS)


def _is_masked_class(node: Node) -> bool:
    return type(node) is Global and (node in _MASKED or node not in HARMLESS)


def _all_text(made: Object) -> bool:
    given = arguments_of(made)
    return given is not None and all(map(_is_text, given))


def _either(*rules: Rule) -> Rule:
    return lambda made: any(rule(made) for rule in rules)


def _is_known_dtype(made: Object) -> bool:
    return made.kind == "dtype" and made.dtype is not None and made.dtype.is_whole


def _is_known_scalar(made: Object) -> bool:
    given = arguments_of(made)
    return (
        made.dtype is not None
        and made.dtype.is_whole
        and not made.dtype.has_objects  # it would return the second argument, whatever that is
        and given is not None
        and len(given) == 2
        and _is_data(given[1])
    )


def _is_known_buffer(made: Object) -> bool:
    given = arguments_of(made)
    dtype = dtype_of(given[1]) if given is not None and len(given) in (4, 5) else None
    return (
        made.array is not None
        and all(map(_is_axis_order, (given or [])[4:]))  # since NumPy 2.4
        and dtype is not None
        and dtype.is_whole
        and not dtype.has_objects
        and given is not None
        and _is_bytes(given[0])
    )


def _is_reconstructed(made: Object) -> bool:
    """``copyreg._reconstructor(cls, base, state)``, of protocols 0 and 1.

    It calls ``base.__new__(cls, state)`` and ``base.__init__``: the base is a plain class here.
    """
    given = arguments_of(made)
    if given is None or len(given) != 3 or type(given[0]) is not Global:
        return False
    cls, base, state = given
    if cls in HARMLESS and cls not in BLANK:
        return False
    if base == Global("builtins", "object"):
        return state is None
    plain = base in _named(["builtins"], "dict list tuple set frozenset int float str bytes")
    return plain and (type(state) is Container or _is_data(state) or _is_number(state))


# What failed, as a function may return it. Those that Unicode's and groups' ones check is left out.
_ERRORS = _named(
    ["builtins"],
    "ArithmeticError AssertionError AttributeError BufferError DeprecationWarning EOFError"
    " Exception FileExistsError FileNotFoundError FloatingPointError FutureWarning IndexError"
    " InterruptedError IsADirectoryError KeyError LookupError MemoryError NameError"
    " NotADirectoryError NotImplementedError OSError OverflowError PermissionError"
    " ReferenceError RuntimeError RuntimeWarning StopIteration SyntaxWarning TimeoutError TypeError"
    " UserWarning ValueError Warning ZeroDivisionError",
)

CALLS: dict[Global, Rule] = {
    RECONSTRUCTOR: _is_reconstructed,
    # Bytes in protocols 0 to 2. As pickle writes it, (text, "latin1"), it is read as bytes before
    # anybody asks here. Other codecs may take any time, or be anybody's.
    Global("_codecs", "encode"): lambda made: False,
    **dict.fromkeys(_ERRORS, lambda made: arguments_of(made) is not None),
    # Plain classes. bytes and bytearray of a number would take that much memory.
    Global("builtins", "bytes"): _given(_is_data, _is_codec, least=0),
    Global("builtins", "bytearray"): _given(_is_data, _is_codec, least=0),
    Global("builtins", "complex"): _given(_is_number, _is_number, least=0),
    Global("builtins", "frozenset"): _given(),
    Global("builtins", "range"): _given(_is_int, _is_int, _is_int),
    Global("builtins", "set"): _given(),
    Global("builtins", "slice"): _given(_is_bound, _is_bound, _is_bound),
    Global("builtins", "type"): _given(_is_singleton),  # type(None)
    # Containers; what a defaultdict makes is made when a key is missing, which loading never asks.
    Global("collections", "Counter"): _given(_is_dict, least=0),
    Global("collections", "defaultdict"): _given(_is_factory, least=0),
    Global("collections", "deque"): _given(_is_sequence, _is_int, least=0),
    Global("array", "array"): _either(
        _given(_is_text, _is_data, least=1), _given(_is_text, _is_sequence)
    ),
    Global("array", "_array_reconstructor"): _given(
        lambda node: node == Global("array", "array"), _is_text, _is_int, _is_bytes
    ),
    # Values made of numbers and text. Classes of datetime check what a time zone is.
    Global("datetime", "date"): _given(_anything, _anything, _anything, least=1),
    Global("datetime", "datetime"): _given(*[_anything] * 8, least=1),
    Global("datetime", "time"): _given(*[_anything] * 5, least=0),
    Global("datetime", "timedelta"): _given(_is_number, _is_number, _is_number, least=0),
    Global("datetime", "timezone"): _given(_anything, _is_text, least=1),
    Global("decimal", "Decimal"): _given(_is_decimal),
    Global("fractions", "Fraction"): _either(_given(_is_ratio), _given(_is_int, _is_int)),
    # Paths are text; nothing is looked up on disk.
    **dict.fromkeys(
        _named(
            ["pathlib", "pathlib._local"],
            "PurePosixPath PureWindowsPath PosixPath WindowsPath PurePath Path",
        ),
        _all_text,
    ),
    # NumPy: types, scalars, arrays. The empty array gets its content as its state.
    Global("numpy", "dtype"): _is_known_dtype,
    **dict.fromkeys(_named([f"{c}.multiarray" for c in _CORES], "scalar"), _is_known_scalar),
    **dict.fromkeys(_named([f"{c}.numeric" for c in _CORES], "_frombuffer"), _is_known_buffer),
    **dict.fromkeys(
        _named([f"{c}.multiarray" for c in _CORES], "_reconstruct"),
        _given(_is_array_class, _is_shape_of_nothing, _is_code_of_bytes),
    ),
    Global("numpy.ma.core", "_mareconstruct"): _given(
        _is_masked_class, _is_array_class, _is_shape_of_nothing, _is_code_of_bytes
    ),
    **dict.fromkeys(_named(["numpy.ma", "numpy.ma.core"], "MaskedConstant"), _given()),
}

# Left out on purpose: numpy.random (a state holds an index that is believed), getattr,
# functools.partial, all of operator, copyreg.__newobj__ (pickle has opcodes for it).
HARMLESS = frozenset({*VALUES, *BLANK, *CALLS})


def _is_known_array(made: Object) -> bool:
    """Tell whether an array has the bytes that it says, and whether its objects are objects."""
    parts = whole_tuple(made.state) or []
    dtype = dtype_of(parts[2]) if len(parts) >= 5 else None
    if made.array is None or dtype is None or not dtype.is_whole:
        return False
    content = parts[4]
    if not dtype.has_objects:
        return _is_data(content)  # NumPy checks their number
    return (
        type(content) is Container
        and content.kind == "list"
        and content.count == prod(made.array.shape)
        and all(_may_become(item, dtype) for item in content.items)
        and (content.whole() or not _has_text(dtype))
    )


def _may_become(item: Node, dtype: Dtype) -> bool:
    """Tell whether NumPy makes an item of an array of objects without calling what it is.

    A number's class may be anybody's; and a text is made of whatever is no text, in any time.
    """
    if all(one.has_objects and not one.fields for one in dtype.fields or (dtype,)):
        return True  # it stays what it is
    parts = whole_tuple(item)
    if parts is not None and len(parts) == len(dtype.fields):
        return all(map(_may_become, parts, dtype.fields))
    if type(item) is Object:
        named = item.class_of()
        plain = item.items is None and (item.array is not None or item.kind == "scalar")
        return plain or (type(named) is Global and named.module == "datetime")
    return _is_leaf(item)


def _has_text(dtype: Dtype) -> bool:
    if dtype.fields:
        return any(map(_has_text, dtype.fields))
    return dtype.field.strip("'<>|=")[:1] in ("U", "S")


def _is_leaf(node: Node) -> bool:
    return node is None or isinstance(node, (int, float, complex, str, bytes, Excerpt))


def _is_known_masked(made: Object) -> bool:
    parts = whole_tuple(made.state) or []
    if len(parts) != 7 or not _is_known_array(made) or not _is_data(parts[5]):
        return False
    filled = parts[6]
    if type(filled) is Object:
        one = filled.array is not None and filled.array.shape == ()
        return filled.items is None and (one or filled.kind == "scalar")
    return _is_leaf(filled)


def _is_known_uuid(made: Object) -> bool:
    # It is hashed with its number, and looks for the other one among a few.
    known = whole_dict(made.state) or {}
    return (
        type(made.state) is Container
        and made.state.count == len(known)
        and known.keys() <= {"int", "is_safe"}
        and type(known.get("int")) is int
        and type(known.get("is_safe")) in (int, type(None))
    )


def has_plain_attributes(made: Object) -> bool:
    """Tell whether a state is a dict of attributes that hide no method which loading calls."""
    return type(made.state) is Container and _are_plain(made.state)


def _are_plain(attributes: Container) -> bool:
    return (
        attributes.kind == "dict"
        and attributes.whole()
        and all(
            type(name) is str
            and not name.startswith("__")
            and name not in ("append", "extend", "add")
            for name in attributes.items[::2]
        )
    )


def _is_known_error(made: Object) -> bool:
    # Its setters take some attributes for more than they are: args becomes a tuple.
    names = (whole_dict(made.state) or {}).keys()
    if "__notes__" in names and type(made.state) is Container and made.state.count == 1:
        return True
    return has_plain_attributes(made) and names.isdisjoint(("args", "characters_written"))


# What may get a state, and which.
STATES: dict[Global, Rule] = {
    **dict.fromkeys(BLANK, has_plain_attributes),
    **dict.fromkeys(_named([f"{c}.multiarray" for c in _CORES], "_reconstruct"), _is_known_array),
    Global("numpy.ma.core", "_mareconstruct"): _is_known_masked,
    Global("uuid", "UUID"): _is_known_uuid,
    **dict.fromkeys(_ERRORS, _is_known_error),
    Global("numpy", "dtype"): _is_known_dtype,
}


def is_known(node: Node, most: int = 10_000) -> bool:
    """Tell whether all that a value was made of is known: what could not be kept may be harmless.

    It is looked at up to so many values; beyond that it is known.
    """
    waiting, seen = [node], 0
    while waiting and seen < most:
        seen += 1
        one = waiting.pop()
        if type(one) is Unknown:
            return False
        if type(one) is Container:
            if not one.whole():
                return False
            waiting += one.items
        elif type(one) is Object:
            if one.dtype is not None and not one.dtype.is_whole:
                return False
            waiting += (one.target, one.arguments, one.state, one.pairs)
    return True


def _has_pairs(made: Object) -> bool:
    return made.items is None


def _has_items(made: Object) -> bool:
    return made.pairs is None


def _has_plain_pairs(made: Object) -> bool:
    """Tell whether all pairs are like attributes, as which such a class finds them."""
    return made.items is None and made.pairs is not None and _are_plain(made.pairs)


# What may be filled with items or pairs. Not sparse matrices: SciPy believes their indices.
FILLED: dict[Global, Rule] = {
    **dict.fromkeys(_named(["collections"], "Counter OrderedDict defaultdict"), _has_pairs),
    **dict.fromkeys([Global("collections", "deque"), Global("array", "array")], _has_items),
    **dict.fromkeys(_RESULTS, _has_plain_pairs),
}
