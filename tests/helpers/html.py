"""Reading HTML as a browser does: elements, attributes, text."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple


class Element(NamedTuple):
    """An element's start tag."""

    name: str
    attributes: dict[str, str]


class Page(HTMLParser):
    """The elements of a page in order, its text, and what its style and script are."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.text = ""
        self.inside: dict[str, str] = {"style": "", "script": ""}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open] += data
        else:
            self.text += f"{data}\n"

    def named(self, name: str) -> list[Element]:
        """Return the elements of a name."""
        return [one for one in self.elements if one.name == name]

    def values(self, attribute: str) -> list[str]:
        """Return the values of an attribute, of all elements."""
        return [one.attributes[attribute] for one in self.elements if attribute in one.attributes]
