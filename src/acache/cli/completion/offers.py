"""What scripts ask for while a line is typed: functions, levels, entries of the store.

The first line of an answer, ``space`` or ``nospace``, says whether a space follows a complete word;
then there is a line for each word. After any error the answer is empty.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acache.cli.completion.grammar import (
    ENTRIES,
    ENTRY_OR_FUNCTION,
    FUNCTIONS,
    LEVEL,
    LEVEL_LIST,
    LEVELS,
)
from acache.cli.completion.quoting import read, write
from acache.config.buckets import local_copy
from acache.config.effects import LIBROSA, LIBROSA_LEVELS
from acache.config.settings import Config
from acache.store.format import dotted
from acache.store.ids import exactly, functions_named
from acache.store.store import Store

# Listing the folders of 100,000 entries would take as long as all the rest, and that twice.
_MOST_NAMES = 256
_MOST_HASHES = 256


class Offer(NamedTuple):
    """Words to choose from; if each continues, no space follows."""

    words: Iterable[str]
    goes_on: bool = False


def answer(arguments: Sequence[str]) -> None:
    """Print an answer, which may be empty.

    Parameters
    ----------
    arguments : sequence of str
        The shell; the kind of value; the word at the cursor, up to the cursor; the words before it
        on the line. bash passes them as typed, zsh and fish without quotes.
    """
    try:
        shell, kind, current, *before = arguments
        lines = _bash(kind, current, before) if shell == "bash" else _plain(kind, current, before)
        data = b"".join(os.fsencode(line) + b"\n" for line in lines)
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except Exception:  # a message would appear in the line that is being typed
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left to be flushed


def _plain(kind: str, current: str, before: Sequence[str]) -> list[str]:
    offer = offered(kind, current, before)
    words = [word for word in offer.words if word.isprintable() and word.startswith(current)]
    return ["nospace" if offer.goes_on else "space", *words] if words else []


def _bash(kind: str, current: str, before: Sequence[str]) -> list[str]:
    typed = read(current)
    if not typed.is_simple:
        return []  # where bash would insert depends on its version
    lines = _plain(kind, typed.text, [read(word).text for word in before])
    written = [write(word[typed.inserted_at :], typed.quote) for word in lines[1:]]
    return [*lines[:1], *(word for word in written if word is not None)]


def offered(kind: str, current: str, before: Sequence[str]) -> Offer:
    """Find the words that complete a kind of value.

    Parameters
    ----------
    kind : str
        One of `acache.cli.completion.grammar.ASKED`.
    current : str
        The word at the cursor, up to the cursor.
    before : sequence of str
        The words before it, among them ``--cache-dir``.

    Raises
    ------
    AcacheError, OSError
        If there is no store, or it cannot be read.
    """
    config = _configured(before)
    if kind in (LEVEL, LEVEL_LIST):
        return _level(config, current, several=kind == LEVEL_LIST)
    # Of a bucket, what this machine has of it: TAB waits for no network.
    store = Store(local_copy(config.require_location()) or "")
    if kind == LEVELS:
        return Offer(_levels(store, config))
    known = sorted(store.functions(most=_MOST_NAMES))
    if kind == FUNCTIONS:
        if current.startswith("/"):
            return Offer(map(exactly, known))
        return Offer(functions(current, known))
    if kind in (ENTRIES, ENTRY_OR_FUNCTION):
        if "/" in current:
            return _entries(current, known, store)
        named = functions(current, known)
        if kind == ENTRIES:
            return Offer([f"{name}/" for name in named], goes_on=True)
        return Offer(named)
    return Offer(())


def functions(current: str, known: Iterable[str]) -> list[str]:
    """Return the functions that complete a text.

    Parameters
    ----------
    current : str
        Without a dot, the beginning of a function's last part; with a dot, that of its whole id. If
        there is no such function, the other way round, with as many parts as typed.
    known : iterable of str
        Function ids, ``/`` between their parts.

    Examples
    --------
    >>> known = ["librosa/core/spectrum/stft", "librosa/filters/mel"]
    >>> [functions(text, known) for text in ("st", "librosa.f", "spectrum.", "lib")]
    [['stft'], ['librosa.filters.mel'], ['spectrum.stft'], ['librosa.core.spectrum.stft', \
'librosa.filters.mel']]
    """
    names = sorted({dotted(function) for function in known})
    parts = current.count(".") + 1
    whole = [name for name in names if name.startswith(current)]
    last = sorted({".".join(name.split(".")[-parts:]) for name in names})
    last = [name for name in last if name.startswith(current)]
    found = last or whole if parts == 1 else whole or last
    return [name for name in found if not name.startswith("-")]


def _entries(current: str, known: Sequence[str], store: Store) -> Offer:
    function, _, prefix = current.rpartition("/")
    hashes = [
        argument_hash
        for named in functions_named(function, known)
        for argument_hash in store.hashes(named, prefix)
    ]
    if len(hashes) <= _MOST_HASHES:
        return Offer([f"{function}/{one}" for one in sorted(hashes)])
    # Too many to choose from: one more digit of each.
    beginnings = sorted({one[: len(prefix) + 1] for one in hashes})
    return Offer([f"{function}/{one}" for one in beginnings], goes_on=True)


def _levels(store: Store, config: Config) -> list[str]:
    from acache.sources.installed import InstalledSources
    from acache.sources.levels import Levels

    levels = Levels(store, InstalledSources(config.python.value))
    found = {levels(function) for function in store.functions(most=_MOST_NAMES)}
    numbers = [str(level) for level in sorted(level for level in found if level is not None)]
    return [*numbers, "none"] if None in found else numbers


def _level(config: Config, current: str, *, several: bool) -> Offer:
    """Offer levels to run at: those of the store, and for librosa its own."""
    usual = LIBROSA_LEVELS if config.cached_library == LIBROSA else ()
    location = local_copy(config.location)
    found = [] if location is None else _levels(Store(location), config)
    numbers = sorted({*usual, *(int(level) for level in found if level != "none")})
    before, comma, _ = current.rpartition(",") if several else ("", "", "")
    left = [str(number) for number in numbers if str(number) not in before.split(",")]
    return Offer([f"{before}{comma}{number}" for number in left])


def _configured(before: Sequence[str]) -> Config:
    return Config.from_env(
        prefix=_value("--env-prefix", before), cache_dir=_value("--cache-dir", before)
    )


def _value(option: str, before: Sequence[str]) -> str | None:
    """Return the value of an option on the line; the last one counts."""
    found = None
    for index, word in enumerate(before):
        name, equals, value = word.partition("=")
        if name == option and equals:
            found = value
        elif word == option and index + 1 < len(before):
            found = before[index + 1]
    return None if found is None else os.path.expanduser(os.path.expandvars(found))
