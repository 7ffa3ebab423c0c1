"""The configuration: the value of each setting, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from acache.config.buckets import is_url, without_secrets
from acache.config.effects import (
    LIBROSA,
    Reading,
    read_compress,
    read_level,
    read_limit,
    read_location,
    read_mmap,
    read_mmap_of_compressed,
    read_policy,
    read_verbose,
)
from acache.config.python import find_python
from acache.config.units import parse_age, parse_size
from acache.system.errors import ConfigurationError, UsageError

DEFAULT_PREFIX = "LIBROSA"
PREFIX_VARIABLE = "ACACHE_ENV_PREFIX"

Origin = Literal["flag", "environment", "default"]


class Setting(NamedTuple):
    """One setting, read.

    Attributes
    ----------
    name : str
        ``cache-dir``, ``level``, ``mmap``, ``compress``, ``verbose``, ``max-size``, ``max-age``,
        ``max-items``, ``policy``, ``env-prefix`` or ``python``.
    variable : str
        The environment variable that sets it.
    origin : {"flag", "environment", "default"}
    raw : str or None
        As given, but a URL without what may be secret; None for a default.
    value : str, int, float, bool or None
        The documented meaning, sizes in bytes, ages in seconds; None where there is none.
    effect : str
        What the library will make of it.
    ok : bool
        Whether that is what is documented, without harm.
    documented : bool
        Whether the raw value is one that the documentation allows.
    """

    name: str
    variable: str
    origin: Origin
    raw: str | None
    value: Any
    effect: str
    ok: bool
    documented: bool

    @property
    def summary(self) -> str:
        """What was given, and its effect."""
        if self.origin == "flag":
            return f"--{self.name} {self.raw!r}: {self.effect}"
        return f"{self.variable}={self.raw!r}: {self.effect}"


class Config(NamedTuple):
    """All settings.

    Attributes
    ----------
    cache_dir : Setting
        Its value is the absolute path of the location; None while caching is off.
    level : Setting
        Its value is None where the library would fail to read it.
    mmap, compress, verbose : Setting
    max_size, max_age, max_items : Setting
        The limits of ``acache prune`` and of the fast engine.
    policy : Setting
        The order in which these evict.
    env_prefix : Setting
        What the names of the variables begin with.
    python : Setting
        Its value is the path of the Python whose packages are meant.
    """

    cache_dir: Setting
    level: Setting
    mmap: Setting
    compress: Setting
    verbose: Setting
    max_size: Setting
    max_age: Setting
    max_items: Setting
    policy: Setting
    env_prefix: Setting
    python: Setting

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
            Returns whether the Python with the given path has the package lz4.

        Returns
        -------
        config : Config

        Raises
        ------
        UsageError
            If the prefix or an argument can have no meaning. What the environment holds never
            raises: the settings say what is wrong with it.
        """
        environ = os.environ if environ is None else environ
        env_prefix = _env_prefix(environ, prefix)
        if cache_dir == "":
            raise UsageError("--cache-dir '' is no path; give the folder of the cache")
        variable, raw, found = find_python(environ, python)
        python_setting = _setting("python", variable, python, raw, lambda _: found)
        library = _library(env_prefix.value)

        def read(
            name: str,
            reader: Callable[[str | None], Reading],
            flag: str | None = None,
        ) -> Setting:
            last = name.removeprefix("cache-").upper().replace("-", "_")
            variable = f"{env_prefix.value}_CACHE_{last}"
            return _setting(name, variable, flag, environ.get(variable), reader)

        def lz4() -> bool:
            return has_lz4 is None or has_lz4(python_setting.value)

        compress = read("compress", lambda raw: read_compress(raw, library, lz4))
        compressed = compress.ok and bool(compress.value)

        def mmap(raw: str | None) -> Reading:
            reading = read_mmap(raw, library)
            return reading if raw is None or not compressed else read_mmap_of_compressed(reading)

        return cls(
            cache_dir=read("cache-dir", lambda raw: read_location(raw, library), cache_dir),
            level=read(
                "level",
                lambda raw: read_level(raw, library),
                None if level is None else str(level),
            ),
            mmap=read("mmap", mmap),
            compress=compress,
            verbose=read("verbose", lambda raw: read_verbose(raw, library)),
            max_size=read("max-size", lambda raw: read_limit(raw, parse_size)),
            max_age=read("max-age", lambda raw: read_limit(raw, parse_age)),
            max_items=read("max-items", lambda raw: read_limit(raw, _parse_count)),
            policy=read("policy", read_policy),
            env_prefix=env_prefix,
            python=python_setting,
        )

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every setting, in order."""
        return tuple(self)

    @property
    def limits(self) -> tuple[Setting, Setting, Setting]:
        """The settings that limit the cache: size, number of entries, age."""
        return self.max_size, self.max_items, self.max_age

    @property
    def prefix(self) -> str:
        """What the names of the variables begin with."""
        return str(self.env_prefix.value)

    @property
    def cached_library(self) -> str:
        """What to call the library whose cache it is."""
        return _library(self.prefix)

    @property
    def location(self) -> str | None:
        """Absolute path of the location; None while caching is off."""
        location: str | None = self.cache_dir.value
        return location

    def warnings(self) -> list[str]:
        """Name each setting that does not do what it should, with what it does instead."""
        return [setting.summary for setting in self if not (setting.ok and setting.documented)]

    def require_python(self) -> str:
        """Return the path of the Python that is to run something.

        Raises
        ------
        ConfigurationError
            If the active environment has none.
        """
        if not self.python.ok:
            raise ConfigurationError(self.python.summary)
        return str(self.python.value)

    def require_location(self) -> str:
        """Return the location.

        Raises
        ------
        ConfigurationError
            If there is none.
        """
        if self.location is None and self.cache_dir.raw is not None:
            raise ConfigurationError(self.cache_dir.summary)
        if self.location is None:
            raise ConfigurationError(
                f"no cache location: set {self.cache_dir.variable} in the environment, or give"
                " --cache-dir PATH"
            )
        return self.location


def _setting(
    name: str,
    variable: str,
    flag: str | None,
    raw: str | None,
    reader: Callable[[str | None], Reading],
) -> Setting:
    """Read one setting: an argument over a variable over the default."""
    origin: Origin = "flag" if flag is not None else "default" if raw is None else "environment"
    raw = raw if flag is None else flag
    reading = reader(raw)
    if raw is not None and is_url(raw):
        raw = without_secrets(raw)
    return Setting(name, variable, origin, raw, *reading)


def _env_prefix(environ: Mapping[str, str], flag: str | None) -> Setting:
    def reader(raw: str | None) -> Reading:
        value = DEFAULT_PREFIX if raw is None else raw
        if not (value.isidentifier() and value.isascii()):
            source = PREFIX_VARIABLE if flag is None else "--env-prefix"
            raise UsageError(
                f"{source} {value!r} cannot begin a variable's name; use letters, digits and _"
            )
        return Reading(value, f"settings are read from {value}_CACHE_*")

    raw = environ.get(PREFIX_VARIABLE)
    return _setting("env-prefix", PREFIX_VARIABLE, flag, raw, reader)


def _library(prefix: str) -> str:
    return LIBROSA if prefix == DEFAULT_PREFIX else "the library"


def _parse_count(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or len(text) > 18:
        raise UsageError(f"{text!r} is not a number of entries; write it like 1000")
    return int(text)


def debugging() -> bool:
    """Return whether ``ACACHE_DEBUG=1`` asks for tracebacks."""
    return os.environ.get("ACACHE_DEBUG", "") not in ("", "0")


def columns() -> int | None:
    """Return the width that ``COLUMNS`` asks for; None if it asks for none."""
    raw = os.environ.get("COLUMNS", "")
    return max(int(raw), 20) if raw.isascii() and raw.isdigit() and 0 < len(raw) < 6 else None
