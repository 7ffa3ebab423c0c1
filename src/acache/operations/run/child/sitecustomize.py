"""What a traced Python loads when it starts: see that joblib's cached calls are recorded.

Without a trace, it only has the fast engine answer them, where that was asked for.

The folder of this file stands in ``PYTHONPATH``, so that the grandchildren load it too. Standard
library alone: it runs in any Python, in which there may be no acache. Older ones than 3.8 are not
traced, but even Python 2 may load this, so it has no annotations.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import atexit
import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_WRITER = os.path.join(_FOLDER, *[os.pardir] * 3, "store", "call_writer.py")
_TARGET = "joblib.memory"


def _append(line):
    """Write a line to the trace; where there is none, or none any more, write nothing.

    The file is opened for each line: the script may close every descriptor, fork, or be killed.
    """
    try:
        descriptor = os.open(_FILE, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except Exception:
        pass


def _install(module):
    """Patch joblib's module; whatever it looks like, the script goes on."""
    if _FILE:
        _trace(module)
    if _ACCELERATE:
        try:
            from importlib import import_module

            import_module("acache.memory.engine.accelerate").accelerate()  # of the traced Python
        except Exception:
            _append(b"no engine\n")


def _trace(module):
    try:
        recorder = _load("acache_recorder", os.path.join(_FOLDER, "recorder.py"))
        writing = _load("acache_call_writer", _WRITER) if _LOG else None

        def finished(call):
            _append(recorder.lines(call))
            if writing is not None:
                recorder.log(call, writing.call_writer(call.store()))

        recorder.install(module, finished)
        recorder.finished = finished
        sys.modules["acache_recorder"] = recorder  # which the fast engine looks for
        _append(b"joblib\n")
        atexit.register(_append_loaded)
    except Exception:
        pass


def _append_loaded():
    """Write which packages were imported: whether a library's level matters depends on that."""
    names = {name.partition(".")[0] for name in sys.modules}
    _append(("loaded\t" + " ".join(sorted(names)) + "\n").encode("ascii", "replace"))


def _load(name, path):
    """Load a module from a file, without a folder of acache in the path of imports."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Loader:
    """Loads a module as its own loader does, and then has it patched."""

    def __init__(self, hook, loader):
        self._hook = hook
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        if self._hook in sys.meta_path:
            sys.meta_path.remove(self._hook)
        _install(module)

    def __getattr__(self, name):
        return getattr(self._loader, name)


class _Hook:
    """Waits for joblib to be imported, and is gone then."""

    def find_spec(self, name, path=None, target=None):
        if name != _TARGET:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = find and find(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(self, spec.loader)
                return spec
        return None


_FILE = os.environ.get("ACACHE_TRACE", "")
_ACCELERATE = os.environ.get("ACACHE_ACCELERATE", "") == "1"
_LOG = os.environ.get("ACACHE_CALL_LOG", "") != "0"
sys.path[:] = [folder for folder in sys.path if folder != _FOLDER]
if (_FILE or _ACCELERATE) and sys.version_info >= (3, 8):
    _append(b"python\n")
    if _TARGET in sys.modules:
        _install(sys.modules[_TARGET])
    else:
        sys.meta_path.insert(0, _Hook())
# The module that Python would have found; where there is none, Python takes this import for the one
# that failed, and all is as if this file did not exist.
sys.modules.pop(__name__, None)
__import__("sitecustomize")
