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


def describe(text: str, tree: ast.Module, names: Sequence[str]) -> dict[str, Any]:
    """Describe what a module defines under a name.

    Parameters
    ----------
    text : str
        The module's source.
    tree : ast.Module
        The same, parsed.
    names : sequence of str
        Of classes and enclosing functions, and the name itself.

    Returns
    -------
    described : dict
        ``blocks``: the source of each definition at that place, cut out as joblib does, in their
        order; ``is_plain``: whether one of them, overloads aside, is the only one of its name in
        the module, stands directly in it or in its plain classes, and nothing else binds the name;
        ``is_absent``: whether the module has no such name at all. In doubt False.
    """
    names = tuple(names)
    found = [(path, node) for path, node in _definitions(tree) if path[-1] == names[-1]]
    one = [node for _, node in found if not any(map(_is_overload, node.decorator_list))]
    sure = not _is_dynamic(tree)
    return {
        "blocks": [_block(text, node) for path, node in found if path == names],
        "is_plain": sure
        and len(one) == 1
        and isinstance(one[0], _FUNCTIONS)
        and one[0] in _body(tree, names[:-1])
        and not _is_rebound(tree, names[-1]),
        "is_absent": sure and not {names[-1], "*", "__getattr__"}.intersection(_used(tree)),
    }


def _definitions(
    node: ast.AST, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Walk all definitions below a node, each with its names from the outermost on."""
    for child in ast.iter_child_nodes(node):
        inside = path
        if isinstance(child, _DEFINITIONS):
            inside = (*path, child.name)
            yield inside, child
        yield from _definitions(child, inside)


def _is_overload(decorator: ast.expr) -> bool:
    name = decorator.attr if isinstance(decorator, ast.Attribute) else getattr(decorator, "id", "")
    return name == "overload"


def _block(text: str, definition: Any) -> str:
    import inspect  # which takes long to import
    import io

    first = min(node.lineno for node in (definition, *definition.decorator_list))
    return "".join(inspect.getblock(io.StringIO(text).readlines()[first - 1 :]))


def _body(tree: ast.Module, names: Sequence[str]) -> list[ast.stmt]:
    """Return what stands directly in a class; nothing if a decorator or metaclass may change it."""
    body = tree.body
    for name in names:
        same = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
        if len(same) != 1 or same[0].decorator_list or same[0].keywords:
            return []
        body = same[0].body
    return body


def _is_dynamic(tree: ast.Module) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id in _DYNAMIC_NAMES)
        or (isinstance(node, ast.Attribute) and node.attr in _DYNAMIC_ATTRIBUTES)
        for node in ast.walk(tree)
    )


def _is_rebound(tree: ast.Module, name: str) -> bool:
    """Return whether anything but a definition may bind a name of the module or its classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.alias) and _alias(node) in (name, "*"):
            return True
        if isinstance(node, ast.Global) and name in node.names:
            return True
        if isinstance(node, ast.Attribute) and node.attr == name:
            # An object's own attribute is not what its class defines.
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if isinstance(node.ctx, ast.Store) and not own:
                return True
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in _outside_functions(tree, name)
    )


def _outside_functions(node: ast.AST, name: str) -> Iterator[ast.AST]:
    """Walk a module but for the bodies of functions, and for ``f = memory.cache(f)``."""
    for child in ast.iter_child_nodes(node):
        wraps = isinstance(child, ast.Assign) and name in _used(child.value)
        if not wraps and not isinstance(child, (*_FUNCTIONS, ast.Lambda)):
            yield child
            yield from _outside_functions(child, name)


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
    parsed: dict[str, tuple[str, ast.Module] | None] = {}
    for file, names in questions:
        try:
            if file not in parsed:
                parsed[file] = None
                with tokenize.open(file) as source:
                    text = source.read()
                parsed[file] = text, ast.parse(text)
            known = parsed[file]
            yield known and describe(*known, names)
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            yield None


if __name__ == "__main__":
    json.dump([*_answers(json.load(sys.stdin))], sys.stdout)
