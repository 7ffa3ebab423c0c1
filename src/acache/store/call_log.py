r"""The call log: which cached calls were made, hit or miss, and how long each part took.

It lies in ``LOCATION/.acache/calls/``, in segments named ``<microseconds>-<host>.tsv`` by the time
when they were begun. Each line is a call, its fields separated by tabs, times in whole
microseconds; functions, reasons and errors have ``\``, tab and line breaks escaped by ``\``::

    hit   time pid function hash_us load_us bytes_loaded hash
    miss  time pid function hash reason hash_us load_us compute_us store_us
          bytes_loaded bytes_stored error [[name, fingerprint, repr], ...]

All that is not such a line is ignored. The oldest segments are removed, so that a log takes at most
64 MB; removing all of it loses the history, and nothing else.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from acache.store.call_writer import SEGMENT, SEGMENT_BYTES, calls_folder, segments
from acache.store.format import is_hash
from acache.system.dirfd import read_file

_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r"}


class Argument(NamedTuple):
    """An argument of a call.

    Attributes
    ----------
    name : str
    fingerprint : str
        Of its content; empty where there is none. Two are comparable if they begin with the same
        letter, which names the way they were made.
    text : str
        Its ``repr``, shortened.
    """

    name: str
    fingerprint: str
    text: str


class Call(NamedTuple):
    """One call of a cached function.

    Attributes
    ----------
    time : float
        When it began, Unix seconds.
    function : str
        Function id, ``/`` between its parts.
    hash : str
        Argument hash.
    reason : str
        Why it was computed; empty for a hit. ``absent``: there was no such entry;
        ``source-changed``: the function's stored source differed, which removed its entries;
        ``unreadable``: the entry could not be loaded; ``expired``: the validation callback
        refused it; ``forced``: computing was asked for; ``unknown``.
    hash_seconds, load_seconds, compute_seconds, store_seconds : float >= 0
        Time of each phase; looking up counts as loading.
    bytes_loaded, bytes_stored : int >= 0
        Sizes of the ``output.pkl`` read and written. A miss that stored nothing has 0.
    error : str
        Why the result could not be stored; empty if it was.
    arguments : tuple of Argument
        Of a miss.
    pid : int
        Process id on that host.
    host : str
        Names the running kernel of a host, containers included.
    """

    time: float
    function: str
    hash: str
    reason: str
    hash_seconds: float
    load_seconds: float
    compute_seconds: float
    store_seconds: float
    bytes_loaded: int
    bytes_stored: int
    error: str
    arguments: tuple[Argument, ...]
    pid: int
    host: str

    @property
    def hit(self) -> bool:
        """Whether it was answered from the store."""
        return not self.reason


def has_calls(store: str) -> bool:
    """Return whether any call into a store, given by its path, was logged."""
    return any(size for _, size, _ in segments(calls_folder(store)))


def read_calls(store: str, *, since: float | None = None) -> Iterator[Call]:
    """Read the log of the calls into a store.

    Parameters
    ----------
    store : str
        Absolute path of the store, as `acache.store.local.Store` has it.
    since : float, optional
        Unix seconds: earlier calls are left out.

    Yields
    ------
    call : Call
        Sorted by time within each segment. Segments of different hosts overlap in time, those of
        one host by some seconds.
    """
    folder = calls_folder(store)
    for name, _, modified in segments(folder):
        if since is not None and modified < since:
            continue
        try:
            data = read_file(os.path.join(folder, name), limit=2 * SEGMENT_BYTES)
        except OSError:  # removed meanwhile, or not ours
            continue
        match = SEGMENT.fullmatch(name)
        calls = _parsed(data.decode("utf-8", "surrogateescape"), match[2] if match else "")
        for call in sorted(calls, key=_time):
            if since is None or call.time >= since:
                yield call


def _time(call: Call) -> float:
    return call.time


def _parsed(text: str, host: str) -> Iterator[Call]:
    names: dict[str, str] = {}  # one string for all calls of a function, or with a hash
    for line in text.split("\n"):
        fields = line.split("\t")
        try:
            if len(fields) == 8 and fields[0] == "hit":
                _, time, pid, function, hashing, loading, loaded, argument_hash = fields
                if argument_hash not in names:
                    if not is_hash(argument_hash):
                        continue
                    names[argument_hash] = argument_hash
                if function not in names:
                    names[function] = _unescaped(function)
                yield Call(
                    int(time) / 1e6, names[function], names[argument_hash], "",
                    int(hashing) / 1e6, int(loading) / 1e6, 0.0, 0.0,
                    int(loaded), 0, "", (), int(pid), host,
                )  # fmt: skip
            elif len(fields) == 14 and fields[0] == "miss" and is_hash(fields[4]):
                yield _miss(fields, host)
        except (ValueError, TypeError, RecursionError):
            continue


def _miss(fields: list[str], host: str) -> Call:
    _, time, pid, function, argument_hash, reason, *numbers, error, arguments = fields
    hashing, loading, computing, storing, loaded, stored = map(int, numbers)
    return Call(
        int(time) / 1e6, _unescaped(function), argument_hash, _unescaped(reason) or "unknown",
        hashing / 1e6, loading / 1e6, computing / 1e6, storing / 1e6,
        loaded, stored, _unescaped(error),
        tuple(Argument(*map(str, one)) for one in json.loads(arguments)), int(pid), host,
    )  # fmt: skip


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
