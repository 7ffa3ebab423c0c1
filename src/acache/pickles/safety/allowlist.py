"""The classes and functions that loading a pickle may name without running anything.

``allowed.txt`` has each as the module that pickle writes and the name in it, never a package:
``numpy.testing._private.utils.runstring`` runs a string. ``tools/allowlist.py`` adds what pickles
of ordinary results name; each new line is reviewed. What may be called in one way only has a rule
in `acache.pickles.safety.calls`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acache.pickles.nodes import Global

CORES = ("numpy.core", "numpy._core")  # of NumPy 1.x, of NumPy 2.x
USES = ("name", "array", "new", "call", "error")
FILE = Path(__file__).with_name("allowed.txt")


def listed(modules: Iterable[str], names: str) -> set[Global]:
    """Return pairs of each module and each name."""
    return {Global(module, name) for module in modules for name in names.split()}


def read_allowed(text: str) -> dict[str, set[Global]]:
    """Read lines of a use, a module, and names in it.

    Returns
    -------
    allowed : dict of str to set of Global
        By use: ``name``, to be named as a value; ``array``, as the class of an array; ``new``, to
        make an instance without calling the class; ``call``, to be called; ``error``, a class of
        exceptions.
    """
    allowed: dict[str, set[Global]] = {
        use: set() for use in ("name", "array", "new", "call", "error")
    }
    for line in text.splitlines():
        if line and not line.startswith("#"):
            use, module, names = line.split(" ", 2)
            allowed[use] |= listed([module], names)
    return allowed


ALLOWED = read_allowed(FILE.read_text("utf-8"))
ARRAYS, ERRORS = ALLOWED["array"], ALLOWED["error"]
MASKED = listed(["numpy.ma", "numpy.ma.core"], "MaskedArray")
