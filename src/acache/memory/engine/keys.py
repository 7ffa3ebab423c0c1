"""The key log: which joblib hash the arguments with a fingerprint have.

A file for each function, of records of 40 bytes: the fingerprint, the hash, and a check, a number
that is computed from both with the store's secret. Any number of processes and hosts append to it,
each record with one write. What is torn, damaged, foreign, or contradicted by another record counts
for nothing. The log is a shortcut: without it joblib's hash is computed.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

try:
    import numpy as np
except ImportError:  # joblib works without it
    np = None  # type: ignore[assignment]

RECORD_BYTES = 40
SECRET_BYTES = 40
_WORDS = RECORD_BYTES // 8
_FIRST_WORDS = struct.Struct("<4Q")
_MASK = 2**64 - 1
_IN_DOUBT = ""  # records contradict each other
# A dict takes 250 bytes a record, sorted arrays 52; and a dict needs no search.
_MOST_IN_DICT = 1 << 16
_PIECE = 1 << 16  # records that are checked at once
# From so many records on, each time that they have doubled, dead ones are looked for.
_FIRST_COMPACTION = 1 << 12
_SAMPLE = 256
_MOST_WITHOUT_NUMPY = 1 << 17
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class KeyLog:
    """The key log of one function, as far as this process has read it.

    Parameters
    ----------
    path : str
    secret : bytes
        The store's, of `SECRET_BYTES`.
    has_entry : callable
        Returns whether the function has an entry of an argument hash.
    start_compaction : callable, optional
        Has another process call `compact`: of a million records that takes seconds. By default it
        is done where it is found to be due.

    Attributes
    ----------
    known : dict of bytes to str
        The hash of each fingerprint that was asked for, added, or read lately; empty for what is
        in doubt.
    """

    def __init__(
        self,
        path: str,
        secret: bytes,
        has_entry: Callable[[str], bool],
        start_compaction: Callable[[], object] | None = None,
    ) -> None:
        self.known: dict[bytes, str] = {}
        self._path = path
        self._has_entry = has_entry
        self._start_compaction = start_compaction or self.compact
        # Odd, so that multiplying by it loses nothing.
        self._factors = [int.from_bytes(secret[i : i + 8], "little") | 1 for i in range(0, 40, 8)]
        self._index = _Index()
        self._file: tuple[int, int] | None = None  # device and inode
        self._read = 0  # bytes of it
        self._writable = True

    def find(self, fingerprint: bytes) -> str | None:
        """Return the hash for a fingerprint; None if it is unknown, or in doubt."""
        known = self.known.get(fingerprint)
        if known is None:
            known = self._index.find(fingerprint)
            if known is None:
                self._refresh()
                known = self.known.get(fingerprint)
                if known is None:
                    known = self._index.find(fingerprint)
            if known is not None:
                self._know(fingerprint, known)
        return known or None

    def add(self, fingerprint: bytes, argument_hash: str) -> None:
        """Note a hash that joblib computed; where that cannot be written, this process knows it."""
        if self.known.get(fingerprint) == _IN_DOUBT:
            return
        try:
            value = bytes.fromhex(argument_hash)
        except ValueError:
            return
        if len(value) != 16 or len(fingerprint) != 16:
            return
        self._know(fingerprint, argument_hash)
        if self._writable:
            record = fingerprint + value
            try:
                self._append(record + self._check(record).to_bytes(8, "little"))
            except OSError:
                self._writable = False

    def compact(self) -> None:
        """Rewrite the log without the records of entries that are gone."""
        data = self._bytes(0)
        kept: dict[bytes, bytes] = {}
        for record in self._sound(data):
            if self._has_entry(record[16:32].hex()):
                known = kept.setdefault(record[:16], record)
                if known != record:
                    kept[record[:16]] = b""
        temporary = f"{self._path}.{os.getpid()}-{os.urandom(4).hex()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(b"".join(kept.values()))
                file.write(self._bytes(len(data)))  # what was added meanwhile
            os.replace(temporary, self._path)
        except OSError:
            os.unlink(temporary)
            raise

    def _append(self, record: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _BINARY
        try:
            descriptor = os.open(self._path, flags, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            descriptor = os.open(self._path, flags, 0o666)
        # Opened for each record: files of a process may be closed or forked, and the log replaced.
        try:
            status = _settled(descriptor)
            size = status.st_size
            # What another process did not write to its end is filled up: records stay in line.
            os.write(descriptor, bytes(-size % RECORD_BYTES) + record)
            file = (status.st_dev, status.st_ino)
            if (file, size) in ((self._file, self._read), (file, 0)):
                # Where no other process has appended meanwhile, this one knows all of the log.
                end = os.lseek(descriptor, 0, os.SEEK_CUR)
                if end == size + RECORD_BYTES:
                    self._file, self._read = file, end
        finally:
            os.close(descriptor)
        count = size // RECORD_BYTES + 1
        if count >= _FIRST_COMPACTION and count & (count - 1) == 0 and self._is_mostly_dead(count):
            self._start_compaction()

    def _is_mostly_dead(self, count: int) -> bool:
        """Return whether most of some records are of entries that are gone."""
        numbers = range(0, count, max(count // _SAMPLE, 1))
        dead = 0
        with open(self._path, "rb", buffering=0) as file:
            for number in numbers:
                file.seek(number * RECORD_BYTES + 16)
                dead += not self._has_entry(file.read(16).hex())
        return 2 * dead >= len(numbers)

    def _know(self, fingerprint: bytes, argument_hash: str) -> None:
        if len(self.known) >= _MOST_IN_DICT:
            self.known.clear()
            self._file = None  # to read all again, with what was added since
            self._refresh()
        self.known[fingerprint] = argument_hash

    def _refresh(self) -> None:
        """Read what was appended, by any process, since this one has read last."""
        try:
            status = os.stat(self._path)
            same = self._file == (status.st_dev, status.st_ino) and status.st_size >= self._read
            if same and status.st_size - self._read < RECORD_BYTES:
                return
            start = self._read if same else 0
            data = self._bytes(start)
        except OSError:
            return
        if same and len(data) <= _MOST_IN_DICT // 4 * RECORD_BYTES:
            self._take(data)
            self._read = start + len(data)  # not +=: another thread may have read the same
        elif same:
            self._file = None
            self._refresh()
        else:
            self._replace(data)
            self._file, self._read = (status.st_dev, status.st_ino), len(data)

    def _bytes(self, start: int) -> bytes:
        with open(self._path, "rb") as file:
            file.seek(start)
            data = file.read()
        return data[: len(data) - len(data) % RECORD_BYTES]

    def _replace(self, data: bytes) -> None:
        self._index = _Index()
        if np is None:
            self._take(data[-_MOST_WITHOUT_NUMPY * RECORD_BYTES :])
        elif len(data) <= _MOST_IN_DICT // 4 * RECORD_BYTES:
            self._take(data)
        else:
            self._index = _Index(data, self._valid(data))

    def _take(self, data: bytes) -> None:
        for record in self._sound(data):
            fingerprint, argument_hash = record[:16], record[16:32].hex()
            if self.known.setdefault(fingerprint, argument_hash) != argument_hash:
                self.known[fingerprint] = _IN_DOUBT

    def _sound(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), RECORD_BYTES):
            record = data[start : start + RECORD_BYTES]
            if self._check(record) == int.from_bytes(record[32:], "little"):
                yield record

    def _check(self, record: bytes) -> int:
        """Compute the check of a record, as `_valid` does for very many."""
        *factors, check = self._factors
        for word, factor in zip(_FIRST_WORDS.unpack_from(record), factors, strict=True):
            check = (check ^ word) * factor & _MASK
            check ^= check >> 32
        return check

    def _valid(self, data: bytes) -> Any:
        words = np.frombuffer(data, "<u8").reshape(-1, _WORDS)
        valid = np.empty(len(words), bool)
        for start in range(0, len(words), _PIECE):
            piece = words[start : start + _PIECE]
            check = np.full(len(piece), self._factors[-1], np.uint64)
            for index, factor in enumerate(self._factors[:-1]):
                check = (check ^ piece[:, index]) * np.uint64(factor)
                check ^= check >> np.uint64(32)
            valid[start : start + _PIECE] = check == piece[:, -1]
        return valid


def _settled(descriptor: int) -> os.stat_result:
    """Return the status of a log, after a moment if it ends within a record."""
    for pause in (0.0, 0.001, 0.01):
        status = os.fstat(descriptor)
        if status.st_size % RECORD_BYTES == 0:
            break
        # Another process may be writing: of a record on two pages a part is seen for an instant.
        time.sleep(pause)
    return status


class _Index:
    """Very many records: their bytes, and the order of their first words, which are searched."""

    def __init__(self, data: bytes = b"", valid: Any = None) -> None:
        self._data = data
        if data:
            first = np.frombuffer(data, "<u8").reshape(-1, _WORDS)[:, 0]
            numbers = np.flatnonzero(valid).astype(np.uint32)
            order = np.argsort(first[numbers])
            self._numbers = numbers[order]
            self._first = first[self._numbers]

    def find(self, fingerprint: bytes) -> str | None:
        if not self._data:
            return None
        word = np.uint64(int.from_bytes(fingerprint[:8], "little"))
        found = None
        for position in range(int(np.searchsorted(self._first, word)), len(self._first)):
            if self._first[position] != word:
                break
            start = int(self._numbers[position]) * RECORD_BYTES
            if self._data[start : start + 16] == fingerprint:
                value = self._data[start + 16 : start + 32].hex()
                found = value if found in (None, value) else _IN_DOUBT
        return found
