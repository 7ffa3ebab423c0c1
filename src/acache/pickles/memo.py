"""What a pickle may name again, which takes bounded memory however many strings there are."""

from __future__ import annotations

from acache.pickles.nodes import Excerpt, LimitError, Node, Unknown

_MANY, _FIRST, _LAST = 500_000, 10_000, 50_000  # values, of which the first and last all stay
_STRINGS = frozenset((str, bytes, Excerpt))
_FAR_INDEX = 1 << 20


class Memo(dict[int, Node]):
    """A memo from which old strings are dropped once there are many.

    Strings that name classes and attributes are first used early, or shortly before.
    """

    def __init__(self) -> None:
        super().__init__()
        self._forgotten, self._last, self._limit = 0, -1, _MANY

    def __missing__(self, key: int) -> Node:
        if key > self._last:
            raise ValueError(f"nothing is remembered as {key}")
        return Unknown("among too many")

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
        """Drop old strings if there are too many values."""
        if len(self) < self._limit:
            return
        for key in list(self)[_FIRST:-_LAST]:
            if type(self[key]) in _STRINGS:
                del self[key]
                self._forgotten += 1
                self._last = max(self._last, key)
        self._limit = len(self) + _MANY // 2
