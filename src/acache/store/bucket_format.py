"""How acache names what it shares through a bucket.

A result is at ``joblib/FUNCTION/source-<16 digits>/HASH/output.pkl``: what joblib would find in
``joblib/FUNCTION/HASH``, kept apart for each source of the function.
"""

from __future__ import annotations

import hashlib
import re

from acache.store.format import split_source
from acache.store.layout import JOBLIB

_VERSION = re.compile(r"source-[0-9a-f]{16}", re.ASCII)


def is_version(name: str) -> bool:
    """Return whether a folder of that name holds what belongs to one source of a function."""
    return _VERSION.fullmatch(name) is not None


def source_version(data: bytes) -> str:
    """Name the source in a ``func_code.py``, wherever in its file the function stood."""
    text = split_source(data.decode("utf-8", "replace"))
    return f"source-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def entry_key(function: str, version: str, argument_hash: str) -> str:
    """Return the key of an entry's folder in a bucket; see `acache.store.bucket`."""
    return f"{JOBLIB}/{function}/{version}/{argument_hash}"
