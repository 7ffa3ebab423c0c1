"""A whole page: one file, which fetches nothing and lets no other script run."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from acache import __version__
from acache.render.html.markup import Markup, element

_MARK = "acache report"
_HEAD_BYTES = 1024  # which hold the mark
_FOLDER = Path(__file__).parent


def page(title: str, *content: Markup) -> str:
    """Make a page of its content, with the style and the script of a report."""
    style, script = _unindented("style.css"), _unindented("script.js")
    policy = (
        f"default-src 'none'; style-src {_allowed(style)}; script-src {_allowed(script)};"
        " base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="generator", content=f"{_MARK} {__version__}"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )
    body = element("body", element("main", *content), element("script", Markup(script)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}"


def is_report(path: str) -> bool:
    """Return whether a file is a report, as far as its beginning shows."""
    try:
        with open(path, "rb") as file:
            start = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return f'name=generator content="{_MARK} '.encode() in start


def _unindented(name: str) -> str:
    """Read a file without the blanks at the start of its lines: they are a sixth of it."""
    return re.sub(r"^ +", "", (_FOLDER / name).read_text("utf-8"), flags=re.MULTILINE)


def _allowed(text: str) -> str:
    """Name a style or script by its content: no other one is allowed."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
