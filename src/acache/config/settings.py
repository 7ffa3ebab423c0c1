"""The configuration: each setting's value, where it comes from, and what librosa makes of it.

What librosa does was measured with librosa 0.11, 1.0 and joblib 1.6; tests/test_config.py repeats
it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from acache.config.units import parse_age, parse_size
from acache.system.errors import ConfigurationError, UsageError

DEFAULT_PREFIX = "LIBROSA"
DEFAULT_LEVEL = 10
PREFIX_VARIABLE = "ACACHE_ENV_PREFIX"

Origin = Literal["flag", "environment", "default"]
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
        What the library with the cache, librosa, will make of it.
    ok : bool
        Whether that is what is documented, without harm.
    documented : bool
        Whether the raw value is one that the documentation allows.
    """

    value: Value
    effect: str
    ok: bool = True
    documented: bool = True


class Setting(NamedTuple):
    """One setting, read.

    Attributes
    ----------
    name : str
        ``cache-dir``, ``level``, ``mmap``, ``compress``, ``verbose``, ``max-size``, ``max-age``,
        ``max-items``, ``env-prefix`` or ``python``.
    variable : str or None
        The environment variable that sets it.
    origin : {"flag", "environment", "default"}
    raw : str or None
        As given; None for a default.
    value, effect, ok, documented
        See `Reading`.
    """

    name: str
    variable: str
    origin: Origin
    raw: str | None
    value: Value
    effect: str
    ok: bool
    documented: bool


class Config(NamedTuple):
    """All settings.

    Attributes
    ----------
    prefix : str
        What the names of the variables begin with.
    location : str or None
        Absolute path of the location; None while caching is off.
    level : int or None
        The configured level; None where the library would fail to read it.
    python : str
        Path of the Python whose packages are meant.
    settings : tuple of Setting
    """

    prefix: str
    location: str | None
    level: int | None
    python: str
    settings: tuple[Setting, ...]

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        prefix: str | None = None,
        cache_dir: str | None = None,
        level: int | None = None,
        python: str | None = None,
        has_lz4: Callable[[str], bool] | None = None,
    ) -> Config:
        """Read the configuration: arguments over environment over defaults.

        Parameters
        ----------
        environ : mapping of str to str, optional
            By default the environment of this process.
        prefix : str, optional
            Of the variables, instead of ``ACACHE_ENV_PREFIX`` or ``LIBROSA``.
        cache_dir : str, optional
            Location, instead of ``LIBROSA_CACHE_DIR``.
        level : int, optional
            Instead of ``LIBROSA_CACHE_LEVEL``.
        python : str, optional
            Path of a Python, instead of the active environment's.
        has_lz4 : callable, optional
            Tells whether the Python with the given path has the package lz4.

        Returns
        -------
        config : Config

        Raises
        ------
        UsageError
            If the prefix or an argument can have no meaning. What the environment holds never
            raises: it is told in the settings.
        """
        environ = os.environ if environ is None else environ
        prefix_setting = _prefix_setting(environ, prefix)
        python_setting = _python_setting(environ, python)
        prefix = str(prefix_setting.value)
        library = "librosa" if prefix == DEFAULT_PREFIX else "the library"

        def lz4() -> bool:
            return has_lz4 is None or has_lz4(str(python_setting.value))

        location = _location_setting(environ, f"{prefix}_CACHE_DIR", cache_dir, library)

        def read(
            name: str, reader: Callable[[str | None], Reading], flag: str | None = None
        ) -> Setting:
            variable = f"{prefix}_CACHE_{name.upper().replace('-', '_')}"
            raw = environ.get(variable) if flag is None else flag
            origin: Origin = "default" if raw is None else "environment"
            origin = origin if flag is None else "flag"
            return Setting(name, variable, origin, raw, *_ordered(reader(raw)))

        level_setting = read(
            "level",
            lambda raw: _read_level(raw, prefix, library),
            None if level is None else str(level),
        )
        mmap = read("mmap", lambda raw: _read_mmap(raw, prefix, library))
        compress = read("compress", lambda raw: _read_compress(raw, library, lz4))
        if mmap.raw is not None and compress.ok and compress.value:
            effect = (
                "compressed results cannot be mapped: each load warns, and with joblib before 1.5"
                " raises, or destroys what is stored; unset it"
            )
            mmap = mmap._replace(effect=effect, ok=False)
        settings = (
            location,
            level_setting,
            mmap,
            compress,
            read("verbose", lambda raw: _read_verbose(raw, library)),
            read("max-size", lambda raw: _read_limit(raw, parse_size)),
            read("max-age", lambda raw: _read_limit(raw, parse_age)),
            read("max-items", lambda raw: _read_limit(raw, _parse_count)),
            prefix_setting,
            python_setting,
        )
        return cls(
            prefix=prefix,
            location=None if location.value is None else str(location.value),
            level=level_setting.value if isinstance(level_setting.value, int) else None,
            python=str(python_setting.value),
            settings=settings,
        )

    def setting(self, name: str) -> Setting:
        """Return the setting of a name."""
        return next(setting for setting in self.settings if setting.name == name)

    def environment(self, environ: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment in which a library reads the location and level that are meant.

        Parameters
        ----------
        environ : mapping of str to str, optional
            What the environment is otherwise; by default that of this process.
        """
        meant = dict(os.environ if environ is None else environ)
        for setting in (self.setting("cache-dir"), self.setting("level")):
            if setting.origin == "flag":
                meant[setting.variable] = str(setting.value)
        return meant

    def warnings(self) -> list[str]:
        """Tell each setting that does not do what it should, with what it does instead."""
        doubtful = [s for s in self.settings if not (s.ok and s.documented)]
        return [f"{s.variable}={s.raw!r}: {s.effect}" for s in doubtful]

    def environment_at(
        self,
        location: str | None,
        *,
        level: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Return the environment of a process that is to use another cache.

        Parameters
        ----------
        location : str or None
            None turns its caching off.
        level : int, optional
            By default as it is.
        environ : mapping of str to str, optional
            What the environment is otherwise; by default that of this process.
        """
        meant = dict(os.environ if environ is None else environ)
        meant.pop(self.setting("cache-dir").variable, None)
        if location is not None:
            meant[self.setting("cache-dir").variable] = location
        if level is not None:
            meant[self.setting("level").variable] = str(level)
        return meant

    def require_python(self) -> str:
        """Return the path of the Python that is to run something.

        Raises
        ------
        ConfigurationError
            If the active environment has none.
        """
        setting = self.setting("python")
        if not setting.ok:
            raise ConfigurationError(f"{setting.variable}={setting.raw!r}: {setting.effect}")
        return self.python

    def require_location(self) -> str:
        """Return the location.

        Raises
        ------
        ConfigurationError
            If there is none.
        """
        if self.location is None:
            variable = self.setting("cache-dir").variable
            raise ConfigurationError(
                f"no cache location: set {variable} in the environment, or give --cache-dir PATH"
            )
        return self.location


def _ordered(reading: Reading) -> tuple[Value, str, bool, bool]:
    return reading.value, reading.effect, reading.ok, reading.documented


def _prefix_setting(environ: Mapping[str, str], flag: str | None) -> Setting:
    raw = environ.get(PREFIX_VARIABLE) if flag is None else flag
    origin: Origin = "flag" if flag is not None else "default" if raw is None else "environment"
    value = DEFAULT_PREFIX if raw is None else raw
    if not (value.isidentifier() and value.isascii()):
        source = "--env-prefix" if flag is not None else PREFIX_VARIABLE
        raise UsageError(
            f"{source} {value!r} cannot begin a variable's name; use letters, digits and _"
        )
    effect = f"settings are read from {value}_CACHE_*"
    return Setting("env-prefix", PREFIX_VARIABLE, origin, raw, value, effect, True, True)


def _python_setting(environ: Mapping[str, str], flag: str | None) -> Setting:
    if flag is not None:
        path = _executable(os.path.expanduser(flag))
        if path is None:
            raise UsageError(f"--python {flag!r} is no program; give the path of a Python")
        return Setting("python", "VIRTUAL_ENV", "flag", flag, path, "as asked", True, True)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        raw = environ.get(variable)
        path = raw and _environment_python(os.path.abspath(raw))
        if path:
            effect = "the active environment's packages"
            return Setting("python", variable, "environment", raw, path, effect, True, True)
        if raw and (variable == "VIRTUAL_ENV" or not os.path.isdir(raw)):
            # Environments of Conda need not have a Python. To take another one than is meant would
            # call current results stale.
            effect = (
                "there is no Python in it, so nothing is known of installed packages; unset it, or"
                " give --python PATH"
            )
            path = os.path.join(os.path.abspath(raw), "bin", "python")
            return Setting("python", variable, "environment", raw, path, effect, False, True)
    effect = "no environment is active: acache's own packages"
    return Setting("python", "VIRTUAL_ENV", "default", None, sys.executable, effect, True, True)


def _environment_python(folder: str) -> str | None:
    for parts in (("bin", "python"), ("Scripts", "python.exe"), ("python.exe",)):
        path = os.path.join(folder, *parts)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            same = os.path.abspath(folder) == os.path.abspath(sys.prefix)
            return sys.executable if same else path
    return None


def _executable(name: str) -> str | None:
    import shutil

    found = shutil.which(name)
    return None if found is None else os.path.abspath(found)


def _location_setting(
    environ: Mapping[str, str], variable: str, flag: str | None, library: str
) -> Setting:
    raw = environ.get(variable) if flag is None else flag
    origin: Origin = "flag" if flag is not None else "default" if raw is None else "environment"
    if flag == "":
        raise UsageError("--cache-dir '' is no path; give the folder of the cache")
    return Setting("cache-dir", variable, origin, raw, *_ordered(_read_location(raw, library)))


def _read_location(raw: str | None, library: str) -> Reading:
    if raw is None:
        return Reading(None, "caching is off")
    if raw == "":
        effect = f"{library} caches into ./joblib of the current folder; unset it to stop that"
        return Reading(_absolute(os.curdir), effect, ok=False, documented=False)
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


def _read_level(raw: str | None, prefix: str, library: str) -> Reading:
    if raw is None:
        return Reading(DEFAULT_LEVEL, _level_effect(DEFAULT_LEVEL, prefix))
    try:
        level = int(raw)
    except ValueError:
        effect = f"{library} raises ValueError at its first use; set a whole number such as 10"
        return Reading(None, effect, ok=False, documented=False)
    if prefix == DEFAULT_PREFIX and level < min(_LEVEL_NAMES):
        effect = "no function of librosa has so low a level: nothing is cached; set 10 or more"
        return Reading(level, effect, ok=False)
    return Reading(level, _level_effect(level, prefix))


def _level_effect(level: int, prefix: str) -> str:
    if prefix != DEFAULT_PREFIX:
        return f"caches functions of level {level} and below"
    names = ", ".join(name for least, name in _LEVEL_NAMES.items() if level >= least)
    return f"caches functions of level {level} and below: {names}"


def _read_mmap(raw: str | None, prefix: str, library: str) -> Reading:
    if raw is None:
        return Reading(None, "results are read into memory")
    fails = f"{library} raises ValueError at the first cached call that returns an array; unset it"
    if raw == "none":
        return Reading(None, fails, ok=False)
    if raw == "write":  # joblib maps with w+ as if it were r+, and not with numpy's name for it
        effect = (
            "zeros overwrite each result that is loaded, and are returned, or EOFError is raised;"
            " unset it, and run acache verify --delete"
        )
        return Reading(None, effect, ok=False, documented=False)
    mode = _NUMPY_MODES.get(raw, raw)
    if mode not in ("r", "c", "r+", "w+"):
        return Reading(None, fails, ok=False, documented=False)
    effect = (
        "arrays are read from the disk as they are needed; what is stored cannot be overwritten"
    )
    ours = prefix == DEFAULT_PREFIX
    if mode in ("r+", "w+"):
        effect = "callers can overwrite cached results in place"
        if ours:
            effect += ", and librosa.cqt, vqt and chroma_cqt do: later calls return wrong numbers"
        effect += "; unset it, and run acache clear --all"
    elif mode == "r" and ours:
        effect = (
            "librosa.cqt, vqt, chroma_cqt and iirt raise ValueError, as they write into cached"
            " filters; set c"
        )
    return Reading(mode, effect, ok=mode == "c" or (mode == "r" and not ours),
                   documented=mode == raw)  # fmt: skip


def _read_compress(raw: str | None, library: str, has_lz4: Callable[[], bool]) -> Reading:
    if raw is None:
        return Reading(False, "results are stored as they are")
    fails = f"{library} caches nothing: every write fails and leaves a temporary file"
    if raw in _METHODS:
        if raw == "lz4" and not has_lz4():
            remedy = "as the package lz4 is missing; install it, or set zlib"
            return Reading(None, f"{fails}, {remedy}", ok=False, documented=False)
        return Reading(raw, f"results are compressed with {raw}")
    if len(raw) == 1 and raw in "0123456789":
        value: Value = {"0": False, "1": True}.get(raw, int(raw))
        remedy = "unset it" if raw == "0" else "set zlib"
        return Reading(value, f"{fails}; {remedy}", ok=False)
    return Reading(None, f"{fails}; set zlib, or unset it", ok=False, documented=False)


def _read_verbose(raw: str | None, library: str) -> Reading:
    if raw is None:
        return Reading(0, "quiet")
    try:
        verbose = int(raw)
    except ValueError:
        effect = f"{library} raises ValueError at its first use; set a whole number such as 0"
        return Reading(None, effect, ok=False, documented=False)
    if verbose < 0:
        return Reading(0, "negative, so as quiet as 0", documented=False)
    return Reading(verbose, "quiet" if verbose == 0 else "cached calls print messages")


def _read_limit(raw: str | None, parse: Callable[[str], int | float]) -> Reading:
    if raw is None:
        return Reading(None, "no limit for acache prune")
    try:
        value = parse(raw)
    except UsageError as error:
        return Reading(None, f"acache prune refuses it: {error}", ok=False, documented=False)
    return Reading(value, "the limit of acache prune where none is given; the library ignores it")


def _parse_count(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or len(text) > 18:
        raise UsageError(f"{text!r} is not a number of entries; write it like 1000")
    return int(text)


def debugging(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether ``ACACHE_DEBUG=1`` asks for tracebacks."""
    return (os.environ if environ is None else environ).get("ACACHE_DEBUG", "") not in ("", "0")


def columns(environ: Mapping[str, str] | None = None) -> int | None:
    """Return the width that ``COLUMNS`` asks for; None if it asks for none."""
    raw = (os.environ if environ is None else environ).get("COLUMNS", "")
    return max(int(raw), 20) if raw.isascii() and raw.isdigit() and 0 < len(raw) < 6 else None
