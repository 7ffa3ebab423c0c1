"""What the arguments of a call are: numbers, text, bytes, and rules made of that."""

from __future__ import annotations

import re
from collections.abc import Callable

from acache.pickles import Container, Excerpt, Global, Node, Object, Unknown
from acache.pickles.nodes import whole_tuple
from acache.pickles.safety.allowlist import listed

_ZONE = re.compile(r"[\w+-]{1,30}(/[\w+-]{1,30}){0,3}", re.ASCII)
_FRACTION = re.compile(r"-?\d{1,4000}(/\d{1,4000})?", re.ASCII)
# As an integer, which NumPy may make of it, Decimal("1e999999999") would take minutes.
_DECIMAL = re.compile(r"-?(\d*\.?\d+(E[+-]?\d{1,4})?|s?NaN\d*|Infinity)", re.ASCII)

Rule = Callable[[Object], bool]


def arguments_of(made: Object) -> list[Node] | None:
    """Return what something was called with, None if not all of it is known."""
    return whole_tuple(made.arguments)


def called_with(*rules: Callable[[Node], bool], least: int | None = None) -> Rule:
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


def anything(node: Node) -> bool:
    """Allow anything."""
    return True


def is_int(node: Node) -> bool:
    """Tell whether it is an integer, no bool."""
    return type(node) is int


def is_number(node: Node) -> bool:
    """Tell whether it is an integer or a float."""
    return type(node) in (int, float)


def is_text(node: Node) -> bool:
    """Tell whether it is a string, however long."""
    return type(node) is str or (type(node) is Excerpt and node.kind == "str")


def is_bytes(node: Node) -> bool:
    """Tell whether it is bytes, however many."""
    return type(node) is bytes or (type(node) is Excerpt and node.kind in ("bytes", "bytearray"))


def is_data(node: Node) -> bool:
    """Tell whether it is bytes or a string."""
    return is_bytes(node) or is_text(node)


def is_codec(node: Node) -> bool:
    """Tell whether it is the name of a codec that takes no time; others may take any."""
    return node in ("latin-1", "latin1", "utf-8", "utf8", "ascii")


def is_sequence(node: Node) -> bool:
    """Tell whether it is a list or a tuple."""
    return type(node) is Container and node.kind in ("list", "tuple")


def is_dict(node: Node) -> bool:
    """Tell whether it is a dict."""
    return type(node) is Container and node.kind == "dict"


def is_factory(node: Node) -> bool:
    """Tell whether it is a name, which is judged elsewhere, or None: nothing calls it."""
    return node is None or type(node) is Global


def is_singleton(node: Node) -> bool:
    """Tell whether it is what type() may be asked of."""
    return node is None or node in listed(["builtins"], "Ellipsis NotImplemented")


def is_ratio(node: Node) -> bool:
    """Tell whether it is a fraction as text; Fraction("1e999999999") would compute that power."""
    return type(node) is str and _FRACTION.fullmatch(node) is not None


def is_decimal(node: Node) -> bool:
    """Tell whether it is a decimal number as text."""
    return type(node) is str and _DECIMAL.fullmatch(node) is not None


def is_zone(node: Node) -> bool:
    """Tell whether it is the name of a time zone; it is looked for in folders of such."""
    return type(node) is str and _ZONE.fullmatch(node) is not None


def is_bound(node: Node) -> bool:
    """Tell whether it is what slices are made of."""
    # Since Python 3.12 a slice is hashed with what it holds, however much that is.
    return node is None or is_number(node) or (type(node) is Object and node.kind == "scalar")


def is_axis_order(node: Node) -> bool:
    """Tell whether it is the order of axes, or None."""
    order = whole_tuple(node)
    return node is None or (order is not None and all(type(axis) is int for axis in order))


def is_shape_of_nothing(node: Node) -> bool:
    """Tell whether it is the shape of an empty array."""
    return whole_tuple(node) == [0]


def is_code_of_bytes(node: Node) -> bool:
    """Tell whether it is the type code of bytes."""
    return node in (b"b", "b")


def all_text(made: Object) -> bool:
    """Allow strings alone, any number of them."""
    given = arguments_of(made)
    return given is not None and all(map(is_text, given))


def either(*rules: Rule) -> Rule:
    """Allow what any of some rules allows."""
    return lambda made: any(rule(made) for rule in rules)


def is_leaf(node: Node) -> bool:
    """Tell whether it is a plain value that holds no others."""
    return node is None or isinstance(node, (int, float, complex, str, bytes, Excerpt))


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


def is_known_dtype(made: Object) -> bool:
    """Tell whether a type of NumPy's is one of its own, and consistent."""
    return made.kind == "dtype" and made.dtype is not None and made.dtype.is_whole


def are_plain(attributes: Container) -> bool:
    """Tell whether a dict is attributes that hide no method which loading calls."""
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


def is_timedelta(node: Node) -> bool:
    """Tell whether it is a difference of times."""
    return type(node) is Object and node.target == Global("datetime", "timedelta")


def packed(size: int, least: int, most: int, at: int) -> Callable[[Node], bool]:
    """Allow so many bytes as a date or time is packed in, one of them a number in a range."""

    def check(node: Node) -> bool:
        data = node.encode("latin-1", "replace") if type(node) is str else node
        return type(data) is bytes and len(data) == size and least <= data[at] & 0x7F <= most

    return check
