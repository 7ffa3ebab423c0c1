"""Files that differ from one that was followed in nothing that following depends on."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_GAPS = 100  # in a file: comparing what lies between takes time
_MOST_OF_A_SIZE = 8
_MOST_BYTES = 8 << 20

_Parts = tuple[tuple[int, bytes], ...]


class Likeness:
    """Remembers files, but for bytes that nothing looked at, and knows those that are like them.

    The bytes of arrays and of numbers are passed over, and where they are is told by those
    before them. So what is found in one file is found in any of the same size with the same bytes
    elsewhere. A function's results are often alike, and comparing two takes a tenth of the time of
    following.
    """

    def __init__(self) -> None:
        self._known: dict[int, list[_Parts]] = {}  # by size
        self._held = 0  # bytes

    def knows(self, data: bytes) -> bool:
        """Return whether a file is like one that was remembered."""
        for parts in self._known.get(len(data), ()):
            if all(data.startswith(part, at) for at, part in parts):
                return True
        return False

    def remember(self, data: bytes, gaps: Sequence[tuple[int, int]]) -> None:
        """Remember a file, unless that takes too much room.

        Parameters
        ----------
        data : bytes
        gaps : sequence of (int, int)
            Where bytes begin and end that were not read, in order.
        """
        of_size = self._known.get(len(data), [])
        if len(gaps) > _MOST_GAPS or len(of_size) >= _MOST_OF_A_SIZE:
            return
        begins = [0, *(end for _, end in gaps)]
        ends = [*(begin for begin, _ in gaps), len(data)]
        parts = tuple((at, data[at:end]) for at, end in zip(begins, ends, strict=True))
        self._held += sum(len(part) for _, part in parts)
        if self._held <= _MOST_BYTES:
            self._known[len(data)] = [*of_size, parts]
