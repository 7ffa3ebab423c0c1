"""What the arguments of a call are: numbers, text, bytes, and rules made of that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from acache.pickles.nodes import (
    Container,
    Excerpt,
    Global,
    Node,
    Object,
    Unknown,
    whole_tuple,
)

Check = Callable[[Node], bool]
Rule = Callable[[Object], bool]


def arguments_of(made: Object) -> list[Node] | None:
    """Return what something was called with, None if not all of it is known."""
    return whole_tuple(made.arguments)


def called_with(*checks: Check, least: int | None = None) -> Rule:
    """Allow a call whose arguments each pass their check; the last ones may be missing."""
    fewest = len(checks) if least is None else least

    def rule(made: Object) -> bool:
        given = arguments_of(made)
        return (
            given is not None
            and fewest <= len(given) <= len(checks)
            and all(check(one) for check, one in zip(checks, given, strict=False))
        )

    return rule


def all_are(check: Check) -> Rule:
    """Allow any number of arguments that each pass a check."""
    return lambda made: all(map(check, arguments_of(made) or [Unknown("arguments")]))


def either(*rules: Rule) -> Rule:
    """Allow what any of some rules allows."""
    return lambda made: any(rule(made) for rule in rules)


def of_types(*types: type) -> Check:
    """Allow values of just these types."""
    return lambda node: type(node) in types


def one_of(values: Iterable[Node]) -> Check:
    """Allow some values."""
    known = tuple(values)
    return lambda node: node in known


def matching(pattern: str) -> Check:
    """Allow text that matches a pattern."""
    match = re.compile(pattern, re.ASCII).fullmatch
    return lambda node: type(node) is str and match(node) is not None


def of_kind(*kinds: str) -> Check:
    """Allow containers of some kinds."""
    return lambda node: type(node) is Container and node.kind in kinds


def anything(node: Node) -> bool:
    """Allow anything."""
    return True


def is_text(node: Node) -> bool:
    """Return whether it is a string, however long."""
    return type(node) is str or (type(node) is Excerpt and node.kind == "str")


def is_bytes(node: Node) -> bool:
    """Return whether it is bytes, however many."""
    return type(node) is bytes or (type(node) is Excerpt and node.kind in ("bytes", "bytearray"))


def is_data(node: Node) -> bool:
    """Return whether it is bytes or a string."""
    return is_bytes(node) or is_text(node)


is_int = of_types(int)
is_number = of_types(int, float)


def is_leaf(node: Node) -> bool:
    """Return whether it is a plain value that holds no others."""
    return node is None or isinstance(node, (int, float, complex, str, bytes, Excerpt))


def is_named(node: Node, *names: Global) -> bool:
    """Return whether it is what one of some classes or functions made."""
    return type(node) is Object and node.class_of() in names


def is_known(node: Node, most: int = 10_000) -> bool:
    """Return whether all that a value was made of is known: what was not kept may be harmless.

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


def are_plain(attributes: Container) -> bool:
    """Return whether a dict is attributes that hide no method which loading calls."""
    return attributes.whole() and all(
        type(name) is str and (not name.startswith("__") or name in ("__doc__", "__name__"))
        for name in attributes.items[::2]
    )


def packed(size: int, least: int, most: int, at: int) -> Check:
    """Allow so many bytes as a date or time is packed in, one of them a number in a range."""

    def check(node: Node) -> bool:
        data = node.encode("latin-1", "replace") if type(node) is str else node
        return type(data) is bytes and len(data) == size and least <= data[at] & 0x7F <= most

    return check
