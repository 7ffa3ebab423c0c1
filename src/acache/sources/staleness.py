"""Stale results: the source that joblib stored against the one that is installed now.

joblib keeps a function's source, decorators included, beside its entries, and compares it at the
function's first call in a process: text with text, the line that it began in left out. Where the
two differ it removes the function's entries (``joblib/memory.py``, ``_check_previous_func_code``;
``joblib/func_inspect.py``, ``get_func_code``). Here that is found out without calling anything.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from acache.sources.installed import InstalledSources
from acache.store.store import Store

State = Literal["current", "changed", "gone", "unknown"]
MEANING: dict[State, str] = {
    "current": "as installed",
    "changed": "not as installed: joblib drops the entries at the function's next call",
    "gone": "the installed module has no such function: nothing reads the entries",
    "unknown": "cannot be compared with what is installed",
}

_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)
# A line that is neither empty nor a comment that nothing can be the body of.
_BEHIND = re.compile(r"^(?!#|[ \t\f]*$)", re.MULTILINE)
# Modules that are no files a package installs: scripts, notebooks.
_SCRIPT = "__main__"


class Comparison(NamedTuple):
    """What became of a function's source.

    Attributes
    ----------
    state : {"current", "changed", "gone", "unknown"}
        ``changed``: joblib drops the entries at the function's next call. ``gone``: its module is
        there and has no such function. ``unknown``: there is nothing to compare with.
    installed : str or None
        The source that is installed; None where there is none, or `state` is ``current``.
    """

    state: State
    installed: str | None = None


_UNKNOWN = Comparison("unknown")


class Drift:
    """The functions of a store whose source has changed or is gone.

    Parameters
    ----------
    store : Store
    installed : InstalledSources
        Of the Python that uses the store.

    Examples
    --------
    >>> from acache import InstalledSources, Store
    >>> Drift(Store("/nowhere"), InstalledSources())("librosa/core/spectrum/stft")
    'unknown'
    """

    def __init__(self, store: Store, installed: InstalledSources) -> None:
        self._store = store
        self._installed = installed
        self._known: dict[str, Comparison] = {}
        installed.expect(store.functions)

    def __call__(self, function: str) -> State:
        """Return the state of a function's source; see `Comparison`.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        """
        return self.compare(function).state

    def is_stale(self, function: str) -> bool:
        """Return whether a function's entries are of no more use: it has changed or is gone."""
        return self(function) in ("changed", "gone")

    def compare(self, function: str) -> Comparison:
        """Compare the stored source of a function with the installed one.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        """
        if function not in self._known:
            self._known[function] = self._compare(function)
        return self._known[function]

    def _compare(self, function: str) -> Comparison:
        parts = function.split("/")
        stored = self._stored(function, parts[-1])
        found = None if stored is None else self._installed.module_file(parts)
        text = None if found is None else self._installed.text(found[0])
        if stored is None or found is None or text is None:
            return _UNKNOWN
        if not self._installed.is_sure(parts[0]):
            return _UNKNOWN
        file, names = found
        if len(names) == 1 and _is_plainly_in(text, stored, names[0]):
            return Comparison("current")
        described = self._installed.describe(file, names)
        if described is None:
            return _UNKNOWN
        block = described.blocks[-1] if described.blocks else None
        if block == stored:
            return Comparison("current")
        if block is None and described.is_absent and len(names) == 1:
            state: State = "gone"
        elif block is not None and described.is_plain and _may_become(stored, block):
            state = "changed"
        else:
            return _UNKNOWN
        return _UNKNOWN if self._is_elsewhere(file, stored, block) else Comparison(state, block)

    def _stored(self, function: str, name: str) -> str | None:
        """Return a function's stored source; None if it cannot be compared with anything.

        It may define another name: a decorator's wrapper, whose file is not known; or none: a
        lambda, or what joblib writes where it found no source.
        """
        if function.startswith(_SCRIPT) or "<" in function or "%3C" in function:
            return None
        try:
            stored = self._store.source(function)
        except OSError:
            return None
        if stored is None or "\ufffd" in stored:  # no UTF-8: joblib raises
            return None
        defined = _DEFINED.search(stored)
        return stored if defined is not None and defined[1] == name else None

    def _is_elsewhere(self, file: str, stored: str, block: str | None) -> bool:
        """Return whether a package has that very text in another place. In doubt True.

        A function may say that it is of another module. And a package may look for its modules
        where it likes.
        """
        for one in self._installed.package_files(file):
            text = self._installed.text(one) or ""
            if one == file and block is not None:
                text = text.replace(block, "", 1)
            if stored in text or (one.endswith("__init__.py") and "__path__" in text):
                return True
        return False


def _may_become(stored: str, block: str) -> bool:
    """Return whether a stored source can be an earlier one of a definition. In doubt False.

    It may be a wrapper with the same name: then ``functools.wraps`` decorates it; or it is indented
    and, unlike the function, not decorated.
    """
    decorators = _decorators(stored)
    if "wraps" in decorators or stored[:1].isspace() != block[:1].isspace():
        return False
    return not stored[:1].isspace() or decorators == _decorators(block)


def _decorators(source: str) -> str:
    defined = _DEFINED.search(source)
    return source if defined is None else source[: defined.start()]


def _is_plainly_in(text: str, stored: str, name: str) -> bool:
    """Return whether a function of no class is what a file holds, without parsing the file.

    In doubt False. It is, if that very text is in the file, with no decorator before it, and
    behind it neither more of its body nor another definition of that name. A file with a long
    docstring to each function takes a hundred times as long to parse.
    """
    start = text.rfind(stored)
    end = start + len(stored)
    if stored[:1].isspace() or not re.search(rf"def {name}[(\[]", stored):
        return False
    if re.search(rf"^[ \t]*(async[ \t]+)?(def|class)[ \t]+{name}\b", text[end:], re.MULTILINE):
        return False
    if start < 0 or (start > 0 and text[start - 1] != "\n"):
        return False
    if end < len(text) and not stored.endswith("\n"):
        return False  # a last line that got its end since then is another text
    if any(text.count(quotes, 0, start) % 2 for quotes in ('"""', "'''")):
        return False  # it may be in a string
    behind = _BEHIND.search(text, end)
    if behind is not None and text[behind.start()] in " \t\f":
        return False
    for line in reversed(text[:start].splitlines()):
        if line[:1] not in ("", " ", "\t", "\f", "#", ")", "]", "}"):
            return line[0].isidentifier()  # neither a decorator nor a string that ends there
    return True
