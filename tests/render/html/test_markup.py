"""Markup: whatever text goes in, a parser reads the same text, and no element more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acache.render.html.markup import element, text
from acache.system.text import printable
from tests.helpers.html import Page


@given(st.text(), st.text())
def test_element_holds_text_and_attributes_as_they_are(content: str, value: str) -> None:
    made = Page(element("p", content, element("b", content), data_x=value, class_="a"))
    assert [one.name for one in made.elements] == ["p", "b"]
    assert made.elements[0].attributes == {"data-x": printable(value), "class": "a"}
    assert made.text.replace("\n", "") == 2 * printable(content)


def test_element_leaves_out_attributes_that_are_not_set() -> None:
    assert element("input", id=None, hidden=True, open=False) == "<input hidden></input>"
    assert element("rect", x=1.5, y="a b") == '<rect x=1.5 y="a b" />'


def test_text_is_escaped_once() -> None:
    assert text("a&b<c>") == "a&amp;b&lt;c&gt;"
    assert element("p", text("<")) == "<p>&lt;</p>"
