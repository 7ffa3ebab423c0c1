"""Describing a pickle, or the file that joblib wrote: where reading one begins and ends."""

from __future__ import annotations

import struct
from pickle import UnpicklingError
from typing import BinaryIO, NamedTuple

from acache.pickles.compression import (
    MAGIC_BYTES,
    DamagedError,
    detect,
    ends_in_magic,
    open_stream,
)
from acache.pickles.literals import PickleError
from acache.pickles.nodes import ArrayInfo, Global, LimitError, Node
from acache.pickles.reader import Reader, Watcher

_LONGEST_REASON = 256
_LEAST_ITEMS = 70  # a shape has up to 64


class Description(NamedTuple):
    """What a pickle holds.

    Attributes
    ----------
    value : Node
    protocol : int
        0 if the pickle names none: then it is 0 or 1.
    compression : str or None
        See `acache.pickles.compression.detect`.
    arrays : tuple of ArrayInfo
        The first thousand.
    globals : tuple of (module, name)
        Every class and function that the pickle names, in order, as Python 3 names them, whatever
        characters that are. ``?`` stands for a part that is computed; extensions are shown as of
        ``copyreg``.
    bytes_read : int
        Of the pickle, uncompressed.
    trailing : bool
        Whether anything follows the pickle. joblib passes over that, but for what follows a zlib
        or gzip stream: it hangs there.
    outside : bool
        Whether it refers to what is not in it: joblib cannot load it.
    passed : tuple of (int, int)
        Where bytes begin and end, uncompressed, that nothing here depends on: those of arrays, and
        without contents those of numbers; the first thousand, and one more where there are more.
    """

    value: Node
    protocol: int
    compression: str | None
    arrays: tuple[ArrayInfo, ...]
    globals: tuple[Global, ...]
    bytes_read: int
    trailing: bool
    outside: bool
    passed: tuple[tuple[int, int], ...]


def describe_file(
    file: BinaryIO,
    *,
    most_items: int = 100,
    watcher: Watcher | None = None,
    contents: bool = True,
) -> Description:
    """Describe a file that joblib wrote, compressed or not, and see that it ends as it should.

    Time is linear in the opcodes; memory is bounded, whatever the pickle holds or claims.

    Parameters
    ----------
    file : binary file
        Seekable, at its beginning. Unbuffered is fine.
    most_items : int > 0
        How many items of each container to keep, 70 at least: the shapes of arrays are tuples.
    watcher : Watcher, optional
        Is called for all that loading would look up and call.
    contents : bool
        Whether to keep floats and short bytes; else any other stands for them.

    Raises
    ------
    PickleError
        If it is no pickle, ends too early, or cannot be followed safely.
    DamagedError
        If the compressed stream is damaged or truncated.
    MissingPackageError
        If what decompresses it is not installed.
    """
    start = file.tell()
    first_bytes = file.read(MAGIC_BYTES)
    if ends_in_magic(first_bytes):
        raise PickleError(f"ends too early, at byte {len(first_bytes)}", truncated=True)
    file.seek(start)
    stream = open_stream(file, detect(first_bytes))
    items = max(most_items, _LEAST_ITEMS)
    reader = Reader(stream, most_items=items, watcher=watcher, contents=contents)
    value = _read(reader)
    return Description(
        value,
        reader.proto,
        stream.method,
        tuple(reader.arrays),
        tuple(reader.names),
        stream.tell(),
        not stream.at_end(),
        reader.outside,
        tuple(reader.passed),
    )


def _read(reader: Reader) -> Node:
    reason, limited = "", False
    try:
        value = reader.load()
    except DamagedError:
        raise
    except LimitError as error:
        reason, limited = str(error), True
    except IndexError:
        reason = "an opcode lacks what it works on"
    except KeyError as error:
        reason = f"{error.args[0]:#04x} is no opcode"
    except (UnpicklingError, EOFError, ValueError, struct.error, OverflowError) as error:
        reason = str(error)[:_LONGEST_REASON]
    at = reader.position()
    if reader.short:
        raise PickleError(f"ends too early, at byte {at}", truncated=True)
    if reason:
        what = "cannot be followed" if limited else "damaged"
        raise PickleError(f"{what} at byte {at - 1}: {reason}", limited=limited)
    return value
