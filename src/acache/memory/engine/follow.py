"""How child processes follow: joblib is accelerated there, once it is imported and not before.

Imports neither joblib nor NumPy, as many a child needs neither.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_TARGET = "joblib.memory"


class Follow:
    """Accelerates the process in which it is unpickled."""

    def __reduce__(self) -> Any:
        return follow, ()


def follow() -> Follow:
    """Accelerate this process: now, or as soon as it imports joblib."""
    if _TARGET in sys.modules:
        _accelerate()
    else:
        sys.meta_path.insert(0, _Finder())
    return Follow()


def _accelerate() -> None:
    import_module("acache.memory.engine.accelerate").accelerate()  # which imports this module


class _Finder(MetaPathFinder):
    """Waits for joblib to be imported, and is gone then."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _TARGET:
            return None
        sys.meta_path.remove(self)
        for finder in sys.meta_path:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _AcceleratingLoader(spec.loader)
                return spec
        return None


class _AcceleratingLoader(Loader):
    """Loads a module as its own loader does, and accelerates it."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _accelerate()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
