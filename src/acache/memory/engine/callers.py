"""What this process knows of the functions that joblib caches, and how it names their calls."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

from joblib import hashing, memory
from joblib._store_backends import FileSystemStoreBackend

from acache.memory.engine.compaction import start_compaction
from acache.memory.engine.counts import counts_of
from acache.memory.engine.fingerprint import Fingerprinter, is_immutable
from acache.memory.engine.keys import KeyLog
from acache.memory.engine.misses import heed_limits
from acache.memory.engine.options import services_of
from acache.memory.engine.own_files import key_log_path, read_secret
from acache.memory.engine.parameters import (
    Parameters,
    bind,
    follows_another,
    parameters_of,
    recorded_order,
)
from acache.store.format import OUTPUT, SOURCE

# File systems tell times to 10 ms at worst: what was written just now may be written again unseen.
_SETTLED = 10**8  # ns
_NO_HASH = "0" * 32

KINDS: set[type] = {
    memory.MemorizedFunc,
    getattr(memory, "AsyncMemorizedFunc", memory.MemorizedFunc),
}

SourceState = tuple[int, int, int]


class CachedFunction:
    """What this process knows of one function in one store.

    Attributes
    ----------
    name : str
        Function id, ``/`` between its parts.
    folder : str
        Path of the function's folder, with the separator at its end.
    source_path : str
        Of its ``func_code.py``.
    verified : tuple or None
        State of that file when joblib last found the function's own source in it.
    code : CodeType or None
        Of the function at that time.
    code_info : tuple or None
        What joblib found to be its source.
    keys : KeyLog
    fingerprint : Fingerprinter
    """

    def __init__(self, store: str, function_id: str) -> None:
        self.name = function_id.replace(os.sep, "/")
        self.folder = os.path.join(store, function_id, "")
        self.source_path = self.folder + SOURCE
        self.verified: SourceState | None = None
        self.code: object = None
        self.code_info: Any = None
        secret, self.fingerprint = _of_store(store)
        path = key_log_path(store, function_id)
        compaction = partial(start_compaction, path, self.folder)
        self.keys = KeyLog(path, secret, self._has_entry, compaction)

    def _has_entry(self, argument_hash: str) -> bool:
        return os.path.exists(self.output_path(argument_hash))

    def output_path(self, argument_hash: str) -> str:
        """Return where the result for an argument hash is."""
        return f"{self.folder}{argument_hash}{os.sep}{OUTPUT}"

    def source_state(self) -> SourceState | None:
        """Return what changes when the stored source is written; None where there is none."""
        try:
            status = os.stat(self.source_path)
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def verify(self, code: object, code_info: Any, state: SourceState | None) -> None:
        """Note that the stored source, in this state, was found to be that of the code."""
        settled = state is not None and time.time_ns() - state[0] > _SETTLED
        self.verified = state if settled else None
        self.code, self.code_info = code, code_info


class Caller:
    """One of joblib's `MemorizedFunc`, and how its calls are named.

    Attributes
    ----------
    owner : weakref.ref of MemorizedFunc
    backend : FileSystemStoreBackend
    function : CachedFunction
    counts : Counts
    services : Services
    """

    __slots__ = (
        "_coerce", "_ignored", "_order", "_parameters", "_prefix", "_slots", "backend", "counts",
        "function", "owner", "services",
    )  # fmt: skip

    def __init__(self, owner: Any, function: CachedFunction, forget: Callable[[Any], None]) -> None:
        self.owner: Callable[[], Any] = weakref.ref(owner, forget)
        self.backend: Any = owner.store_backend
        self.function = function
        self.counts = counts_of(owner)
        self.services = services_of(owner, self.backend.location)
        if self.services.limiter is not None:
            heed_limits()
        self._look_at(owner)

    def _look_at(self, owner: Any) -> None:
        self._coerce = owner.mmap_mode is not None
        self._ignored = owner.ignore[:]
        self._parameters: Parameters | None = parameters_of(owner.func, self._ignored)
        if self._parameters is not None:
            prefix = self.function.fingerprint.prefix
            self._prefix = prefix(self._parameters, coerce_mmap=self._coerce)
            self._slots = self._parameters.slots
            self._order = recorded_order(self._parameters, owner.func)

    def fingerprint(
        self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> bytes | None:
        """Return the fingerprint of a call; None where joblib's own hash must decide."""
        values = self._values(owner, args, kwargs)
        return None if values is None else self.function.fingerprint(self._prefix, values)

    def recorded_arguments(
        self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Return the arguments that joblib records, by name; None where its own code must tell.

        That code would take 40 us of a small miss.
        """
        values = self._values(owner, args, kwargs)
        if values is None or self._order is None:
            return None
        named = dict(zip(self._slots, values, strict=True))
        return None if "*" in named.get("**", ()) else {name: named[name] for name in self._order}

    def argument_fingerprints(
        self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, str]:
        """Return the fingerprints of the arguments one by one, as far as there are any."""
        parameters = self._parameters
        values = None if parameters is None else bind(parameters, owner.func, args, kwargs)
        if parameters is None or values is None:
            return {}
        fingerprint = self.function.fingerprint
        named = zip(self._slots, values, strict=True)
        made = [(name, fingerprint(b"", [value])) for name, value in named]
        return {name: f"x{digest.hex()}" for name, digest in made if digest is not None}

    def argument_hash(
        self,
        owner: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        joblib_hash: Callable[..., str],
    ) -> str:
        """Return joblib's hash of a call, from the key log where that knows it.

        Parameters
        ----------
        owner : MemorizedFunc
        args : tuple
        kwargs : dict
        joblib_hash : callable
            The method that computes it.
        """
        values = self._values(owner, args, kwargs)
        fingerprint = None if values is None else self.function.fingerprint(self._prefix, values)
        if values is None:
            return joblib_hash(owner, *args, **kwargs)
        if fingerprint is None:
            return self._joblib_hash(values) or joblib_hash(owner, *args, **kwargs)
        keys = self.function.keys
        known = keys.known.get(fingerprint) or keys.find(fingerprint)
        if known:
            return known
        computed = self._joblib_hash(values) or joblib_hash(owner, *args, **kwargs)
        # Another thread may have changed an array meanwhile.
        if is_immutable(values) or self.fingerprint(owner, args, kwargs) == fingerprint:
            keys.add(fingerprint, computed)
        return computed

    def _joblib_hash(self, values: list[Any]) -> str:
        """Hash values as joblib does; empty where it names them in another way.

        joblib would put the arguments to the parameters once more: 40 us of a small miss.
        """
        parameters = self._parameters
        if parameters is None or parameters.code is None:
            return ""
        named = dict(zip(self._slots, values, strict=True))
        if "*" in named.get("**", ()):
            return ""  # f(**{"*": 1}), which joblib takes for what it calls "*" itself
        return str(hashing.hash(named, coerce_mmap=self._coerce))

    def _values(
        self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any] | None:
        func = owner.func
        if self._ignored != owner.ignore or self._coerce != (owner.mmap_mode is not None):
            self._look_at(owner)
        parameters = self._parameters
        if parameters is None:
            return None
        if parameters.code is not None and (
            func.__code__ is not parameters.code or (func.__dict__ and follows_another(func))
        ):
            self._look_at(owner)
            parameters = self._parameters
            if parameters is None:
                return None
        return bind(parameters, func, args, kwargs)


def caller_of(owner: Any) -> Caller | None:
    """Return the caller for a `MemorizedFunc`; None where joblib's own code must do all."""
    caller = _callers.get(id(owner))
    if caller is None or caller.owner() is not owner or caller.backend is not owner.store_backend:
        return _make_caller(owner)
    return caller


def _make_caller(owner: Any) -> Caller | None:
    backend = owner.store_backend
    if type(owner) not in KINDS or type(backend) is not FileSystemStoreBackend:
        return None  # what overrides joblib's methods is left alone
    if type(owner.ignore) is not list:
        return None
    function = _function_of(owner.func, backend, function_id_of(owner))
    if function is None:
        return None
    key = id(owner)
    caller = Caller(owner, function, lambda _: _forget(key))
    _callers[key] = caller
    return caller


def function_id_of(owner: Any) -> str:
    """Return how joblib names the function of a `MemorizedFunc`, `os.sep` between its parts."""
    # Since joblib 1.4 a function has its id from where it was cached: in a process to which it was
    # sent by value, what it seems to be defined in is another file.
    return str(getattr(owner, "func_id", None) or memory._build_func_identifier(owner.func))


def _forget(key: int) -> None:
    _callers.pop(key, None)


def _function_of(func: Any, backend: Any, function_id: str) -> CachedFunction | None:
    store = backend.location
    function = CachedFunction(store, function_id)
    item = backend.get_item_info((function_id, _NO_HASH))["location"]
    if item != os.path.join(function.folder, _NO_HASH):
        return None  # another layout than that of joblib 1.3 to 1.6
    if type(func) is not FunctionType:
        return function
    # Some libraries have joblib wrap a function anew for each call.
    return _functions.setdefault(func, {}).setdefault((store, function_id), function)


def _of_store(store: str) -> tuple[bytes, Fingerprinter]:
    if store not in _stores:
        secret = read_secret(store)
        _stores[store] = secret, Fingerprinter(secret)
    return _stores[store]


_callers: dict[int, Caller] = {}
_functions: weakref.WeakKeyDictionary[Any, dict[tuple[str, str], CachedFunction]]
_functions = weakref.WeakKeyDictionary()
_stores: dict[str, tuple[bytes, Fingerprinter]] = {}
