"""The definitions in a module's source, as the grammar has them of the Python that runs this.

It is imported by acache, and run by the Python whose packages are meant where acache's own cannot
parse a file. So it needs nothing but the standard library of Python 3.8.
"""

from __future__ import annotations

import ast
import json
import sys
import tokenize
from collections.abc import Iterator, Sequence
from typing import Any

# What may bind names that no source shows.
_DYNAMIC_NAMES = {"globals", "locals", "vars", "setattr", "exec", "eval"}
_DYNAMIC_ATTRIBUTES = {"__dict__", "modules"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


class Module:
    """What a module defines.

    Parameters
    ----------
    text : str
        Its source.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        If it cannot be parsed.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree = ast.parse(text)
        self._definitions = [*_definitions(self._tree)]
        self._used = {*_used(self._tree)}
        self._rebound = {*_rebound(self._tree)}
        self._is_dynamic = any(map(_is_dynamic, ast.walk(self._tree)))

    def describe(self, names: Sequence[str]) -> dict[str, Any]:
        """Describe what it defines under a name.

        Parameters
        ----------
        names : sequence of str
            Of classes and enclosing functions, and the name itself.

        Returns
        -------
        described : dict
            ``blocks``: the source of each definition at that place, cut out as joblib does, in
            their order; ``is_plain``: whether one of them, overloads aside, is the only one of its
            name in the module, stands directly in it or in its plain classes, and nothing else
            binds the name; ``is_absent``: whether the module has no such name at all. In doubt
            False.
        """
        names, name = tuple(names), names[-1]
        found = [(path, node) for path, node in self._definitions if path[-1] == name]
        ours = [node for _, node in found if not any(map(_is_overload, node.decorator_list))]
        return {
            "blocks": [self._block(node) for path, node in found if path == names],
            "is_plain": len(ours) == 1
            and isinstance(ours[0], _FUNCTIONS)
            and ours[0] in self._body(names[:-1])
            and not (self._is_dynamic or self._rebound & {name, "*"}),
            "is_absent": not (self._is_dynamic or self._used & {name, "*", "__getattr__"}),
        }

    def _block(self, definition: Any) -> str:
        import inspect  # which takes long to import
        import io

        first = min(node.lineno for node in (definition, *definition.decorator_list))
        return "".join(inspect.getblock(io.StringIO(self._text).readlines()[first - 1 :]))

    def _body(self, classes: Sequence[str]) -> list[ast.stmt]:
        """Return what stands directly in a class; nothing if something else may change it."""
        body = self._tree.body
        for name in classes:
            same = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
            if len(same) != 1 or same[0].decorator_list or same[0].keywords:
                return []
            body = same[0].body
        return body


def _definitions(
    node: ast.AST, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk all definitions below a node, each with its names from the outermost on."""
    for child in ast.iter_child_nodes(node):
        inside = path
        if isinstance(child, _DEFINITIONS):
            inside = (*path, child.name)
            yield inside, child
        if not isinstance(child, ast.expr):
            yield from _definitions(child, inside)


def _is_overload(decorator: ast.expr) -> bool:
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name == "overload"


def _is_dynamic(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _DYNAMIC_NAMES
    return isinstance(node, ast.Attribute) and node.attr in _DYNAMIC_ATTRIBUTES


def _rebound(tree: ast.Module) -> Iterator[str]:
    """Walk the names that anything but a definition binds in the module or its classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.alias):
            yield _alias(node)
        elif isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            # An object's own attribute is not what its class defines.
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            yield from () if own else (node.attr,)
    yield from _assigned(tree)


def _assigned(node: ast.AST) -> Iterator[str]:
    """Walk the names that are assigned to outside of functions, but for ``f = memory.cache(f)``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.Assign):
            yield from {*_assigned(child)}.difference(_used(child.value))
        elif not isinstance(child, (*_FUNCTIONS, ast.Lambda)):
            yield from _assigned(child)


def _used(tree: ast.AST) -> Iterator[str]:
    """Walk the names that stand anywhere in a syntax tree."""
    for node in ast.walk(tree):
        if isinstance(node, _DEFINITIONS):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield _alias(node)


def _alias(node: ast.alias) -> str:
    return node.asname or node.name.partition(".")[0]


def _answers(questions: list[tuple[str, Sequence[str]]]) -> Iterator[dict[str, Any] | None]:
    """Describe names in files; None where a file cannot be read or parsed."""
    modules: dict[str, Module | None] = {}
    for file, names in questions:
        try:
            if file not in modules:
                modules[file] = None
                with tokenize.open(file) as source:
                    modules[file] = Module(source.read())
            module = modules[file]
            yield None if module is None else module.describe(names)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            yield None


if __name__ == "__main__":
    json.dump([*_answers(json.load(sys.stdin))], sys.stdout)
