"""`cache`: the levelled cache that the environment describes."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

from acache.config import DEFAULT_LEVEL, DEFAULT_PREFIX, PREFIX_VARIABLE, Config
from acache.errors import AcacheWarning, UsageError
from acache.manager import CacheManager

if TYPE_CHECKING:
    import joblib


class _EnvironmentCache(CacheManager):
    """The cache that the environment describes; where it cannot be made, caching is off."""

    @property
    def memory(self) -> joblib.Memory:
        """The `joblib.Memory` behind this cache; without a location if that cannot be made."""
        try:
            return super().memory
        except OSError as error:
            _warn(f"caching is off: cannot make {self._location!r}: {error.strerror or error}")
            self._location = None
            return super().memory


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
    for name in ("cache-dir", "level", "mmap", "compress", "verbose"):
        setting = config.setting(name)
        if not setting.documented:
            _warn(f"{setting.variable}={setting.raw!r} is ignored: it has no documented meaning")
    level = config.setting("level").value
    return _EnvironmentCache(
        # joblib expands ~ itself; what is documented is passed as it stands.
        config.setting("cache-dir").raw or None,
        level=level if isinstance(level, int) else DEFAULT_LEVEL,
        mmap_mode=config.setting("mmap").value,
        compress=config.setting("compress").value,
        verbose=config.setting("verbose").value,
    )


def _warn(text: str) -> None:
    # No line of code is at fault, and whose import came first would be a matter of chance.
    warnings.warn_explicit(text, AcacheWarning, "<environment>", 1, module="acache")


cache: CacheManager = cache_from_environment()
