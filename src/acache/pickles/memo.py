"""What a pickle may name again, which takes bounded memory however much that is."""

from __future__ import annotations

from acache.pickles.nodes import FORGOTTEN, LIGHT, Container, Global, LimitError, Node, Object

_MANY, _FIRST, _LAST = 500_000, 10_000, 50_000  # values, of which the first and last all stay
_FAR_INDEX = 1 << 20


class Memo(dict[int, Node]):
    """A memo from which old values are dropped once there are many.

    Strings that name classes and attributes are first used early, or shortly before. Classes and
    NumPy's types always stay, and so do values that would take long to hash.
    """

    def __init__(self) -> None:
        super().__init__()
        self._forgotten, self._last, self._limit = 0, -1, _MANY

    def __missing__(self, key: int) -> Node:
        if key > self._last:
            raise ValueError(f"nothing is remembered as {key}")
        return FORGOTTEN

    def memoize(self, value: Node) -> None:
        """Put a value at the next index."""
        self[len(self) + self._forgotten] = value

    def put(self, index: int, value: Node) -> None:
        """Put a value at an index: not at one that was dropped, or that no pickler uses."""
        if index < 0:
            raise ValueError("an index is negative")
        far = max(_FAR_INDEX, 2 * (len(self) + self._forgotten))
        if index not in self and (index <= self._last or index > far):
            raise LimitError("a memo too large to follow")  # in C it is an array
        self[index] = value

    def thin_out(self) -> None:
        """Drop old values if there are too many."""
        if len(self) < self._limit:
            return
        for key in list(self)[_FIRST:-_LAST]:
            if not _stays(self[key]):
                del self[key]
                self._forgotten += 1
                self._last = max(self._last, key)
        self._limit = len(self) + _MANY // 2


def _stays(value: Node) -> bool:
    if isinstance(value, (Container, Object)):
        is_light = value.weight <= LIGHT and value.depth <= LIGHT
        return not is_light or (type(value) is Object and value.kind == "dtype")
    return type(value) is Global
