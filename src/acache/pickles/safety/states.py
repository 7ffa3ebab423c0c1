"""What may get a state, attributes or items from a pickle, and which."""

from __future__ import annotations

import re
from math import prod

from acache.pickles.dtypes import dtype_of
from acache.pickles.nodes import (
    PARSER_CODE,
    Container,
    Dtype,
    Global,
    Node,
    Object,
    whole_dict,
    whole_tuple,
)
from acache.pickles.safety.allowlist import CORES, ERRORS, listed
from acache.pickles.safety.calls import BIT_MAKER, CALLS, ERROR_MAKERS
from acache.pickles.safety.rules import Rule, are_plain, is_data, is_leaf


def _is_known_array(made: Object) -> bool:
    """Return whether an array has the bytes that it says, and whether its objects are objects."""
    parts = whole_tuple(made.state) or []
    dtype = dtype_of(parts[2]) if len(parts) >= 5 else None
    if made.array is None or dtype is None or not dtype.is_whole:
        return False
    content = parts[4]
    if not dtype.has_objects:
        return is_data(content)  # NumPy checks their number
    return (
        type(content) is Container
        and content.kind == "list"
        and content.count == prod(made.array.shape)
        and all(_may_become(item, dtype) for item in content.items)
        and (content.whole() or not _takes_any(dtype))
    )


def _may_become(item: Node, dtype: Dtype) -> bool:
    """Return whether NumPy makes an item of an array of objects without calling what it is.

    A number's class may be anybody's; and a text is made of whatever is no text, in any time.
    """
    if dtype.has_objects and not dtype.fields:
        return dtype.field == "'O'" or is_leaf(item)
    parts = whole_tuple(item)
    if parts is not None and len(parts) == len(dtype.fields):
        return all(map(_may_become, parts, dtype.fields))
    if type(item) is Object:
        named = item.class_of()
        if item.array is not None:
            # An array within a structure takes another one as it is.
            return dtype.is_subarray or not _has_objects(item)
        return item.kind == "scalar" or (type(named) is Global and named.module == "datetime")
    return is_leaf(item)


def _has_objects(array: Object) -> bool:
    return array.dtype is None or array.dtype.has_objects


def _takes_any(dtype: Dtype) -> bool:
    """Return whether NumPy may take long to make one of a type of what it is not."""
    if dtype.is_subarray:
        return True
    if dtype.fields:
        return any(map(_takes_any, dtype.fields))
    return dtype.field.strip("'<>|=")[:1] in ("U", "S")


def _is_known_masked(made: Object) -> bool:
    parts = whole_tuple(made.state) or []
    if len(parts) != 7 or not _is_known_array(made) or not is_data(parts[5]):
        return False
    filled = parts[6]
    if type(filled) is Object:
        one = filled.array is not None and filled.array.shape == ()
        return filled.kind == "scalar" or (one and not _has_objects(filled))
    return is_leaf(filled)


def _is_known_uuid(made: Object) -> bool:
    # It is hashed with its number, and looks for the other one among a few.
    known = whole_dict(made.state) or {}
    return type(known.get("int")) is int and known.keys() <= {"int", "is_safe"}


def _is_known_error(made: Object) -> bool:
    # Its setters take some attributes for more than they are: args becomes a tuple.
    names = (whole_dict(made.state) or {}).keys()
    if type(made.state) is not Container or names == {"__notes__"}:
        return bool(names)
    return are_plain(made.state) and names.isdisjoint(("args", "characters_written"))


def _is_known_generator(made: Object) -> bool:
    """Return whether the places in a random generator's memory are in it: NumPy believes them."""
    state = (whole_tuple(made.state) or [made.state])[0]
    known = whole_dict(state) or {}
    inner = whole_dict(known.get("state")) or {}
    places = (inner.get("pos", 0), 624), (known.get("buffer_pos", 0), 4)
    return all(type(at) is int and 0 <= at <= most for at, most in places)


def has_plain_state(made: Object) -> bool:
    """Return whether a state holds no attributes that hide a method which loading calls."""
    parts = [made.state, *(whole_tuple(made.state) or ())]
    return all(are_plain(part) for part in parts if type(part) is Container and part.kind == "dict")


# Each line that SciPy writes: names are given to functions, and nothing is called.
_PARSER_LINE = re.compile(
    r"def _parse_args(_rvs|_stats)?\(self, [\w ,='.-]*\):"
    r"|    return \([\w ,]*\), [\w ,'.]+"
    r"|    return self\._argcheck_rvs\([\w ,=]*\)"
    r"|",
    re.ASCII,
)


# Methods that __setstate__ of SciPy's distributions and of an estimator of scikit-learn call.
_CALLED = ("_attach_methods", "_attach_argparser_methods", "_build_f")


def executes_unknown_code(made: Object, named: Global) -> bool:
    """Return whether a state may hold code that SciPy's distributions execute.

    ``rv_generic.__setstate__`` runs what the attribute ``_parse_arg_template`` says.
    """
    if type(made.state) is not Container or made.state.kind != "dict":
        return named.module.startswith("scipy.stats")
    names, values = made.state.items[::2], made.state.items[1::2]
    for name, value in zip(names, values, strict=True):
        if name in _CALLED:
            return True
        if name == "_parse_arg_template":
            known = type(value) is str and value.startswith(PARSER_CODE)
            return not (known and all(map(_PARSER_LINE.fullmatch, str(value).split("\n"))))
    return not made.state.whole() and named.module.startswith("scipy.stats")


# What may get a state, and which; of the others see `has_plain_state`.
_arrays = [f"{core}.multiarray" for core in CORES]
_makers = [BIT_MAKER.module]
STATES: dict[Global, Rule] = {
    **dict.fromkeys(listed(_arrays, "_reconstruct"), _is_known_array),
    Global("numpy.ma.core", "_mareconstruct"): _is_known_masked,
    Global("uuid", "UUID"): _is_known_uuid,
    **dict.fromkeys([*ERRORS, *ERROR_MAKERS], _is_known_error),
    Global("numpy", "dtype"): CALLS[Global("numpy", "dtype")],
    **dict.fromkeys(
        listed(_makers, "__randomstate_ctor __generator_ctor __bit_generator_ctor"),
        _is_known_generator,
    ),
    Global("functools", "partial"): has_plain_state,
}
# What may be filled with pairs, or with items: of these any.
WITH_PAIRS = listed(["collections"], "Counter OrderedDict defaultdict")
WITH_ITEMS = {Global("collections", "deque"), Global("array", "array")}
