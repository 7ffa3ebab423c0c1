"""Finding and parsing the source of an installed function, without importing anything.

Importing a package would run its code, take seconds, and need acache and the package in one Python.
"""

from __future__ import annotations

import functools
import os
import sys
import tokenize
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from acache.sources.decorators import level_in_source

if TYPE_CHECKING:
    from acache.sources.parsing import Module

_ANSWER_SECONDS = 20.0  # a cold Python on a network disk takes a few


class Described(NamedTuple):
    """What a module defines under a name; see `acache.sources.parsing.describe`."""

    blocks: list[str]
    is_plain: bool
    is_absent: bool


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
        self._described: dict[tuple[str, tuple[str, ...]], Described | None] = {}
        self._expected: Callable[[], Iterable[str]] = tuple

    @functools.cached_property
    def search_path(self) -> Sequence[str]:
        """Folders in which that Python looks for modules; empty if it does not answer."""
        if self.python == sys.executable:
            return [folder for folder in sys.path if folder]
        if not os.path.exists(self.python):
            return []  # the configuration says so
        # Whatever starts with Python may print something before, or after.
        code = (
            "import os, sys; sys.stdout.flush(); sys.stdout.buffer.write("
            "b'\\0'.join([b'', b'acache', *map(os.fsencode, sys.path), b'acache', b'']))"
        )
        answer = self._run("-c", code)
        # The current folder, which -c adds as an empty name, is where no script would look.
        answer = answer.partition(b"\0acache\0")[2].rpartition(b"\0acache\0")[0]
        folders = [os.fsdecode(folder) for folder in answer.split(b"\0") if folder]
        if not folders:
            self.warnings.append(f"{self.python} does not say where it looks for modules")
        return folders

    def _run(self, *arguments: str, input_: bytes = b"") -> bytes:
        """Return what that Python prints; nothing if it fails."""
        import subprocess

        try:
            return subprocess.run(
                [self.python, *arguments],
                input=input_,
                capture_output=True,
                timeout=_ANSWER_SECONDS,
                check=True,
            ).stdout
        except (OSError, subprocess.SubprocessError):
            return b""

    def has_module(self, name: str) -> bool:
        """Return whether a top-level module or package is installed, be it source or binary."""
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
        """Return the version of an installed package; None if it is not installed."""
        from importlib.metadata import distributions

        for found in distributions(name=package, path=[*self.search_path]):
            return found.version
        return None

    def level(self, function: str) -> int | None:
        """Return the level that a function's installed source shows.

        Parameters
        ----------
        function : str
            Function id, ``/`` between its parts.

        Returns
        -------
        level : int or None
            None if there is no such module, no such function in it, or no level in its decorators.
        """
        found = self.module_file(function.split("/"))
        described = None if found is None else self.describe(*found)
        if described is None or not described.blocks:
            return None
        return level_in_source(described.blocks[-1])

    def expect(self, functions: Callable[[], Iterable[str]]) -> None:
        """Name the functions that will be asked for, so that another Python is asked only once.

        Parameters
        ----------
        functions : callable
            Returns function ids; called only where another Python has to be asked.
        """
        self._expected = functions

    def describe(self, file: str, names: Sequence[str]) -> Described | None:
        """Describe what a file defines under a name; None if it cannot be parsed.

        Where acache's own Python cannot parse it, as it is older, the Python that would import it
        is asked.

        Parameters
        ----------
        file : str
        names : sequence of str
            Of classes and enclosing functions, and the name itself.
        """
        names = tuple(name for name in names if name != "<locals>")
        if not names:
            return None
        if (file, names) not in self._described:
            module = self._module(file)
            if module is None:
                self._ask(file, names)
            else:
                self._described[file, names] = Described(**module.describe(names))
        return self._described[file, names]

    def _ask(self, file: str, names: tuple[str, ...]) -> None:
        """Have the Python whose packages they are describe this name, and all that is expected."""
        questions = {(file, names): None}
        self._described[file, names] = None
        if self.python == sys.executable:
            return
        for function in self._expected():
            found = self.module_file(function.split("/"))
            if found is not None and "<locals>" not in found[1]:
                questions[found[0], tuple(found[1])] = None
        import json

        from acache.sources import parsing

        answer = self._run("-I", "-S", parsing.__file__, input_=json.dumps([*questions]).encode())
        try:
            answers = json.loads(answer)
        except ValueError:
            return
        for question, found in zip(questions, answers, strict=True):
            self._described[question] = found and Described(**found)

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
        """Return whether a top-level name can only mean the module that is found. In doubt False.

        Python looks in the folder of the script first, so a project's own ``utils`` hides an
        installed one: if the working folder has one of that name, it may be meant. A module of the
        standard library that has cached functions is the user's own. Nothing is looked for in
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
    def _module(self, file: str) -> Module | None:
        from acache.sources.parsing import Module

        try:
            return Module(self.text(file) or "")
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
