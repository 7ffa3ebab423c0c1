"""Rewriting a key log without its dead records, in a process that nobody waits for.

That process has the standard library alone, and so takes no longer to start than Python does.
"""

from __future__ import annotations

import contextlib
import os

from acache.memory.engine.keys import SECRET_BYTES, KeyLog
from acache.store.format import OUTPUT
from acache.system.detached import be_nice, start_detached

_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from acache.memory.engine.compaction import main; main(*sys.argv[2:])"
)


def start_compaction(path: str, folder: str) -> bool:
    """Start a process that compacts a key log.

    Parameters
    ----------
    path : str
        Of the key log.
    folder : str
        Of the function whose entries it names.

    Returns
    -------
    started : bool
    """
    packages = os.path.abspath(__file__)
    for _ in __name__.split("."):
        packages = os.path.dirname(packages)
    return start_detached(_START, [packages, os.path.abspath(path), os.path.abspath(folder)])


def main(path: str, folder: str) -> None:
    """Compact a key log; the parameters are those of `start_compaction`."""
    be_nice()

    def has_entry(argument_hash: str) -> bool:
        return os.path.exists(os.path.join(folder, argument_hash, OUTPUT))

    with contextlib.suppress(OSError):
        # Not an argument: other users can see those.
        with open(os.path.join(os.path.dirname(os.path.dirname(path)), "secret"), "rb") as file:
            secret = file.read(SECRET_BYTES + 1)
        if len(secret) == SECRET_BYTES:
            KeyLog(path, secret, has_entry).compact()
