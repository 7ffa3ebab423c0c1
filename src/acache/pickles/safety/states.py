"""What may get a state, attributes or items from a pickle, and which."""

from __future__ import annotations

from math import prod

from acache.pickles import Container, Global, Node, Object
from acache.pickles.dtypes import dtype_of
from acache.pickles.nodes import Dtype, whole_dict, whole_tuple
from acache.pickles.safety.allowlist import BLANK, CORES, ERRORS, RESULTS, listed
from acache.pickles.safety.rules import Rule, are_plain, is_data, is_known_dtype, is_leaf

_MOST_RESULTS = 100  # attributes of a result of SciPy's


def _is_known_array(made: Object) -> bool:
    """Tell whether an array has the bytes that it says, and whether its objects are objects."""
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
    """Tell whether NumPy makes an item of an array of objects without calling what it is.

    A number's class may be anybody's; and a text is made of whatever is no text, in any time.
    """
    if dtype.has_objects and not dtype.fields:
        return True  # it stays what it is
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
    """Tell whether NumPy may take long to make one of a type of what it is not."""
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
    return (
        type(made.state) is Container
        and made.state.count == len(known)
        and known.keys() <= {"int", "is_safe"}
        and type(known.get("int")) is int
        and type(known.get("is_safe")) in (int, type(None))
    )


def has_plain_attributes(made: Object) -> bool:
    """Tell whether a state is a dict of attributes that hide no method which loading calls."""
    return type(made.state) is Container and are_plain(made.state)


def _is_known_error(made: Object) -> bool:
    # Its setters take some attributes for more than they are: args becomes a tuple.
    names = (whole_dict(made.state) or {}).keys()
    if "__notes__" in names and type(made.state) is Container and made.state.count == 1:
        return True
    return has_plain_attributes(made) and names.isdisjoint(("args", "characters_written"))


# What may get a state, and which.
STATES: dict[Global, Rule] = {
    **dict.fromkeys(BLANK, has_plain_attributes),
    **dict.fromkeys(listed([f"{c}.multiarray" for c in CORES], "_reconstruct"), _is_known_array),
    Global("numpy.ma.core", "_mareconstruct"): _is_known_masked,
    Global("uuid", "UUID"): _is_known_uuid,
    **dict.fromkeys(ERRORS, _is_known_error),
    Global("numpy", "dtype"): is_known_dtype,
}


def _has_pairs(made: Object) -> bool:
    return made.items is None


def _has_items(made: Object) -> bool:
    return made.pairs is None


def _has_plain_pairs(made: Object) -> bool:
    """Tell whether all pairs are like attributes, as which such a class finds them."""
    pairs = made.pairs
    few = pairs is not None and pairs.count <= _MOST_RESULTS  # looked at whenever one is added
    return made.items is None and pairs is not None and few and are_plain(pairs)


# What may be filled with items or pairs. Not sparse matrices: SciPy believes their indices.
FILLED: dict[Global, Rule] = {
    **dict.fromkeys(listed(["collections"], "Counter OrderedDict defaultdict"), _has_pairs),
    **dict.fromkeys([Global("collections", "deque"), Global("array", "array")], _has_items),
    **dict.fromkeys(RESULTS, _has_plain_pairs),
}
