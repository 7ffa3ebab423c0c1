"""Finding and parsing the source of an installed function, without importing anything.

Importing a package would run its code, take seconds, and need acache and the package in one Python.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
import tokenize
from collections.abc import Container, Iterable, Iterator, Sequence

from acache.sources.decorators import Definition, level_in_decorators

_SEARCH_PATH_SECONDS = 20.0  # a cold Python on a network disk takes a few


class InstalledSources:
    """The sources that one Python would import.

    Parameters
    ----------
    python : str, optional
        Path of the interpreter; by default the one that runs this.

    Attributes
    ----------
    warnings : list of str
        What kept it from being asked.
    """

    def __init__(self, python: str | None = None) -> None:
        self.python = python or sys.executable
        self.warnings: list[str] = []

    @functools.cached_property
    def search_path(self) -> Sequence[str]:
        """Folders in which that Python looks for modules; empty if it does not answer."""
        if self.python == sys.executable:
            return [folder for folder in sys.path if folder]
        import subprocess

        if not os.path.exists(self.python):
            return []  # which the configuration tells
        # Whatever starts with Python may print something before, or after.
        code = (
            "import os, sys; sys.stdout.flush(); sys.stdout.buffer.write("
            "b'\\0'.join([b'', b'acache', *map(os.fsencode, sys.path), b'acache', b'']))"
        )
        try:
            answer = subprocess.run(
                [self.python, "-c", code],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SEARCH_PATH_SECONDS,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            answer = b""
        # The current folder, which -c adds as an empty name, is where no script would look.
        answer = answer.partition(b"\0acache\0")[2].rpartition(b"\0acache\0")[0]
        folders = [os.fsdecode(folder) for folder in answer.split(b"\0") if folder]
        if not folders:
            self.warnings.append(f"{self.python} does not tell where it looks for modules")
        return folders

    def has_module(self, name: str) -> bool:
        """Tell whether a top-level module or package is installed, be it source or binary."""
        for folder in self.search_path:
            if os.path.isfile(os.path.join(folder, name, "__init__.py")):
                return True
            try:
                names = os.listdir(folder)
            except OSError:
                continue
            if any(n.startswith(f"{name}.") and n.endswith((".py", ".so", ".pyd")) for n in names):
                return True
        return False

    def version(self, package: str) -> str | None:
        """Tell the version of an installed package; None if it is not installed."""
        from importlib.metadata import distributions

        for found in distributions(name=package, path=[*self.search_path]):
            return found.version
        return None

    def level(self, function: str) -> int | None:
        """Find the level that a function's installed source shows.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.

        Returns
        -------
        level : int or None
            None if there is no such module, no such function in it, or no level in its decorators.
        """
        definition = self.definition(function)
        return None if definition is None else level_in_decorators(definition)

    def definition(self, function: str) -> Definition | None:
        """Find the syntax tree of a function; None if it is not there or cannot be parsed."""
        found = self.module_file(function.split("/"))
        definitions = [] if found is None else self.holding(*found)
        return definitions[-1] if definitions else None

    def holding(self, file: str, names: Sequence[str]) -> list[Definition]:
        """Find the definitions of a name in a file that may be the one that holds.

        Parameters
        ----------
        file : str
        names : sequence of str
            Of classes and enclosing functions, and the name itself.

        Returns
        -------
        definitions : list of Definition
            In their order: the last one of that name, and before it those that it may have
            replaced, as it stands under an ``if``, in a ``try`` or the like.
        """
        tree = self.tree(file)
        inner = [name for name in names if name != "<locals>"]
        return [] if tree is None else _holding(tree.body, inner)

    def module_file(self, parts: Sequence[str]) -> tuple[str, Sequence[str]] | None:
        """Find the source file of the module that a dotted path begins with.

        Parameters
        ----------
        parts : sequence of str
            Names of packages, module, classes and function.

        Returns
        -------
        file_and_names : (str, sequence of str) or None
            The file, and the parts that lie inside of it; None if there is no such file.
        """
        return _locate(self.search_path, parts)

    @functools.cache  # noqa: B019 - lives as long as one command
    def is_sure(self, name: str) -> bool:
        """Tell whether a top-level name can mean but the module that is found. In doubt False.

        Python looks in the folder of the script first, so a project's own ``utils`` hides an
        installed one: if the working folder has one of that name, it may be meant. A module of the
        standard library that has cached functions is somebody's own. Nothing is looked for in
        archives.
        """
        if name in sys.stdlib_module_names:
            return False
        for folder in self.search_path:
            if os.path.isfile(folder):
                return False
            if _has(folder, name):
                standard = os.path.isfile(os.path.join(folder, "os.py"))
                return not standard and (not _here(name) or _is_working_folder(folder))
        return True

    def package_files(self, file: str) -> list[str]:
        """List the source files of the package that a file is in; the file alone if it is in none.

        Folders above without an ``__init__.py`` are not part of it.
        """
        top = os.path.dirname(file)
        if not _is_package(top):
            return [file]
        while _is_package(os.path.dirname(top)):
            top = os.path.dirname(top)
        return self._files_below(top)

    @functools.cache  # noqa: B019 - lives as long as one command
    def _files_below(self, folder: str) -> list[str]:
        return [
            os.path.join(above, one)
            for above, _, names in os.walk(folder)
            for one in names
            if one.endswith(".py")
        ]

    @functools.cache  # noqa: B019 - lives as long as one command
    def text(self, file: str) -> str | None:
        """Read a source file; None if it cannot be read."""
        try:
            with tokenize.open(file) as source:
                return source.read()
        except (OSError, SyntaxError, ValueError):
            return None

    @functools.cache  # noqa: B019
    def tree(self, file: str) -> ast.Module | None:
        """Parse a source file; None if it cannot be parsed."""
        try:
            return ast.parse(self.text(file) or "")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _locate(folders: Iterable[str], parts: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    if len(parts) < 2:
        return None  # a module, but no name in it
    name, rest = parts[0], parts[1:]
    namespaces = []
    for folder in folders:
        package = os.path.join(folder, name)
        init = os.path.join(package, "__init__.py")
        if os.path.isfile(init):
            return _locate([package], rest) or (init, rest)
        if os.path.isfile(f"{package}.py"):
            return f"{package}.py", rest
        if os.path.isdir(package):
            namespaces.append(package)
    return _locate(namespaces, rest)


def _is_package(folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, "__init__.py"))


def _has(folder: str, name: str) -> bool:
    path = os.path.join(folder, name)
    return os.path.isfile(f"{path}.py") or os.path.isdir(path)


def _here(name: str) -> bool:
    # A folder that is no package gives way to an installed one.
    return os.path.isfile(f"{name}.py") or os.path.isfile(os.path.join(name, "__init__.py"))


def _is_working_folder(folder: str) -> bool:
    try:
        return os.path.samefile(folder, os.curdir)
    except OSError:
        return False


def _holding(body: Iterable[ast.stmt], names: Sequence[str]) -> list[Definition]:
    if not names:
        return []
    found: list[Definition] = []
    for statement in body:
        named = [d for d in _definitions([statement]) if d.name == names[0]]
        # A definition replaces those before it; one under an if, a try or the like may do so. What
        # its decorator names, as a property's setter does, lives on.
        holds = named and isinstance(statement, Definition) and not _takes_up(statement)
        found = named if holds else found + named
    if len(names) == 1:
        return found
    return [inner for outer in found for inner in _holding(outer.body, names[1:])]


def _takes_up(definition: Definition) -> bool:
    names = (definition.name,)
    return any(any(names_in(decorator, names)) for decorator in definition.decorator_list)


def names_in(tree: ast.AST, names: Container[str]) -> Iterator[ast.Name]:
    """Walk the places in a syntax tree where some names stand, bound or used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield node


def _definitions(body: Iterable[ast.AST]) -> Iterator[Definition]:
    """Walk the definitions of one scope, those under ``if``, ``try`` and ``with`` included."""
    for node in body:
        if isinstance(node, Definition):
            yield node
        elif isinstance(node, (ast.stmt, ast.excepthandler, ast.match_case)):
            yield from _definitions(ast.iter_child_nodes(node))
