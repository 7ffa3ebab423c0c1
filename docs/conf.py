"""How Sphinx builds the site; `make site` fails on every warning.

A warning is a broken link, a public name that is not in api.md, or one that lacks documentation.
"""

from __future__ import annotations

import inspect
from typing import Any

from numpydoc.docscrape import NumpyDocString
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger

import acache

project = "acache"
author = "The acache developers"
release = acache.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
html_theme = "furo"
html_title = f"acache {release}"
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
smartquotes = False  # it turns the -- of an option into a dash
myst_heading_anchors = 3  # anchors as on GitHub
default_role = "py:obj"  # `Store` in a docstring links to it
autodoc_default_options = {"members": True, "undoc-members": True, "special-members": "__call__"}
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings have the types, with units and ranges
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_validation_checks = {"GL08", "PR02", "PR03"}  # undocumented, unknown, in another order

log = getLogger(__name__)


def setup(app: Sphinx) -> None:
    """Connect the checks of the API page."""
    app.connect("autodoc-skip-member", skip_field)
    app.connect("env-check-consistency", check_api)


def skip_field(_app: Sphinx, _what: str, _name: str, member: Any, *_: Any) -> bool | None:
    """Skip fields and slots, which the docstring of their class describes."""
    return True if inspect.isdatadescriptor(member) and not isinstance(member, property) else None


def check_api(_app: Sphinx, env: Any) -> None:
    """Warn of public names that are not on the API page, or whose parameters lack a description."""
    listed = env.get_domain("py").objects
    for name in acache.__all__:
        if name == "__version__":
            continue
        if f"acache.{name}" not in listed:
            log.warning("acache.%s is not in docs/api.md", name)
        if missing := undescribed(getattr(acache, name)):
            log.warning("acache.%s: %s not in its docstring", name, ", ".join(missing))


def undescribed(thing: Any) -> list[str]:
    """Return the parameters, or the fields of a named tuple, that a docstring does not describe."""
    if not (inspect.isfunction(thing) or inspect.isclass(thing)) or is_exception(thing):
        return []
    sections = NumpyDocString(inspect.getdoc(thing) or "")
    entries = [*sections["Parameters"], *sections["Attributes"]]
    described = {name.strip(" *") for entry in entries for name in entry.name.split(",")}
    return [name for name in inspect.signature(thing).parameters if name not in described]


def is_exception(thing: Any) -> bool:
    """Return whether a public name is an exception, whose only argument is its message."""
    return inspect.isclass(thing) and issubclass(thing, Exception)
