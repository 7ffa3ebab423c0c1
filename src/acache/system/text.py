"""Text for people: names from the disk that cannot control a terminal, sizes, plurals."""

from __future__ import annotations

import os

_UNITS = (("EB", 10**18), ("PB", 10**15), ("TB", 10**12), ("GB", 10**9), ("MB", 10**6),
          ("kB", 1000))  # fmt: skip


def printable(text: str) -> str:
    """Escape what is not printable, so that a name cannot write to the terminal.

    Parameters
    ----------
    text : str
        May hold control characters, or bytes that are no text (as `os.fsdecode` makes them).

    Returns
    -------
    text : str
        With ``\\x1b`` and the like instead. Line breaks are escaped too.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def quoted(word: str) -> str:
    """Write a word so that a shell reads it back: ``$'...'`` where not all of it is printable.

    Parameters
    ----------
    word : str
        May hold what `printable` escapes. bash and zsh read that back, sh may not.

    Examples
    --------
    >>> print(quoted("a b"), quoted("\\x1b"))
    'a b' $'\\x1b'
    """
    if word.isprintable():
        from shlex import quote

        return quote(word)
    shown = (
        chr(b) if 0x20 <= b < 0x7F and b not in b"'\\" else f"\\x{b:02x}" for b in os.fsencode(word)
    )
    return f"$'{''.join(shown)}'"


def size_text(size_bytes: float) -> str:
    """Write a size with a unit of 1000, as the options read them.

    Examples
    --------
    >>> size_text(999), size_text(1000), size_text(63_600_000)
    ('999 B', '1.0 kB', '63.6 MB')
    """
    for unit, factor in _UNITS:
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes:.0f} B"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number and its noun.

    Examples
    --------
    >>> counted(1, "entry", "entries"), counted(1000, "file")
    ('1 entry', '1,000 files')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no text
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
