"""Reading and writing words as bash quotes them; zsh and fish do it themselves."""

from __future__ import annotations

import string
from typing import NamedTuple

_PLAIN = frozenset(string.ascii_letters + string.digits + "_-./,+@%")
_ESCAPED_IN_DOUBLE = '\\"$`'


class Word(NamedTuple):
    """A word without its quotes."""

    text: str  # what bash would pass on, without expansions
    quote: str  # the quote that is still open, or nothing
    inserted_at: int  # where in the text that quote begins: bash inserts a completion there
    is_simple: bool  # whether no part of it is in closed quotes


def read(word: str) -> Word:
    """Read a word as bash would, though it may end within quotes.

    Examples
    --------
    >>> read(r"f.\\<locals\\>").text
    'f.<locals>'
    >>> read('"librosa.fi')
    Word(text='librosa.fi', quote='"', inserted_at=0, is_simple=True)
    """
    text, quote, inserted_at, simple = "", "", 0, True
    characters = iter(word)
    for character in characters:
        if character == "\\" and quote != "'":
            following = next(characters, "")
            kept = quote and following not in _ESCAPED_IN_DOUBLE
            text += character + following if kept else following
        elif quote and character == quote:
            quote, simple, inserted_at = "", False, 0
        elif not quote and character in "'\"":
            quote, inserted_at = character, len(text)
        else:
            text += character
    return Word(text, quote, inserted_at, simple)


def write(text: str, quote: str) -> str | None:
    r"""Quote a text for bash, within a quote if one is open.

    Returns
    -------
    written : str or None
        None if it cannot be written there.

    Examples
    --------
    >>> print(write("f.<locals>.it's", ""))
    f.\<locals\>.it\'s
    >>> print(write("it's $5", '"'))
    it's \$5
    """
    if quote == "'":
        return text.replace("'", r"'\''")
    if quote == '"':
        if "!" in text:  # the history would be searched for what follows
            return None
        return "".join(f"\\{c}" if c in _ESCAPED_IN_DOUBLE else c for c in text)
    return "".join(c if c in _PLAIN or not c.isascii() else f"\\{c}" for c in text)
