"""Reading a ``metadata.json`` of any size in little memory: its long texts are shortened.

joblib writes the ``repr`` of each argument there; that of a list or an object of one's own can be
larger than the result.
"""

from __future__ import annotations

import re
from typing import BinaryIO

from acache.store.format import parse_metadata
from acache.store.model import Metadata

_LONGEST_TEXT = 1000  # bytes of a text that are kept
_LARGEST = 16 << 20  # bytes that are kept in all
_CHUNK = 1 << 20
_SLASHES = re.compile(rb"\\*$")
# Half of a pair of escapes, and the beginning of one; before them, backslashes that are escaped.
_PARTIAL = re.compile(
    rb"(?<!\\)((?:\\\\)*)(?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?$"
)


def read_large_metadata(file: BinaryIO) -> Metadata:
    """Read what joblib recorded of an entry; a long text ends with its length.

    Raises
    ------
    ValueError
        If it is not what joblib writes.
    """
    shortener = _Shortener()
    while chunk := file.read(_CHUNK):
        shortener.add(chunk)
        if len(shortener.kept) > _LARGEST:
            raise ValueError("too large, even without long texts")
    # A character may have been cut, where it is not written in ASCII, as joblib does.
    return parse_metadata(shortener.kept.decode("utf-8", "replace").encode())


class _Shortener:
    """Copies JSON, but of each string only the beginning."""

    def __init__(self) -> None:
        self.kept = bytearray()
        self._text: bytearray | None = None  # the beginning of the string that is being read
        self._length = 0
        self._escaped = False  # whether the next character belongs to an escape

    def add(self, chunk: bytes) -> None:
        """Copy the next piece."""
        position = 0
        while position < len(chunk):
            quote = chunk.find(b'"', position)
            end = len(chunk) if quote < 0 else quote
            part = chunk[position:end]
            if self._text is None:
                self.kept += part
            else:
                self._add_text(part)
            if quote >= 0:
                self._add_quote()
            position = end + 1

    def _add_text(self, part: bytes) -> None:
        assert self._text is not None
        self._length += len(part)
        self._text += part[: max(0, _LONGEST_TEXT - len(self._text))]
        slashes = len(_SLASHES.search(part)[0])  # type: ignore[index]  # it may be empty
        self._escaped = (slashes + (self._escaped and slashes == len(part))) % 2 == 1

    def _add_quote(self) -> None:
        if self._text is None:
            self._text, self._length, self._escaped = bytearray(), 0, False
        elif self._escaped:
            self._escaped = False
            self._length += 1
            if len(self._text) < _LONGEST_TEXT:
                self._text += b'"'
        else:
            self.kept += b'"' + self._shortened() + b'"'
            self._text = None

    def _shortened(self) -> bytes:
        assert self._text is not None
        text = bytes(self._text)
        if self._length <= len(text):
            return text
        return _PARTIAL.sub(rb"\1", text) + f"... ({self._length:,} bytes)".encode()
