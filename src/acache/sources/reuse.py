"""What keeps results from being reused, or lets old ones be, as the stored source shows it.

Where joblib finds no source it stores the function's `repr`, often with an address in memory; or
what it computes from the byte code (``joblib/func_inspect.py``, ``get_func_code``): before joblib
1.6 with `hash`, which differs from process to process.
"""

from __future__ import annotations

import re
from typing import Literal

from acache.sources.decorators import level_in_source
from acache.store.format import FIRST_LINE, split_source
from acache.store.store import Store

Weakness = Literal["address", "number", "wrapper", "mmap"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+\b")
_NUMBER = re.compile(r"-?\d+")
_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?def\b", re.MULTILINE)
_WRAPS = re.compile(r"^[ \t]*@[\w.]*\bwraps\(", re.MULTILINE)
_OWN_MMAP = re.compile(r"\bcache\([^()]*\bmmap_mode\s*=")


def weakness(store: Store, function: str) -> Weakness | None:
    """Return what is weak about how joblib recognizes a function.

    Parameters
    ----------
    store : Store
    function : str
        Function id, ``/`` between its parts.

    Returns
    -------
    weakness : {"address", "number", "wrapper", "mmap"} or None
        ``address`` and ``number``: no other process finds the same in place of the source, so none
        reuses the entries. ``wrapper``: joblib compares a wrapper, and not the function in it.
        ``mmap``: the function's own ``mmap_mode``, which joblib ignores.
    """
    for address in store.source_addresses(function):  # one for each store in the location
        try:
            text = (store.source_bytes(address) or b"").decode("utf-8", "replace")
        except OSError:
            continue
        found = _weakness(text)
        if found is not None:
            return found
    return None


def _weakness(text: str) -> Weakness | None:
    """Return what is weak about a stored source; see `weakness`."""
    source = split_source(text)
    if text.startswith(f"{FIRST_LINE} -1"):  # no source
        if _ADDRESS.search(source):
            return "address"
        return "number" if _NUMBER.fullmatch(source.strip()) else None
    defined = _DEFINED.search(source)
    decorators = "" if defined is None else source[: defined.start()]
    if _WRAPS.search(decorators):
        return "wrapper"
    # A cache with levels is acache's, which maps as it is asked to.
    if _OWN_MMAP.search(decorators) and level_in_source(source) is None:
        return "mmap"
    return None
