"""What the library with the cache, librosa, makes of each value.

Measured with librosa 0.11, 1.0 and joblib 1.6; tests/config/test_effects.py repeats it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from acache.config.buckets import URL_FORM, bucket_url, is_url
from acache.config.limits import check_policy
from acache.system.errors import UsageError

LIBROSA = "librosa"
DEFAULT_LEVEL = 10
Value = str | int | float | bool | None

_METHODS = ("zlib", "gzip", "bz2", "lzma", "xz", "lz4")
# Names that numpy takes for a mode; no documentation of a cache has them.
_NUMPY_MODES = {"readonly": "r", "copyonwrite": "c", "readwrite": "r+"}
_LEVEL_NAMES = {
    10: "filter bases",
    20: "low-level features",
    30: "high-level features",
    40: "post-processing",
}
LIBROSA_LEVELS = tuple(_LEVEL_NAMES)


class Reading(NamedTuple):
    """What a raw value means.

    Attributes
    ----------
    value : str, int, float, bool or None
        The documented meaning; None where there is none.
    effect : str
        What the library will make of it.
    ok : bool
        Whether that is what is documented, without harm.
    documented : bool
        Whether the raw value is one that the documentation allows.
    """

    value: Value
    effect: str
    ok: bool = True
    documented: bool = True


def read_location(raw: str | None, library: str) -> Reading:
    """Read a location; each of these takes the raw value and the name of the library."""
    if raw is None:
        return Reading(None, "caching is off")
    if raw == "":
        effect = f"{library} caches into ./joblib of the current folder; unset it to stop that"
        return Reading(_absolute(os.curdir), effect, ok=False, documented=False)
    if is_url(raw):
        try:
            url = bucket_url(raw)
        except UsageError:
            return Reading(None, f"no location; {URL_FORM}", ok=False, documented=False)
        return Reading(url, f"object storage; {library} uses it only under acache.accelerate()")
    expanded = os.path.expanduser(raw)
    value = _absolute(expanded)
    if not os.path.isabs(expanded):
        return Reading(value, "a relative path: each working folder gets a cache of its own")
    return Reading(value, "results are stored here")


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the current folder was removed
        return path


def read_level(raw: str | None, library: str) -> Reading:
    """Read a caching level."""
    try:
        level = DEFAULT_LEVEL if raw is None else int(raw)
    except ValueError:
        effect = f"{library} raises ValueError at its first use; set a whole number such as 10"
        return Reading(None, effect, ok=False, documented=False)
    effect = f"caches functions of level {level} and below"
    if library != LIBROSA:
        return Reading(level, effect)
    names = ", ".join(name for least, name in _LEVEL_NAMES.items() if level >= least)
    if not names:
        effect = "no function of librosa has so low a level: nothing is cached; set 10 or more"
        return Reading(level, effect, ok=False)
    return Reading(level, f"{effect}: {names}")


def read_mmap(raw: str | None, library: str) -> Reading:
    """Read a mode in which results are mapped into memory."""
    if raw is None:
        return Reading(None, "results are read into memory")
    mode = _NUMPY_MODES.get(raw, raw)
    documented = mode == raw
    if mode in ("r+", "w+"):
        effect = "callers can overwrite cached results in place"
        if library == LIBROSA:
            effect += ", and librosa.cqt, vqt and chroma_cqt do: later calls return wrong numbers"
        effect += "; unset it, and run acache clear --all"
        return Reading(mode, effect, ok=False, documented=documented)
    if mode == "r" and library == LIBROSA:
        effect = (
            "librosa.cqt, vqt, chroma_cqt and iirt raise ValueError, as they write into cached"
            " filters; set c"
        )
        return Reading(mode, effect, ok=False, documented=documented)
    if mode in ("r", "c"):
        effect = (
            "arrays are read from the disk as they are needed; what is stored cannot be overwritten"
        )
        return Reading(mode, effect, documented=documented)
    if raw == "write":  # joblib maps with w+ as if it were r+, and not with numpy's name for it
        effect = (
            "zeros overwrite each result that is loaded, and are returned, or EOFError is raised;"
            " unset it, and run acache verify --delete"
        )
    else:
        effect = f"{library} raises ValueError at the first cached call that returns an array"
        effect += "; unset it"
    return Reading(None, effect, ok=False, documented=raw == "none")


def read_compress(raw: str | None, library: str, has_lz4: Callable[[], bool]) -> Reading:
    """Read how results are compressed."""
    if raw is None:
        return Reading(False, "results are stored as they are")
    fails = f"{library} caches nothing: every write fails and leaves a temporary file"
    if raw in _METHODS:
        if raw == "lz4" and not has_lz4():
            effect = f"{fails}, as the package lz4 is missing; install it, or set zlib"
            return Reading(None, effect, ok=False, documented=False)
        return Reading(raw, f"results are compressed with {raw}")
    if len(raw) == 1 and raw in "0123456789":
        value: Value = {"0": False, "1": True}.get(raw, int(raw))
        return Reading(value, f"{fails}; {'unset it' if raw == '0' else 'set zlib'}", ok=False)
    return Reading(None, f"{fails}; set zlib, or unset it", ok=False, documented=False)


def read_mmap_of_compressed(mmap: Reading) -> Reading:
    """Return what becomes of a mode where results are compressed as well."""
    effect = (
        "compressed results cannot be mapped: each load warns, and with joblib before 1.5 raises,"
        " or destroys what is stored; unset it"
    )
    return mmap._replace(effect=effect, ok=False)


def read_verbose(raw: str | None, library: str) -> Reading:
    """Read how much is printed."""
    try:
        verbose = 0 if raw is None else int(raw)
    except ValueError:
        effect = f"{library} raises ValueError at its first use; set a whole number such as 0"
        return Reading(None, effect, ok=False, documented=False)
    if verbose < 0:
        return Reading(0, "negative, so as quiet as 0", documented=False)
    return Reading(verbose, "cached calls print messages" if verbose else "quiet")


def read_limit(raw: str | None, parse: Callable[[str], int | float]) -> Reading:
    """Read a limit of ``acache prune``; librosa has none."""
    if raw is None:
        return Reading(None, "no limit for acache prune")
    return _read_ours(raw, parse, "the limit that the fast engine keeps")


def read_policy(raw: str | None) -> Reading:
    """Read the policy by which limits are kept; librosa has none."""
    if raw is None:
        return Reading("lru", "limits evict what was used least recently")
    return _read_ours(raw, check_policy, "the order in which the fast engine evicts")


def _read_ours(raw: str, parse: Callable[[str], str | int | float], effect: str) -> Reading:
    try:
        value = parse(raw)
    except UsageError as error:
        return Reading(None, f"acache prune refuses it: {error}", ok=False, documented=False)
    return Reading(value, f"{effect}, and acache prune if it is given none; the library ignores it")
