"""Levels are read from decorators as they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acache.sources.decorators import level_in_source

LEVELS = {
    "@cache(level=20)\ndef f(): ...": 20,
    "@librosa.cache(level=-10)\ndef f(): ...": -10,
    "@cache(30)\ndef f(): ...": 30,
    "@cache(30, ignore=['x'])\nasync def f(): ...": 30,
    "@other\n@cache(\n    level=40,\n)\n@another(level=1)\ndef f(): ...": 40,
    "    @_cache.cache(level=10)\n    def method(self):\n        return 'dedented'": 10,
    "@doc('''\ndef misleading():\n''')\n@cache(level=20)\ndef f(): ...": 20,
    "@cache(level=20)\nclass C: ...": 20,
    "@cache\ndef f(): ...": None,
    "@functools.cache\ndef f(): ...": None,
    "@cache(level=LEVEL)\ndef f(): ...": None,
    "@cache(level=True)\ndef f(): ...": None,
    "@cache('20')\ndef f(): ...": None,
    "@memory.cache(ignore=['x'])\ndef f(): ...": None,
    "@recache(level=20)\ndef f(): ...": None,
    "f = cache(level=20)(lambda x: x)": None,
    "def f():\n    @cache(level=20)\n    def g(): ...": None,
    "@cache(level=20\ndef f(": None,
    "": None,
}


@pytest.mark.parametrize(("source", "level"), LEVELS.items())
def test_levels_in_sources(source: str, level: int | None) -> None:
    assert level_in_source(source) == level


@given(st.text())
def test_levels_of_any_text_are_a_number_or_none(source: str) -> None:
    level = level_in_source(f"@cache({source})\ndef f(): ...")
    assert level is None or type(level) is int
