"""HTML from elements: all text in it is escaped, as only an element is markup."""

from __future__ import annotations

import re
from html import escape

from acache.system.text import printable

_PLAIN = re.compile(r"[A-Za-z0-9.#%_-]+")  # needs no quotes
_VOID = frozenset({"meta", "rect", "line", "circle", "polyline"})
_NO_END = frozenset({"td", "th", "tr", "li", "dt", "dd"})  # what follows ends them, says HTML

Value = str | int | float | bool | None


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def text(content: str) -> Markup:
    """Escape text; what does not print is shown as ``\\x1b`` and the like.

    Examples
    --------
    >>> print(text("<b>&"))
    &lt;b&gt;&amp;
    """
    return Markup(escape(printable(content), quote=False))


def element(name: str, /, *content: str, **attributes: Value) -> Markup:
    """Make an element of HTML or SVG.

    Parameters
    ----------
    name : str
    *content : str
        Text, which is escaped, or `Markup`.
    **attributes : str, int, float, bool or None
        ``_`` stands for ``-``, and is left out at the end. False and None leave out the attribute.

    Examples
    --------
    >>> print(element("p", "1 < 2 ", element("b", "yes"), class_="a b"))
    <p class="a b">1 &lt; 2 <b>yes</b></p>
    """
    words = [name, *(_attribute(*one) for one in attributes.items() if one[1] not in (None, False))]
    start = " ".join(words)
    if name in _VOID:
        return Markup(f"<{start} />")
    inside = together(*content)
    return Markup(f"<{start}>{inside}" if name in _NO_END else f"<{start}>{inside}</{name}>")


def together(*content: str) -> Markup:
    """Put text and markup one after the other."""
    return Markup("".join(one if isinstance(one, Markup) else text(one) for one in content))


def _attribute(name: str, value: Value) -> str:
    name = name.rstrip("_").replace("_", "-")
    if value is True:
        return name
    written = f"{value:g}" if isinstance(value, float) else str(value)
    if not _PLAIN.fullmatch(written):
        written = f'"{escape(printable(written), quote=True)}"'
    return f"{name}={written}"
