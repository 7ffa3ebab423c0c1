"""Arguments to a fingerprint of 16 bytes, or to None: then joblib's own hash decides.

Two calls with the same fingerprint always have the same joblib hash. So it covers what joblib's
`Hasher` sees: the exact type of everything, the bits of numbers, an array's class, dtype, shape,
strides and bytes, and which containers, complex numbers and NumPy scalars are one and the same
object, as the pickle that joblib hashes refers back to those. The other direction costs only time:
what joblib takes for equal may have two fingerprints.
"""

from __future__ import annotations

import marshal
import pickle
import sys
from collections.abc import Callable, Sequence
from hashlib import blake2b
from types import NoneType
from typing import Any

import joblib
from xxhash import xxh3_128_digest

from acache.memory.engine.parameters import Parameters

try:
    import numpy as np
except ImportError:  # joblib works without it
    np = None  # type: ignore[assignment]

_FORMAT = "acache fingerprint 1"
# This version writes no references and no interned strings, which depend on more than the value.
_MARSHAL = 2
_ATOMS = frozenset({int, float, bool, NoneType, str, bytes})
_SAME, _TUPLE, _LIST, _DICT, _COMPLEX, _SCALAR, _ARRAY, _MEMMAP, _DTYPE, _TYPE = range(10)
_SCALARS = "?bBhHiIlLqQefdFD"  # without long double, whose unused bytes are left to chance
_CHARS = f"{_SCALARS}gGSUVMm"

_Seen = dict[int, int]
_Encoder = Callable[[Any, _Seen], tuple[Any, ...]]


class _UnknownError(Exception):
    """A value that is not fingerprinted."""


class Fingerprinter:
    """Makes the fingerprints of one store.

    Parameters
    ----------
    secret : bytes
        At least 24. Without it nobody can prepare arguments whose fingerprints collide.
    """

    def __init__(self, secret: bytes) -> None:
        self._seed = int.from_bytes(secret[:8], "little")
        self._salt = secret[8:]
        self._encoders: dict[type, _Encoder] = {
            tuple: self._tuple,
            list: self._list,
            dict: self._dict,
            complex: _complex,
            type: _type,
        }
        if np is not None:
            self._encoders[np.ndarray] = self._array
            self._encoders[np.memmap] = self._memmap
            self._encoders.update(dict.fromkeys(_SCALAR_TYPES, _scalar))
            self._encoders.update(dict.fromkeys(_DTYPE_CLASSES, _dtype))

    def prefix(self, parameters: Parameters, *, coerce_mmap: bool) -> bytes:
        """Return what the fingerprints of a function's calls depend on beside the values.

        Parameters
        ----------
        parameters : Parameters
        coerce_mmap : bool
            Whether joblib hashes a memory map as the array that it holds.
        """
        _, names, positional, varargs, varkw, ignored, _ = parameters
        kinds = (names, positional, varargs, varkw, ignored, coerce_mmap)
        text = repr((*environment(), *kinds)).encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=16, key=self._salt[:64]).digest()

    def __call__(self, prefix: bytes, values: list[Any]) -> bytes | None:
        """Return the fingerprint of a call; None where joblib's own hash must decide.

        Parameters
        ----------
        prefix : bytes
            See `prefix`.
        values : list
            See `acache.memory.engine.parameters.bind`.
        """
        try:
            if not _ATOMS.issuperset(map(type, values)):
                values = self._values(values, {})
            return xxh3_128_digest(prefix + marshal.dumps(values, _MARSHAL), self._seed)
        except (_UnknownError, TypeError, ValueError, BufferError, RecursionError, MemoryError):
            return None

    def _values(self, values: Sequence[Any], seen: _Seen) -> list[Any]:
        """Encode values: an atom as itself, all else as a tuple that begins with its kind."""
        encoded = []
        for value in values:
            kind = type(value)
            if kind in _ATOMS:
                encoded.append(value)
            elif kind in self._encoders:
                encoded.append(self._encoders[kind](value, seen))
            else:
                raise _UnknownError
        return encoded

    def _items(self, values: Sequence[Any], seen: _Seen) -> Sequence[Any]:
        return values if _ATOMS.issuperset(map(type, values)) else self._values(values, seen)

    def _list(self, value: list[Any], seen: _Seen) -> tuple[Any, ...]:
        return _again(value, seen) or (_LIST, list(self._items(value, seen)))

    def _tuple(self, value: tuple[Any, ...], seen: _Seen) -> tuple[Any, ...]:
        return _again(value, seen) or (_TUPLE, list(self._items(value, seen)))

    def _dict(self, value: dict[Any, Any], seen: _Seen) -> tuple[Any, ...]:
        again = _again(value, seen)
        if again:
            return again
        # Of other keys joblib's order depends on more than the dict, on PYTHONHASHSEED for one.
        if len(value) and set(map(type, value)) not in ({str}, {int}):
            raise _UnknownError
        keys = sorted(value)
        return (_DICT, keys, list(self._items([value[key] for key in keys], seen)))

    def _array(self, value: Any, seen: _Seen) -> tuple[Any, ...]:
        dtype = value.dtype
        if dtype.hasobject:
            raise _UnknownError
        flags = value.flags
        if value.shape and flags.c_contiguous:
            flat = value
        elif value.shape and flags.f_contiguous:
            flat = value.T
        else:
            flat = value.flatten()
        content = xxh3_128_digest(flat.view(np.uint8), self._seed)
        return (_ARRAY, _dtype_bytes(dtype), value.shape, value.strides, content)

    def _memmap(self, value: Any, seen: _Seen) -> tuple[Any, ...]:
        return (_MEMMAP, self._array(value.view(np.ndarray), seen))


def is_immutable(values: list[Any]) -> bool:
    """Return whether nothing can change the values that a call was given."""
    return _ATOMS.issuperset(map(type, values))


def environment() -> tuple[str, ...]:
    """Return what joblib's hash of the same arguments depends on: versions of what pickles them."""
    return (
        _FORMAT,
        joblib.__version__,
        "" if np is None else np.__version__,
        sys.implementation.cache_tag or sys.version,
        sys.byteorder,
    )


def _again(value: object, seen: _Seen) -> tuple[int, int] | None:
    """Refer to an object that came before, as a pickle does; else note it, and return None."""
    number = seen.get(id(value))
    if number is not None:
        return (_SAME, number)
    seen[id(value)] = len(seen)
    return None


def _complex(value: complex, seen: _Seen) -> tuple[Any, ...]:
    return _again(value, seen) or (_COMPLEX, value)


def _scalar(value: Any, seen: _Seen) -> tuple[Any, ...]:
    return _again(value, seen) or (_SCALAR, _SCALAR_TYPES[type(value)], value.tobytes())


def _dtype(value: Any, seen: _Seen) -> tuple[Any, ...]:
    return (_DTYPE, _dtype_bytes(value))


def _type(value: type, seen: _Seen) -> tuple[Any, ...]:
    name = _TYPES.get(value)
    if name is None:
        raise _UnknownError
    return (_TYPE, name)


def _dtype_bytes(dtype: Any) -> bytes:
    # What joblib hashes of a dtype is its pickle. Those of NumPy's singletons are kept.
    known = _DTYPES.get(id(dtype))
    return pickle.dumps(dtype) if known is None else known


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


_TYPES: dict[type, str] = {kind: _name(kind) for kind in (bool, int, float, complex, str, bytes)}
_SCALAR_TYPES: dict[type, str] = {}
_DTYPE_CLASSES: set[type] = set()
_DTYPES: dict[int, bytes] = {}
if np is not None:
    _SINGLETONS = [np.dtype(char) for char in _SCALARS]
    _DTYPES = {id(dtype): pickle.dumps(dtype) for dtype in _SINGLETONS}
    _SCALAR_TYPES = {dtype.type: f"{_name(dtype.type)} {dtype.char}" for dtype in _SINGLETONS}
    _TYPES |= {dtype.type: _name(dtype.type) for dtype in _SINGLETONS}
    _DTYPE_CLASSES = {type(np.dtype(char)) for char in _CHARS}
