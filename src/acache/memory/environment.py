"""`cache`: the levelled cache that the environment describes."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from acache.config.effects import DEFAULT_LEVEL
from acache.config.settings import DEFAULT_PREFIX, PREFIX_VARIABLE, Config, Setting
from acache.memory.manager import CacheManager
from acache.system.errors import AcacheWarning, UsageError

if TYPE_CHECKING:
    import joblib

F = TypeVar("F", bound=Callable[..., Any])


class _EnvironmentCache(CacheManager):
    """The cache that the environment describes; where it cannot be written, caching is off."""

    def __call__(self, level: int, **options: Any) -> Callable[[F], F]:
        """Return a decorator that caches a function of a level; see `CacheManager`."""
        decorate = super().__call__(level, **options)

        def decorator(function: F) -> F:
            try:
                return decorate(function)
            except OSError as error:  # joblib makes a folder for each function
                self._switch_off(error)
                return function

        return decorator

    def _make_memory(self) -> joblib.Memory:
        try:
            return super()._make_memory()
        except OSError as error:
            self._switch_off(error)
            return super()._make_memory()

    def _switch_off(self, error: OSError) -> None:
        where = error.filename or self._location
        _warn(f"caching is off: cannot write {where!r}: {error.strerror or error}")
        self._location = None
        self._memory = None


def cache_from_environment() -> CacheManager:
    """Build the cache that ``LIBROSA_CACHE_DIR`` and its kin describe.

    Each value that is not documented is warned of and takes its default; nothing raises.

    Returns
    -------
    cache : CacheManager
    """
    try:
        config = Config.from_env(has_lz4=lambda _: find_spec("lz4") is not None)
    except UsageError as error:
        _warn(f"{error}; {DEFAULT_PREFIX} is taken")
        config = Config.from_env({**os.environ, PREFIX_VARIABLE: DEFAULT_PREFIX})
    for setting in (config.cache_dir, config.level, config.mmap, config.compress, config.verbose):
        if not setting.documented:
            _warn(f"{setting.variable}={setting.raw!r} is ignored: it has no documented meaning")

    def value(setting: Setting, default: object) -> Any:
        return setting.value if setting.documented else default

    return _EnvironmentCache(
        # joblib expands ~ itself; what is documented is passed as it stands.
        config.cache_dir.raw or None,
        level=value(config.level, DEFAULT_LEVEL),
        mmap_mode=value(config.mmap, None),
        compress=value(config.compress, False),
        verbose=value(config.verbose, 0),
    )


def _warn(text: str) -> None:
    # No line of code is at fault, and whose import came first would be a matter of chance.
    warnings.warn_explicit(text, AcacheWarning, "<environment>", 1, module="acache")


cache: CacheManager = cache_from_environment()
