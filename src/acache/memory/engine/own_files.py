"""Where the engine keeps what is its own: ``LOCATION/.acache/keys``, beside joblib's store."""

from __future__ import annotations

import os
from hashlib import blake2b

from acache.memory.engine.fingerprint import environment
from acache.memory.engine.keys import SECRET_BYTES
from acache.store.call_writer import own_folder
from acache.store.format import dotted

_LONGEST_NAME = 200  # bytes; file systems allow 255
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def key_log_path(store: str, function: str) -> str:
    """Return where the key log of a function is, for this joblib and what it hashes with.

    Parameters
    ----------
    store : str
    function : str
        Function id, `os.sep` between its parts.
    """
    name = dotted(function.replace(os.sep, "/"))
    encoded = os.fsencode(name)
    if len(encoded) > _LONGEST_NAME:
        name = f"{name[:40]}-{blake2b(encoded, digest_size=16).hexdigest()}"
    _, joblib, numpy, python, order = environment()
    tag = f"joblib-{joblib}-numpy-{numpy or 'none'}-{python}-{order}"
    return os.path.join(own_folder(store), "keys", tag, name)


def read_secret(store: str) -> bytes:
    """Return the secret of a store: random bytes that are made when one first asks for them.

    Where they cannot be kept, they are this process's own.

    Parameters
    ----------
    store : str
    """
    path = os.path.join(own_folder(store), "keys", "secret")
    fresh = os.urandom(SECRET_BYTES)
    try:
        kept = _read(path)
        if len(kept) == SECRET_BYTES:
            return kept
        _keep(path, fresh, damaged=bool(kept))
        kept = _read(path)
        return kept if len(kept) == SECRET_BYTES else fresh
    except OSError:
        return fresh


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(SECRET_BYTES + 1)
    except FileNotFoundError:
        return b""


def _keep(path: str, secret: bytes, *, damaged: bool) -> None:
    """Write the secret as a whole; of several processes the first one's is kept."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}-{secret[:4].hex()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        if damaged or not hasattr(os, "link"):
            os.replace(temporary, path)
            return
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            os.replace(temporary, path)
            return
        os.unlink(temporary)
    except OSError:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
