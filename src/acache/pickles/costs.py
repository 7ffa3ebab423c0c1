"""What loading a pickle would cost: values to hash and to copy, and how deep they are nested.

A few bytes can name the same value again and again, so that loading never ends, or crashes.
"""

from __future__ import annotations

from collections.abc import Callable

from acache.pickles.nodes import (
    FORGOTTEN,
    LIGHT,
    Container,
    Excerpt,
    Global,
    LimitError,
    Node,
    Object,
    Unknown,
    whole_tuple,
)

_MOST_WORK = 2_000_000  # values hashed or copied, and 20 more a byte: half a second
_DEEPEST = 1_000  # pickle is recursive and writes nothing deeper; Python crashes on 5,000 arrays
_HEAVIEST = 1 << 60
_HEAVY = frozenset((Container, Object, Excerpt, Unknown))
_UNHASHABLE = ("list", "dict", "set")
_NO_KEYS = frozenset(
    Global("collections", name) for name in ("Counter", "OrderedDict", "defaultdict", "deque")
)


class Costs:
    """Adds up what loading costs, and refuses what costs too much.

    Parameters
    ----------
    position : callable
        Returns how many bytes were read.
    """

    def __init__(self, position: Callable[[], int]) -> None:
        self._position = position
        self._work = 0

    def add(self, work: int) -> None:
        """Add so many values that are hashed or copied."""
        self._work += work
        if self._work > _MOST_WORK + 20 * self._position():
            raise LimitError("values that take too long to hash, or too much memory as copies")

    def hash(self, keys: list[Node]) -> None:
        """Add what becomes a key: a tuple of twice the same tuple, and so on, takes long."""
        if _HEAVY.isdisjoint(map(type, keys)):
            return
        for key in keys:
            if type(key) is Container and key.kind in _UNHASHABLE:
                raise ValueError(f"a {key.kind} is a key")
            if type(key) is Object and (key.array is not None or key.class_of() in _NO_KEYS):
                raise ValueError("what cannot be hashed is a key")
            self.add(weight(key))

    def copy(self, node: Node) -> None:
        """Add what is copied: an argument or a state, or the items of a tuple of such."""
        work = 0
        for item in whole_tuple(node) or [node]:
            if type(item) is Excerpt:
                work += (item.size_bytes or 0) // 8
            work += weight(item)
        if work:
            self.add(work)


def weight(node: Node) -> int:
    """Return how many values there are in a value, as many times as they are in it."""
    if isinstance(node, (Container, Object)):
        return node.weight
    if type(node) is Excerpt and node.kind == "int":  # its hash is computed each time
        return (node.size_bytes or 0) // 4
    return LIGHT if node is FORGOTTEN else 0


def measure(made: Container, items: list[Node]) -> None:
    """Add items to what hashing or copying a container costs, as they may be dropped later."""
    made.weight += len(items)
    if _HEAVY.isdisjoint(map(type, items)):
        return
    deepest = 0
    for item in items:
        if type(item) is Container or type(item) is Object:
            if type(item) is Container or made.kind == "tuple":
                made.weight += item.weight
            if item.depth > deepest and item is not made:
                deepest = item.depth
        elif item is FORGOTTEN:
            deepest = max(deepest, LIGHT)
            made.weight += LIGHT
        else:
            made.weight += weight(item)
    made.weight = min(made.weight, _HEAVIEST)
    deepen(made, deepest)


def deepen(made: Container | Object, depth: int) -> None:
    """Note that a value holds one in which others are nested so deep."""
    if depth >= made.depth:
        made.depth = depth + 1
        if made.depth > _DEEPEST:
            raise LimitError("values nested too deep")


def depth_of(node: Node) -> int:
    """Return how deep values are nested in one."""
    return node.depth if isinstance(node, (Container, Object)) else 0
