"""Stale results: the source that joblib stored against the one that is installed now.

joblib keeps a function's source, decorators included, beside its entries, and compares it at the
function's first call in a process: text with text, the line that it began in left out. Where the
two differ it removes the function's entries (``joblib/memory.py``, ``_check_previous_func_code``;
``joblib/func_inspect.py``, ``get_func_code``). Here that is found out without calling anything.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from acache.sources.decorators import Definition
from acache.sources.installed import InstalledSources, names_in
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
# Of a wrapper within a decorator, which has the name of what it wraps.
_WRAPS = re.compile(r"^[ \t]*@.*\bwraps\b", re.MULTILINE)
# What binds names that nobody can read in a source.
_BINDERS = frozenset(("globals", "locals", "vars", "setattr", "exec", "eval"))


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
    """Which functions of a store have another source by now.

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

    def __call__(self, function: str) -> State:
        """Tell the state of a function's source; see `Comparison`.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.
        """
        return self.compare(function).state

    def is_stale(self, function: str) -> bool:
        """Tell whether a function's entries are of no more use: changed or gone, never unknown."""
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
        if parts[0].startswith(_SCRIPT) or any("<" in p or "%3C" in p for p in parts):
            return _UNKNOWN
        try:
            stored = self._store.source(function)
        except OSError:
            return _UNKNOWN
        if stored is not None and "\ufffd" in stored:
            return _UNKNOWN  # no UTF-8: joblib raises
        # Another name: a decorator's wrapper, whose file the store does not tell; none: a lambda,
        # or what joblib writes where it found no source.
        defined = _DEFINED.search(stored or "")
        if stored is None or defined is None or defined[1] != parts[-1]:
            return _UNKNOWN
        found = self._installed.module_file(parts)
        text = None if found is None else self._installed.text(found[0])
        if found is None or text is None or not self._installed.is_sure(parts[0]):
            return _UNKNOWN
        file, names = found
        if len(names) == 1 and _is_plainly_in(text, stored, names[0]):
            return Comparison("current")
        return self._compare_parsed(file, text, names, stored)

    def _compare_parsed(
        self, file: str, text: str, names: Sequence[str], stored: str
    ) -> Comparison:
        tree = self._installed.tree(file)
        if tree is None:
            return _UNKNOWN
        holding = self._installed.holding(file, names)
        blocks = [_block(text, definition) for definition in holding]
        if stored in blocks:
            return Comparison("current")
        if _WRAPS.search(stored) or self._is_elsewhere(file, stored, names[-1]):
            return _UNKNOWN
        if blocks:
            sure = _is_certain(tree, names[-1], stored, blocks)
            return Comparison("changed", blocks[-1]) if sure else _UNKNOWN
        return Comparison("gone") if _has_no(tree, names) else _UNKNOWN

    def _is_elsewhere(self, file: str, stored: str, name: str) -> bool:
        """Tell whether a package has that very text in another place. In doubt True.

        A function may say that it is of another module, be kept under another name when a later
        one replaces it, or be what a decorator made. And a package may look for its modules where
        it likes.
        """
        for one in self._installed.package_files(file):
            text = self._installed.text(one) or ""
            if one.endswith("__init__.py") and "__path__" in text:
                return True
            if stored in text:
                tree = self._installed.tree(one)
                if tree is None or any(
                    isinstance(node, Definition)
                    and node.name == name
                    and _block(text, node) == stored
                    for node in ast.walk(tree)
                ):
                    return True
        return False


def _is_plainly_in(text: str, stored: str, name: str) -> bool:
    """Tell whether a function of no class is what a file holds, without parsing the file.

    In doubt False. It is, if that very text is in the file, with no decorator before it, and
    behind it neither more of its body nor another definition of that name. A file with a long
    docstring to each function takes a hundred times as long to parse.
    """
    start = text.rfind(stored)
    end = start + len(stored)
    if stored[:1].isspace() or f"def {name}(" not in stored:
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


def _block(text: str, definition: Definition) -> str:
    """Cut a definition out of a file as joblib does."""
    import inspect
    import io

    first = min(node.lineno for node in (definition, *definition.decorator_list))
    lines = io.StringIO(text).readlines()[first - 1 :]
    return "".join(inspect.getblock(lines))


def _is_certain(tree: ast.Module, name: str, stored: str, blocks: Sequence[str]) -> bool:
    """Tell whether the definitions that were found are all that a name may mean. In doubt False.

    It may be bound by an import or an assignment too; and what is indented otherwise was defined
    elsewhere: in a decorator, whose wrapper has the same name.
    """
    indented = stored[:1].isspace()
    if not any(block[:1].isspace() == indented for block in blocks):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            if _alias(node) in (name, "*"):
                return False
        elif isinstance(node, ast.Global):
            if name in node.names:
                return False
        elif isinstance(node, ast.Attribute):
            # An object's own attribute is not what its class defines.
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if node.attr == name and isinstance(node.ctx, ast.Store) and not own:
                return False
    return not any(
        isinstance(node, ast.Name)
        and (node.id in _BINDERS or (node.id == name and isinstance(node.ctx, ast.Store)))
        for node in _outside_functions(tree, name)
    )


def _outside_functions(tree: ast.Module, name: str) -> Iterator[ast.AST]:
    """Walk a module but for the bodies of functions, and for ``f = memory.cache(f)``."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += [
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            and not (isinstance(child, ast.Assign) and any(names_in(child.value, (name,))))
        ]


def _has_no(tree: ast.Module, names: Sequence[str]) -> bool:
    """Tell whether a module cannot have a function that no definition in it shows. In doubt False.

    A name that is bound in another way, by an import for instance, may be a function of another
    module that says it is of this one. And a class may get methods from its decorators, its bases
    and their metaclass.
    """
    body = tree.body
    for name in names[:-1]:
        classes = [one for one in body if isinstance(one, ast.ClassDef) and one.name == name]
        if len(classes) != 1 or classes[0].decorator_list or classes[0].keywords:
            return False
        if not all(isinstance(base, ast.Name) and base.id == "object" for base in classes[0].bases):
            return False
        body = classes[0].body
    bound = set(_bound(tree))
    if bound & {"*", "__getattr__", names[-1]}:
        return False
    return not any(
        isinstance(node, ast.Attribute) and node.attr in ("__dict__", "modules")
        for node in ast.walk(tree)
    ) and not any(names_in(tree, _BINDERS))


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, Definition):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield _alias(node)


def _alias(node: ast.alias) -> str:
    return node.asname or node.name.partition(".")[0]
