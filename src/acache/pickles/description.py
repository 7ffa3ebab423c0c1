"""Describing a pickle, or the file that joblib wrote: where reading one begins and ends."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from acache.pickles.compression import (
    MAGIC_BYTES,
    Stream,
    detect,
    ends_in_magic,
    open_stream,
)
from acache.pickles.machine import Machine, PickleError, Watcher
from acache.pickles.nodes import ArrayInfo, Global, Node
from acache.pickles.opcodes import run

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
    cut : bool
        Whether more was left out of this than the last items of long containers.
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
    cut: bool
    outside: bool
    passed: tuple[tuple[int, int], ...]


def describe_file(
    file: BinaryIO,
    *,
    most_nodes: int = 20_000,
    most_items: int = 100,
    watcher: Watcher | None = None,
    contents: bool = True,
) -> Description:
    """Describe a file that joblib wrote, compressed or not.

    Parameters
    ----------
    file : binary file
        Seekable, at its beginning. Unbuffered is fine.
    most_nodes, most_items, watcher, contents
        See `describe`.

    Raises
    ------
    DamagedError
        If it is damaged or truncated.
    MissingPackageError
        If what decompresses it is not installed.
    """
    start = file.tell()
    first_bytes = file.read(MAGIC_BYTES)
    if ends_in_magic(first_bytes):
        raise PickleError(f"ends too early, at byte {len(first_bytes)}", truncated=True)
    method = detect(first_bytes)
    file.seek(start)
    stream = open_stream(file, method)
    return describe(
        stream, most_nodes=most_nodes, most_items=most_items, watcher=watcher, contents=contents
    )


def describe(
    stream: Stream,
    *,
    most_nodes: int = 20_000,
    most_items: int = 100,
    watcher: Watcher | None = None,
    contents: bool = True,
) -> Description:
    """Describe a pickle, and see that its stream ends as it should.

    Time is linear in the opcodes; memory is bounded, whatever the pickle holds or claims.

    Parameters
    ----------
    stream : Stream
    most_nodes : int > 0
        About how many values to keep, when there are many.
    most_items : int > 0
        How many items of each container to keep, 70 at least: the shapes of arrays are tuples.
    watcher : Watcher, optional
        Is told of all that loading would look up and call.
    contents : bool
        Whether to keep floats and short bytes; else any other stands for them.

    Raises
    ------
    PickleError
        If it is no pickle, ends too early, or cannot be followed safely.
    DamagedError
        If the compressed stream is damaged or truncated.
    """
    machine = Machine(stream, most_nodes, max(most_items, _LEAST_ITEMS), watcher, contents)
    run(machine)
    return Description(
        machine.value,
        machine.first_protocol,
        stream.method,
        tuple(machine.arrays),
        tuple(machine.names),
        machine.position,
        machine.trailing(),
        machine.cut,
        machine.outside,
        tuple(machine.passed),
    )
